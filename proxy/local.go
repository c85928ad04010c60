package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/jsapi"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// answerTicket answers a request for a ticket from the cache. A type that is not cached
// is WeChat's to answer.
func (p *Proxy) answerTicket(x *exchange) error {
	ticketType := x.route.Ticket
	if ticketType == "" {
		if ticketType = x.ticketType(); !slices.Contains(x.kind.Table.TicketTypes, ticketType) {
			return p.forwardWithToken(x) // WeChat answers it
		}
	}
	began := x.span.Now()
	ticket, life, err := x.account.LendTicket(ticketType, p.config.TokenWait)
	x.span.AddTokenWait(began)
	if err != nil {
		return asRefused(err)
	}
	body, err := json.Marshal(struct {
		Errcode   int    `json:"errcode"`
		Errmsg    string `json:"errmsg"`
		Ticket    string `json:"ticket"`
		ExpiresIn int64  `json:"expires_in"`
	}{0, "ok", ticket, wholeSeconds(life)})
	if err != nil {
		return err
	}
	x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	x.answerJSON(body)
	return nil
}

// wholeSeconds returns how long something lives as WeChat states it. It is at least 1:
// caches take 0 for a life without end.
func wholeSeconds(life time.Duration) int64 { return max(1, int64(life/time.Second)) }

// ticketType returns the type of ticket that is asked for, in the query or, as some SDKs
// do, in the body of a POST. It returns "" if that cannot be read.
func (x *exchange) ticketType() string {
	if ticketType, ok := target.QueryValue(x.target.Query, "type"); ok || x.body.Len() == 0 || x.body.Len() > body.MemorySize {
		return ticketType
	}
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ""
	}
	var ticketType members.Value
	_, err = members.Rewrite(body, []string{"type"}, func(_, value string) (string, bool) {
		ticketType.Add(value)
		return "", false
	})
	if err != nil || ticketType.Conflicts || x.fields.packed {
		return "" // WeChat answers it
	}
	return ticketType.Text
}

// asRefused returns err. If err is WeChat's refusal to issue a ticket, or of another call of
// the proxy's own that the caller waits for, the caller gets WeChat's errcode and errmsg, as
// if WeChat had just been asked.
func asRefused(err error) error {
	var ticket interface {
		error
		RefusedTicket() (errcode int, errmsg string, ok bool)
	}
	if errors.As(err, &ticket) {
		if errcode, errmsg, ok := ticket.RefusedTicket(); ok {
			return refuseAsWeChat(errcode, errmsg)
		}
	}
	var call interface {
		error
		RefusedCall() (errcode int, errmsg string, ok bool)
	}
	if errors.As(err, &call) {
		if errcode, errmsg, ok := call.RefusedCall(); ok {
			return refuseAsWeChat(errcode, errmsg)
		}
	}
	return err
}

// answerOwnPage answers a request to one of the proxy's own pages.
func (p *Proxy) answerOwnPage(x *exchange) error {
	if string(x.target.Policy) != accountkind.SignaturePath {
		return refuse(noCredential, "the proxy has no such page; there is GET /wxproxy/jsapi-signature?url=...")
	}
	if method := string(x.message.Method); method != "GET" && method != "HEAD" {
		return refuse(badRequest, "a signature is asked for with GET")
	}
	return p.answerSignature(x)
}

// answerSignature answers with the signature that the page in x's query gives to
// wx.config or, with the type of ticket for that, to wx.agentConfig.
func (p *Proxy) answerSignature(x *exchange) error {
	table := x.kind.Table
	if table.PageTicket == "" || x.account.isComponent() {
		return refuse(noCredential, "accounts of this kind have no ticket for pages, so nothing can be signed")
	}
	signer := jsapi.Signer{AppID: x.account.AppID, PageTicket: table.PageTicket, AgentTicket: table.AgentTicket, Agent: x.account.Agent.Value()}
	question, err := signer.Read(x.target.Query, table.TokenParameters)
	if err != nil {
		return refuse(badRequest, err.Error())
	}
	began := x.span.Now()
	ticket, err := x.account.Ticket(question.Ticket, p.config.TokenWait)
	x.span.AddTokenWait(began)
	if err != nil {
		return asRefused(err)
	}
	return x.answerWith(json.Marshal(question.Sign(ticket, time.Now())))
}

// answerHealth tells a load balancer, which has no key, whether the process works and
// whether to send requests to it. The answer names no account and no client.
func (p *Proxy) answerHealth(x *exchange) error {
	if method := string(x.message.Method); method != fasthttp.MethodGet && method != fasthttp.MethodHead {
		return refuse(badRequest, "health is asked for with GET or HEAD")
	}
	resp, body := &x.ctx.Response, `{"status":"ok"}`
	if string(x.target.Policy) == accountkind.ReadinessPath {
		all, err := asksForAll(x.target.Query)
		switch {
		case err != nil:
			return err
		case p.door.leaving.Load():
			resp.SetStatusCode(fasthttp.StatusServiceUnavailable)
			body = `{"ready":false,"draining":true}`
		case p.config.Ready != nil && !p.config.Ready(all):
			resp.SetStatusCode(fasthttp.StatusServiceUnavailable)
			body = `{"ready":false}`
		default:
			body = `{"ready":true}`
		}
	}
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.SetContentType("application/json; charset=utf-8")
	resp.SetBodyString(body)
	return nil
}

// Refusals of questions about readiness that are answered only at the admin listener, or
// nowhere.
var (
	errAllOf     = refuse(badRequest, "all=1 asks whether every account has a token; without it one of them is enough")
	errOfAccount = refuse(badRequest, "whether one account has a token is told by the admin listener alone: /readyz?account=NAME")
)

// asksForAll reports whether the query asks whether every account is ready. It is an error
// to ask about one account: by that, callers without a key could find out which names there
// are.
func asksForAll(query []byte) (bool, error) {
	asked, err := url.ParseQuery(strings.TrimPrefix(string(query), "?"))
	switch all, found := asked["all"]; {
	case err != nil, found && (len(all) > 1 || all[0] != "1"):
		return false, errAllOf
	case asked.Has("account"):
		return false, errOfAccount
	default:
		return found, nil
	}
}

// withTicket is the class of requests that are answered from the cache of tickets.
type withTicket struct{ withToken }

func (withTicket) answer(p *Proxy, x *exchange) error { return p.answerTicket(x) }

// answerJSON answers as WeChat does.
func (x *exchange) answerJSON(body []byte) {
	x.ctx.Response.Header.SetContentType("application/json; encoding=utf-8")
	x.ctx.Response.SetBody(body)
}

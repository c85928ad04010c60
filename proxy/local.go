package proxy

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// answerTicket answers /cgi-bin/ticket/getticket from the cache, for the types
// of tickets that there are.
func (p *Proxy) answerTicket(x *exchange) error {
	kind := x.ticketType()
	if kind != "jsapi" && kind != "wx_card" {
		return p.forwardWithToken(x) // WeChat knows what to say
	}
	ticket, life, err := x.account.LendTicket(kind, p.config.TokenWait)
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

// ticketType returns the type that is asked for, in the query or, as some SDKs
// that POST have it, in the body.
func (x *exchange) ticketType() string {
	if kind, ok := target.QueryValue(x.target.Query, "type"); ok || x.body.Len() == 0 || x.body.Len() > body.MemorySize {
		return kind
	}
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ""
	}
	var kind statement
	_, err = members.Rewrite(body, []string{"type"}, func(_, value string) (string, bool) {
		kind.hear(value)
		return "", false
	})
	if err != nil || kind.disputed || x.fields.packed {
		return "" // WeChat knows what to say
	}
	return kind.text
}

// asRefused returns err, and WeChat's refusal to issue a ticket in its words, as if
// it had been asked just now.
func asRefused(err error) error {
	var refusal interface {
		error
		RefusedTicket() (errcode int, errmsg string, ok bool)
	}
	if errors.As(err, &refusal) {
		if errcode, errmsg, ok := refusal.RefusedTicket(); ok {
			return refuseAsWeChat(errcode, errmsg)
		}
	}
	return err
}

// answerLocally answers what is the proxy's own.
func (p *Proxy) answerLocally(x *exchange) error {
	if string(x.target.Policy) != accountkind.SignaturePath {
		return refuse(noCredential, "the proxy has no such page; there is GET /wxproxy/jsapi-signature?url=...")
	}
	if method := string(x.message.Method); method != "GET" && method != "HEAD" {
		return refuse(badRequest, "a signature is asked for with GET")
	}
	return p.answerSignature(x)
}

// wholeSeconds returns a life as WeChat states it. It is never 0, which caches take
// for no end at all.
func wholeSeconds(life time.Duration) int64 { return max(1, int64(life/time.Second)) }

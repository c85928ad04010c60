package proxy

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// answerTicket answers /cgi-bin/ticket/getticket from the cache, for the types
// of tickets that there are.
func (p *Proxy) answerTicket(x *exchange) error {
	kind := x.ticketType()
	if kind != "jsapi" && kind != "wx_card" {
		return p.forwardWithToken(x) // WeChat knows what to say
	}
	ticket, life, err := p.ticket(x.account, kind)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Errcode   int    `json:"errcode"`
		Errmsg    string `json:"errmsg"`
		Ticket    string `json:"ticket"`
		ExpiresIn int64  `json:"expires_in"`
	}{0, "ok", ticket, int64(life / time.Second)})
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
	if kind, ok := queryValue(x.target.query, "type"); ok || x.body.size == 0 || x.body.size > memorySize {
		return kind
	}
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ""
	}
	var ask struct {
		Type string `json:"type"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) && json.Unmarshal(body, &ask) == nil {
		return ask.Type
	}
	form, _ := url.ParseQuery(string(body)) // what is broken is missing
	return form.Get("type")
}

// ticket returns an account's ticket. WeChat's refusal to issue one is refused in
// its words, as if it had been asked just now.
func (p *Proxy) ticket(a *Account, kind string) (string, time.Duration, error) {
	ticket, life, err := a.Ticket(kind, p.config.TokenWait)
	var refusal interface {
		error
		Refused() (errcode int, errmsg string)
	}
	if errors.As(err, &refusal) {
		errcode, errmsg := refusal.Refused()
		return "", 0, refuseAsWeChat(errcode, errmsg)
	}
	return ticket, life, err
}

// answerLocally answers what is the proxy's own.
func (p *Proxy) answerLocally(x *exchange) error {
	if string(x.target.policy) != "/wxproxy/jsapi-signature" {
		return refuse(noCredential, "the proxy has no such page; there is GET /wxproxy/jsapi-signature?url=...")
	}
	if method := string(x.message.Method); method != "GET" && method != "HEAD" {
		return refuse(badRequest, "a signature is asked for with GET")
	}
	page, _ := queryValue(x.target.query, "url")
	page, _, _ = strings.Cut(page, "#")
	if !strings.HasPrefix(page, "http://") && !strings.HasPrefix(page, "https://") {
		return refuse(badRequest, "url must be the page's own, percent-encoded, as in ?url=https%3A%2F%2Fshop.example%2F")
	}
	ticket, _, err := p.ticket(x.account, "jsapi")
	if err != nil {
		return err
	}
	body, err := json.Marshal(sign(x.account.AppID, ticket, page, time.Now()))
	if err != nil {
		return err
	}
	x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	x.answerJSON(body)
	return nil
}

// A jsapiSignature is what a page gives to wx.config, in its words.
type jsapiSignature struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	NonceStr  string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// sign signs page as WeChat says:
// https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html
func sign(appID, ticket, page string, now time.Time) jsapiSignature {
	s := jsapiSignature{AppID: appID, Timestamp: now.Unix(), NonceStr: rand.Text()}
	s.Signature = signature(ticket, s.NonceStr, s.Timestamp, page)
	return s
}

func signature(ticket, nonce string, timestamp int64, page string) string {
	signed := fmt.Sprintf("jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket, nonce, timestamp, page)
	sum := sha1.Sum([]byte(signed))
	return hex.EncodeToString(sum[:])
}

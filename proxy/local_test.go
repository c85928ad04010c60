package proxy

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// refusedTicket is an error that WeChat's refusal is in.
type refusedTicket struct{ errcode int }

func (r refusedTicket) Error() string          { return "refused" }
func (r refusedTicket) Refused() (int, string) { return r.errcode, "api unauthorized rid: 1-2" }

// withTicket is a proxy whose account shop has tickets, or err instead.
func withTicket(u Upstream, err error) *Proxy {
	a := account("shop", "wxshop")
	a.Ticket = func(kind string, _ time.Duration) (string, time.Duration, error) {
		return "ticket-" + kind, 345*time.Second + 999, err
	}
	return New(config(u, a))
}

func TestTicketsComeFromTheCacheHoweverTheyAreAskedFor(t *testing.T) {
	const path = "/cgi-bin/ticket/getticket"
	for _, row := range []struct{ name, raw, want string }{
		{"GET", get(path + "?type=jsapi&access_token=x"), "ticket-jsapi"},
		{"POST with a query", post(path+"?access_token=x&type=wx_card", ""), "ticket-wx_card"},
		{"a form", post(path, "type=jsapi"), "ticket-jsapi"},
		{"JSON", post(path, `{"type":"wx_card"}`), "ticket-wx_card"},
		{"a type that WeChat knows", get(path + "?type=other"), ""},
		{"no type", get(path), ""},
		{"broken JSON", post(path, `{"type":`), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{okBody}}
			ctx := handle(t, withTicket(u, nil), row.raw)
			want := okBody
			if row.want != "" {
				want = `{"errcode":0,"errmsg":"ok","ticket":"` + row.want + `","expires_in":345}`
			}
			if got := string(ctx.Response.Body()); got != want || len(u.got) == 0 != (row.want != "") {
				t.Errorf("got %s, and %d requests at WeChat's; want %s", got, len(u.got), want)
			}
		})
	}
}

func TestWithoutATicketTheCallerLearnsWhy(t *testing.T) {
	for _, path := range []string{"/cgi-bin/ticket/getticket?type=jsapi", "/wxproxy/jsapi-signature?url=https://shop.example/"} {
		for _, row := range []struct {
			err    error
			status int
			want   string
		}{
			{fmt.Errorf("no ticket: %w", refusedTicket{48001}), 200, `{"errcode":48001,"errmsg":"api unauthorized rid: 1-2"}`},
			{laterError{time.Second}, 503, "token_unavailable"},
			{errors.New("x"), 500, "internal_error"},
		} {
			ctx := handle(t, withTicket(new(recorder), row.err), get(path))
			if got := string(ctx.Response.Body()); ctx.Response.StatusCode() != row.status || !strings.Contains(got, row.want) {
				t.Errorf("%s, %v: got %d %s; want %d %s", path, row.err, ctx.Response.StatusCode(), got, row.status, row.want)
			}
			if got := string(ctx.Response.Header.Peek("Wxproxy-Account")); got != "shop" {
				t.Errorf("%s, %v: got the account %q; want shop", path, row.err, got)
			}
		}
	}
}

func TestAPageIsSigned(t *testing.T) {
	const page = "https://shop.example/a?b=c&d=%20"
	ctx := handle(t, withTicket(new(recorder), nil), get("/wxproxy/jsapi-signature?url="+url.QueryEscape(page+"#part")))
	var got struct {
		AppID     string `json:"appId"`
		Timestamp int64
		NonceStr  string `json:"nonceStr"`
		Signature string
	}
	if err := json.Unmarshal(ctx.Response.Body(), &got); err != nil {
		t.Fatalf("%v in %s", err, ctx.Response.Body())
	}
	sum := sha1.Sum([]byte(fmt.Sprintf("jsapi_ticket=ticket-jsapi&noncestr=%s&timestamp=%d&url=%s", got.NonceStr, got.Timestamp, page)))
	if got.Signature != hex.EncodeToString(sum[:]) || got.AppID != "wxshop" || len(got.NonceStr) < 16 {
		t.Errorf("got %+v; want the signature of %s", got, page)
	}
	if age := time.Now().Unix() - got.Timestamp; age < 0 || age > 5 {
		t.Errorf("got the timestamp %d; want now", got.Timestamp)
	}
}

// The vector is WeChat's own:
// https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html#62
func TestTheSignatureIsWeChats(t *testing.T) {
	const ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
	signed := signature(ticket, "Wm3WZYTPz0wzccnW", 1414587457, "http://mp.weixin.qq.com?params=value")
	if want := "0f9de62fce790f9a083d5c99e95740ceb90c27ed"; signed != want {
		t.Errorf("got %s; want %s", signed, want)
	}
}

func TestOnlyPagesAreSigned(t *testing.T) {
	for _, raw := range []string{
		get("/wxproxy/jsapi-signature"), get("/wxproxy/jsapi-signature?url="), get("/wxproxy/jsapi-signature?url=shop.example"),
		get("/wxproxy/jsapi-signature?url=javascript:x"), post("/wxproxy/jsapi-signature?url=https://shop.example/", ""),
	} {
		if ctx := handle(t, withTicket(new(recorder), nil), raw); slugOf(ctx) != "bad_request" {
			t.Errorf("%.60q: got %s; want bad_request", raw, ctx.Response.Body())
		}
	}
	if ctx := handle(t, withTicket(new(recorder), nil), get("/wxproxy/other")); slugOf(ctx) != "no_credential" {
		t.Errorf("another page: got %s; want no_credential", ctx.Response.Body())
	}
}

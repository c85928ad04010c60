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

	"wxproxy/proxy/internal/rawtest"
)

// refusedTicket is an error that WeChat's refusal is in.
type refusedTicket struct{ errcode int }

func (r refusedTicket) Error() string { return "refused" }
func (r refusedTicket) RefusedTicket() (int, string, bool) {
	return r.errcode, "api unauthorized rid: 1-2", r.errcode != refusedToken
}

// refusedToken is an errcode of the token API, which is not for the caller.
const refusedToken = 40125

// ticketed is a proxy whose account shop has tickets, or err instead.
func ticketed(u Upstream, err error) *Proxy {
	a := account("shop", "wxshop")
	a.Ticket = func(kind string, _ time.Duration) (string, error) { return "ticket-" + kind, err }
	a.LendTicket = func(kind string, _ time.Duration) (string, time.Duration, error) {
		return "ticket-" + kind, 345*time.Second + 999, err
	}
	return New(config(u, a))
}

func TestTicketsComeFromTheCacheHoweverTheyAreAskedFor(t *testing.T) {
	const path = "/cgi-bin/ticket/getticket"
	for _, row := range []struct{ name, raw, want string }{
		{"GET", rawtest.Get(path + "?type=jsapi&access_token=x"), "ticket-jsapi"},
		{"POST with a query", post(path+"?access_token=x&type=wx_card", ""), "ticket-wx_card"},
		{"a form", post(path, "type=jsapi"), "ticket-jsapi"},
		{"JSON", post(path, `{"type":"wx_card"}`), "ticket-wx_card"},
		{"JSON behind a byte order mark", post(path, "\ufeff{\"Type\":\"jsapi\"}"), "ticket-jsapi"},
		{"a type that WeChat knows", rawtest.Get(path + "?type=other"), ""},
		{"no type", rawtest.Get(path), ""},
		{"broken JSON", post(path, `{"type":`), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.OKBody}}
			ctx := handle(t, ticketed(u, nil), row.raw)
			want := rawtest.OKBody
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
	for _, path := range []string{"/cgi-bin/ticket/getticket?type=jsapi", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F"} {
		for _, row := range []struct {
			err    error
			status int
			want   string
		}{
			{fmt.Errorf("no ticket: %w", refusedTicket{48001}), 200, `{"errcode":48001,"errmsg":"api unauthorized rid: 1-2"}`},
			{fmt.Errorf("no token: %w", refusedTicket{refusedToken}), 500, "internal_error"},
			{laterError{time.Second}, 503, "token_unavailable"},
			{errors.New("x"), 500, "internal_error"},
		} {
			ctx := handle(t, ticketed(new(recorder), row.err), rawtest.Get(path))
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
	ctx := handle(t, ticketed(new(recorder), nil), rawtest.Get("/wxproxy/jsapi-signature?url="+url.QueryEscape(page+"#part")))
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

// An address that is not encoded as a whole reaches the proxy as another one, or in
// pieces.
func TestOnlyPagesAreSigned(t *testing.T) {
	const path = "/wxproxy/jsapi-signature"
	const encoded = "https%3A%2F%2Fshop.example%2F"
	for _, query := range []string{
		"", "?", "?url", "?url=", "?url=shop.example", "?url=javascript:x", "?url=https://", "?url=https:///a", "?url=https%3A%2F%2F%3Fa",
		"?url=https%253A%252F%252Fshop.example%252F", "?url=ftp%3A%2F%2Fshop.example%2F",
		// not encoded
		"?url=https://shop.example/", "?url=https://shop.example/a?x=1", "?url=http://shop.example/?a=1", "?url=https%3A//shop.example/?a", "?url=https%3A//shop.example/%3Fa=1",
		"?url=https://shop.example/a?x=1&y=2", "?url=https://shop.example/a?x=1&y", "?url=https://shop.example/a?x=1&", "?url=https://shop.example/a?x=1&&",
		"?url=https://shop.example/?from_appid=wxshop&from_appid=wxshop", "?url=https://shop.example/?x=1&access_token=2",
		"?url=https://shop.example/?x=1&url=2", "?url=https://shop.example/a+b", "?url=https://shop.example/a%20b", "?url=https://shop.example/a%2Fb",
		"?url=https://shop.example/a?to=https%3A%2F%2Fother.example%2F", "?url=https://shop.example/%E4%BD%A0", "?url=https://shop.example/%25",
		// half encoded
		"?url=https%3A%2F%2Fshop.example%2Fa?x=1%262", "?url=https%3A%2F%2Fshop.example%2Fa%3Fx=1&y=2", "?url=https://shop.example/a?x=1%26y=2",
		"?url=" + encoded + "%3Fx%3Da+b", "?url=" + encoded + "%20", "?url=" + encoded + "%E4%BD%A0", "?url=" + encoded + "%FF",
		"?url=" + encoded + "%00", "?url=" + encoded + "%0A", "?url=" + encoded + "%7F", "?url=" + encoded + "%C2%A0", "?url=" + encoded + "%zz", "?url=" + encoded + "%",
		"?url=" + encoded + "%3Fx%3D1%26amp%3By%3D2", "?url=" + encoded + "%3Fx%3D1%26%2338%3By%3D2", "?url=" + encoded + "%3Fx%3D1%26AMP%3By%3D2",
		// parameters that are not the proxy's
		"?url=" + encoded + "&type=agent_config", "?type=jsapi&url=" + encoded, "?url=" + encoded + "&debug", "?url=" + encoded + "&url=" + encoded,
		"?url=" + encoded + "&_=1700000000", "?url=" + encoded + "&", "?&url=" + encoded, "?url=" + encoded + "&URL=x", "?url=" + encoded + "&%75rl=x",
	} {
		ctx := handle(t, ticketed(new(recorder), nil), rawtest.Get(path+query))
		if got := string(ctx.Response.Body()); slugOf(ctx) != "bad_request" || !strings.Contains(got, "percent-encode") && !strings.Contains(got, "request target") {
			t.Errorf("%s: got %d %s; want bad_request that says how to encode", query, ctx.Response.StatusCode(), got)
		}
	}
	if ctx := handle(t, ticketed(new(recorder), nil), post(path+"?url="+encoded, "")); slugOf(ctx) != "bad_request" {
		t.Errorf("POST: got %s; want bad_request", ctx.Response.Body())
	}
	if ctx := handle(t, ticketed(new(recorder), nil), rawtest.Get("/wxproxy/other")); slugOf(ctx) != "no_credential" {
		t.Errorf("another page: got %s; want no_credential", ctx.Response.Body())
	}
}

// These are what the encoders of browsers, axios, Go, Python and curl make of a
// page's address.
func TestAPageIsSignedHoweverItIsEncoded(t *testing.T) {
	for query, want := range map[string]string{
		"url=https%3A%2F%2Fshop.example%2Fa%3Fx%3D1%26y%3D%2541%252F%2Bb": "https://shop.example/a?x=1&y=%41%2F+b",
		"url=https:%2F%2Fshop.example%2Fa%3Fx%3D1%26y%3D2":                "https://shop.example/a?x=1&y=2",
		"url=https%3A//shop.example/a%3Fx%3D1":                            "https://shop.example/a?x=1",
		"url=http%3a%2f%2fshop.example%3a8080%2f%23%2Froute%3Fx%3D1":      "http://shop.example:8080/",
		"from_appid=wxshop&url=https%3A%2F%2Fshop.example":                "https://shop.example",
		"url=https%3A%2F%2Fshop.example%2F%3Fx%3D1&from_appid=wxshop":     "https://shop.example/?x=1",
		"url=https%3A%2F%2F%5B%3A%3A1%5D%2F":                              "https://[::1]/",
	} {
		ctx := handle(t, ticketed(new(recorder), nil), rawtest.Get("/wxproxy/jsapi-signature?"+query))
		var got struct {
			Timestamp           int64
			NonceStr, Signature string
		}
		if err := json.Unmarshal(ctx.Response.Body(), &got); err != nil || got.Signature != signatureOf("ticket-jsapi", got.NonceStr, got.Timestamp, want) {
			t.Errorf("%s: got %s; want the signature of %s", query, ctx.Response.Body(), want)
		}
	}
}

// signatureOf is WeChat's formula once more.
func signatureOf(ticket, nonce string, timestamp int64, page string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket, nonce, timestamp, page)))
}

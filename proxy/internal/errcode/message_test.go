package errcode

import (
	"testing"

	"github.com/valyala/fasthttp"
)

func TestTheAddressThatAnErrorGives(t *testing.T) {
	for errmsg, want := range map[string]string{
		"not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at https://x": "203.0.113.7",
		"x, from ip: 2001:db8::1, more":  "2001:db8::1",
		"x, from ip: 203.0.113.7":        "203.0.113.7",
		"x, from ip: , more info":        "invalid IP",
		"x, from ip: <script>, more":     "invalid IP",
		"x, from ip: fe80::1%eth0, more": "invalid IP",
		"x":                              "invalid IP",
		"":                               "invalid IP",
	} {
		if got := Address(errmsg).String(); got != want {
			t.Errorf("%q: got %s; want %s", errmsg, got, want)
		}
	}
}

func TestTheErrmsgOfAnAnswer(t *testing.T) {
	for body, want := range map[string]string{
		`{"errcode":1,"errmsg":"no"}`:           "no",
		"{\"errcode\":1,\"errmsg\":\"n\x01o\"}": "n o",
		`{"errcode":1}`:                         "no errmsg",
		`[]`:                                    "no errmsg",
	} {
		resp := new(fasthttp.Response)
		resp.SetBodyString(body)
		if got := Message(resp); got != want {
			t.Errorf("%q: got %q; want %q", body, got, want)
		}
	}
}

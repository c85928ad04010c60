package errcode

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

func TestTopLevelErrcodeIsFoundWhereItCounts(t *testing.T) {
	rows := []struct {
		name, body string
		want       int
		found      bool
	}{
		{"WeChat's refusal", rawtest.RefusedBody, 40001, true},
		{"success", rawtest.OKBody, 0, true},
		{"a negative number", `{"errcode":-1}`, -1, true},
		{"not the first member", `{"errmsg":"x","a":{"b":[1,{}]},"errcode":42001}`, 42001, true},
		{"white space everywhere", " \t\r\n{ \"errcode\" \n:\t40001 \r\n} ", 40001, true},
		{"a numeric string", `{"errcode":"40001"}`, 40001, true},
		{"the last of two", `{"errcode":40001,"errcode":0}`, 0, true},
		{"the last of two, which is no number", `{"errcode":40001,"errcode":null}`, 0, false},
		{"a key with unicode escapes", `{"\u0065rr\u0063ode":40001}`, 40001, true},
		{"behind a string with a quote in it", `{"errmsg":"say \"errcode\":1 \\","errcode":40001}`, 40001, true},
		{"behind brackets in a string", `{"errmsg":"}]{[","errcode":40001}`, 40001, true},
		{"beside raw control bytes", "{\"nickname\":\"ring \x07\n\x14\x00\",\"errcode\":40001}", 40001, true},
		{"beside broken UTF-8", "{\"nickname\":\"\xe5\xbc and \xff\xfe\",\"errcode\":40001}", 40001, true},
		{"beside a nested one", `{"list":[{"errcode":40001}],"errcode":0}`, 0, true},

		{"only nested in an object", `{"result":{"errcode":40001}}`, 0, false},
		{"only in an array", `{"list":[{"errcode":40001},{"errcode":40001}]}`, 0, false},
		{"only in an escaped string", `{"response_body":"{\"errcode\":40001}"}`, 0, false},
		{"only as a value", `{"errmsg":"errcode","a":"errcode\":40001"}`, 0, false},
		{"another key that ends so", `{"xerrcode":40001}`, 0, false},
		{"another letter case", `{"ErrCode":40001}`, 0, false},
		{"an array at the top", `[{"errcode":40001}]`, 0, false},
		{"a string at the top", `"errcode\":40001"`, 0, false},
		{"a byte order mark", "\xef\xbb\xbf" + rawtest.RefusedBody, 0, false},
		{"something before it", "x" + rawtest.RefusedBody, 0, false},
		{"nothing", "", 0, false},
		{"only white space", " \n", 0, false},
		{"an empty object", "{}", 0, false},

		{"a number with a fraction", `{"errcode":40001.0}`, 0, false},
		{"a number with an exponent", `{"errcode":4.0001e4}`, 0, false},
		{"a number that is too long", `{"errcode":400010000000000000000}`, 0, false},
		{"a number with a plus sign", `{"errcode":"+40001"}`, 0, false},
		{"a string with a space", `{"errcode":" 40001"}`, 0, false},
		{"an empty string", `{"errcode":""}`, 0, false},
		{"null", `{"errcode":null}`, 0, false},
		{"true", `{"errcode":true}`, 0, false},
		{"an array", `{"errcode":[40001]}`, 0, false},
		{"an object", `{"errcode":{"errcode":40001}}`, 0, false},

		{"cut within the number", `{"errcode":400`, 0, false},
		{"cut behind the number", `{"errcode":40001,`, 0, false},
		{"cut before the last bracket", `{"errcode":40001,"a":1`, 0, false},
		{"cut within a string", `{"errcode":40001,"errmsg":"inv`, 0, false},
		{"cut behind a backslash", `{"errcode":40001,"errmsg":"inv\`, 0, false},
		{"cut within a key", `{"errcode":40001,"errm`, 0, false},
		{"cut behind the key", `{"errcode"`, 0, false},
		{"no colon", `{"errcode" 40001}`, 0, false},
		{"a key without quotes", `{errcode":40001}`, 0, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, found := topLevelErrcode([]byte(row.body))
			if found != row.found || found && got != row.want {
				t.Errorf("%q: got %d, %v; want %d, %v", row.body, got, found, row.want, row.found)
			}
		})
	}
}

func TestAnswerIsARefusalOfTheTokenOnlyUnderAllConditions(t *testing.T) {
	// A refusal that is n bytes long; WeChat's text, spun out.
	long := func(n int) string {
		return `{"errcode":40001,"errmsg":"` + strings.Repeat("x", n-len(`{"errcode":40001,"errmsg":""}`)) + `"}`
	}
	// A refusal that gzip cannot make shorter.
	noise := make([]byte, MaxRefusal-len(`{"errcode":40001,"errmsg":""}`))
	rand.NewChaCha8([32]byte{}).Read(noise)
	for i, c := range noise {
		if c == '"' || c == '\\' {
			noise[i] = 0xff
		}
	}
	unpackable := rawtest.Gzip(`{"errcode":40001,"errmsg":"` + string(noise) + `"}`)
	if len(unpackable) <= MaxRefusal {
		t.Fatalf("got %d packed bytes; want more than %d", len(unpackable), MaxRefusal)
	}
	rows := []struct {
		name         string
		status       int
		contentType  string
		encoding     string
		body         string
		wantRejected bool
	}{
		{"a refusal", 200, "application/json; encoding=utf-8", "", rawtest.RefusedBody, true},
		{"labelled as text", 200, "text/plain", "", rawtest.RefusedBody, true},
		{"labelled as an image", 200, "image/jpeg", "", rawtest.RefusedBody, true},
		{"without a label", 200, "", "", rawtest.RefusedBody, true},
		{"an expired token", 200, "", "", `{"errcode":42001,"errmsg":"access_token expired"}`, true},
		{"a malformed token", 200, "", "", `{"errcode":"40014"}`, true},
		{"another errcode", 200, "", "", `{"errcode":40013}`, false},
		{"success", 200, "", "", rawtest.OKBody, false},
		{"status 201", 201, "", "", rawtest.RefusedBody, false},
		{"status 401", 401, "", "", rawtest.RefusedBody, false},
		{"status 500", 500, "", "", rawtest.RefusedBody, false},
		{"4096 bytes", 200, "", "", long(4096), true},
		{"4097 bytes", 200, "", "", long(4097), false},
		{"5 MiB that begin like a refusal", 200, "", "", long(5 << 20), false},
		{"an image", 200, "image/jpeg", "", "\xff\xd8\xff\xe0 {\"errcode\":40001}", false},
		{"nothing", 200, "", "", "", false},

		{"packed", 200, "", "gzip", rawtest.Gzip(rawtest.RefusedBody), true},
		{"packed, with a capital letter", 200, "", "Gzip", rawtest.Gzip(rawtest.RefusedBody), true},
		{"packed success", 200, "", "gzip", rawtest.Gzip(rawtest.OKBody), false},
		{"packed, 4096 bytes", 200, "", "gzip", rawtest.Gzip(long(4096)), true},
		{"packed, 4097 bytes", 200, "", "gzip", rawtest.Gzip(long(4097)), false},
		{"packed, 1 MiB", 200, "", "gzip", rawtest.Gzip(long(1 << 20)), false},
		{"packed and longer than before", 200, "", "gzip", unpackable, true},
		{"packed and cut", 200, "", "gzip", rawtest.Gzip(rawtest.RefusedBody)[:60], false},
		{"packed and damaged", 200, "", "gzip", rawtest.Gzip(rawtest.RefusedBody)[:70] + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false},
		{"said to be packed, and is not", 200, "", "gzip", rawtest.RefusedBody, false},
		{"packed in another way", 200, "", "deflate", rawtest.Gzip(rawtest.RefusedBody), false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var resp fasthttp.Response
			resp.SetStatusCode(row.status)
			resp.Header.SetContentType(row.contentType)
			resp.Header.SetContentEncoding(row.encoding)
			resp.SetBodyString(row.body)
			errcode := Of(&resp)
			got := slices.Contains([]int{40001, 40014, 42001}, errcode)
			if got != row.wantRejected {
				t.Errorf("got %v (errcode %d); want %v", got, errcode, row.wantRejected)
			}
			if after := string(resp.Body()); after != row.body {
				t.Errorf("the body was changed to %.80q", after)
			}
		})
	}
}

// On what encoding/json takes for an object, both find the same errcode. On
// anything else the scanner comes to an end.
func FuzzTopLevelErrcode(f *testing.F) {
	for _, seed := range []string{
		rawtest.RefusedBody, rawtest.OKBody, `{"a":{"errcode":1},"errcode":"2"}`, `{"\u0065rrcode":3}`, `{"errcode":1,"errcode":2}`,
		`{"errcode":1e2}`, ` {"errcode" : -0 } `, `{"a":"\\","errcode":5}`, `{"a":[[]],"b":"]}","errcode":6}`,
		`{"errcode`, `{"a":"\`, `{,,}`, `{"a":]`, "{\"errcode\":\"1\x00\"}", `{"errcode":00}`, `{"a":"\u00e9","errcode":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, found := topLevelErrcode(body)
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil || members == nil {
			return
		}
		text := string(members["errcode"])
		if strings.HasPrefix(text, `"`) {
			if strings.Contains(text, `\`) {
				return // nobody writes a number so
			}
			text = text[1 : len(text)-1]
		}
		want, err := strconv.Atoi(text)
		wantFound := err == nil && text[0] != '+' && len(text) <= len("-2147483648")
		if found != wantFound || found && got != want {
			t.Errorf("%q: got %d, %v; want %d, %v", body, got, found, want, wantFound)
		}
		if found && got != 0 && !mayFail(body) {
			t.Errorf("%q: it has the errcode %d, but may not fail", body, got)
		}
	})
}

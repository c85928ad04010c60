package proxy

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// lines makes a header block.
func lines(fields ...string) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f + "\r\n")
	}
	return b.String()
}

func TestEndToEndHeadersGoThroughByteForByte(t *testing.T) {
	kept := []string{
		"x-lower: a", "X-UPPER:b", "X-Spaces: \t c \t ", "X-Twice: 1", "X-Twice: 2", "x-twice: 3", "X-Empty:",
		"User-Agent: curl/8", "Content-Type: multipart/form-data; boundary=x", "content-encoding: gzip", "Cookie: a=b; c",
		"Wechatmp-Signature: +/=", "Wechatmp-TimeStamp: 1", "Accept: */*", "X-High: \xe4\xbd\xa0", "Accept-Language: zh",
		"!#$%&'*+-.^_`|~09: odd name", "Authorizations: x", "Hostess: x", "Expected: x", "Wxprox: x", "X: a: b",
	}
	dropped := []string{
		"Host: proxy", "hOST: again", "Content-Length: 5", "Connection: x-named, keep-alive", "Keep-Alive: timeout=5",
		"Proxy-Connection: keep-alive", "Proxy-Authenticate: x", "Proxy-Authorization: x", "TE: trailers", "Trailer: X",
		"Upgrade: h2c", "Expect: 100-continue", "Accept-Encoding: gzip", "AUTHORIZATION: Bearer key",
		"Wxproxy-Account: shop", "wxproxy-anything: x", "X-Named: x", "connection:X-Also ,,", "x-also: y", "X-ALSO: z",
	}
	var block []string
	for i := range max(len(kept), len(dropped)) {
		if i < len(dropped) {
			block = append(block, dropped[i])
		}
		if i < len(kept) {
			block = append(block, kept[i])
		}
	}
	var f fields
	got, err := f.appendEndToEnd([]byte("before"), []byte(lines(block...)+"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "before" + lines(kept...); string(got) != want {
		t.Errorf("got\n%q; want\n%q", got, want)
	}
	if !f.length || f.encoding || f.close {
		t.Errorf("got length %v, encoding %v, close %v; want only a length", f.length, f.encoding, f.close)
	}
}

func TestFramingOfTheRequestIsNoted(t *testing.T) {
	rows := []struct {
		name                    string
		block                   string
		length, encoding, close bool
	}{
		{"no lines at all", "", false, false, false},
		{"an empty block", "\r\n", false, false, false},
		{"a length", lines("content-LENGTH: 0", ""), true, false, false},
		{"an encoding, behind which nothing is read", lines("transfer-encoding: Chunked ", ""), false, true, true},
		{"the end", lines("Connection: x", "connection: y , Close", ""), false, false, true},
		{"something like the end", lines("Connection: closed", ""), false, false, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := fields{connection: []byte("close,"), length: true, encoding: true, close: true} // from another request
			if _, err := f.appendEndToEnd(nil, []byte(row.block)); err != nil {
				t.Fatal(err)
			}
			if f.length != row.length || f.encoding != row.encoding || f.close != row.close {
				t.Errorf("got %v, %v, %v; want %v, %v, %v", f.length, f.encoding, f.close, row.length, row.encoding, row.close)
			}
		})
	}
}

func TestHeaderThatCanBeMisunderstoodIsRefused(t *testing.T) {
	rows := []struct {
		name, block string
		want        error
	}{
		{"a folded line", "A: b\r\n c\r\n\r\n", errHeaderLine},
		{"a line folded by a tab", "A: b\r\n\tc: d\r\n\r\n", errHeaderLine},
		{"a folded first line", " A: b\r\n\r\n", errHeaderLine},
		{"a bare line feed", "A: b\nC: d\r\n\r\n", errHeaderLine},
		{"a bare line feed at the end", "A: b\r\n\n", errHeaderLine},
		{"a bare carriage return", "A: b\rC: d\r\n\r\n", errHeaderLine},
		{"a NUL", "A: b\x00c\r\n\r\n", errHeaderLine},
		{"a control byte", "A: b\x01\r\n\r\n", errHeaderLine},
		{"a DEL", "A: b\x7f\r\n\r\n", errHeaderLine},
		{"a space before the colon", "A : b\r\n\r\n", errHeaderLine},
		{"a space in the name", "A b: c\r\n\r\n", errHeaderLine},
		{"a name that is no token", "A(b): c\r\n\r\n", errHeaderLine},
		{"a name beyond ASCII", "\xc3\xa4: c\r\n\r\n", errHeaderLine},
		{"no name", ": b\r\n\r\n", errHeaderLine},
		{"no colon", "Ab\r\n\r\n", errHeaderLine},
		{"no end", "A: b", errHeaderLine},
		{"no empty line", "A: b\r\n", errHeaderLine},
		{"a length and an encoding", lines("Content-Length: 3", "Transfer-Encoding: chunked", ""), errHeaderFraming},
		{"an encoding and a length", lines("transfer-encoding: chunked", "content-length: 3", ""), errHeaderFraming},
		{"an encoding that does nothing", lines("Transfer-Encoding: identity", ""), errHeaderFraming},
		{"two encodings", lines("Transfer-Encoding: gzip, chunked", ""), errHeaderFraming},
		{"an encoding behind a space of Unicode's", lines("Transfer-Encoding: \u00a0chunked", ""), errHeaderFraming},
		{"a Host with a user", lines("Host: user@api.weixin.qq.com", ""), errHeaderHost},
		{"a Host with a path", lines("Host: api.weixin.qq.com/cgi-bin", ""), errHeaderHost},
		{"a Host with a space", lines("Host: api.weixin.qq.com evil.example", ""), errHeaderHost},
		{"a Host beyond ASCII", lines("Host: \xe4\xbd\xa0", ""), errHeaderHost},
		{"a Connection that names too much", lines("Connection: "+strings.Repeat("a,", 20), "connection: "+strings.Repeat(",", 20), ""), errHeaderOptions},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var f fields
			if _, err := f.appendEndToEnd(nil, []byte(row.block)); !errors.Is(err, row.want) {
				t.Errorf("got %v; want %v", err, row.want)
			}
		})
	}
}

// What is forwarded are the lines that may be, as they were, and no others.
func FuzzEndToEndHeaders(f *testing.F) {
	for _, seed := range []string{
		"\r\n", lines("A: b", ""), lines("Connection: a, b", "A: 1", "B: 2", "C: 3", ""), lines("A : b", ""), "A: b\n\r\n",
		lines("Transfer-Encoding: chunked", "Content-Length: 1", ""), lines("Connection: connection, ,host", "Host: x", ""),
		lines("wxproxy-: x", "Te: y", ""), lines("Connection: \u017f, \u0085k", "S: 1", "K: 2", ""), "a0:\r\n",
	} {
		f.Add(seed)
	}
	never := []string{
		"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
		"transfer-encoding", "upgrade", "host", "content-length", "expect", "accept-encoding", "authorization",
	}
	f.Fuzz(func(t *testing.T, block string) {
		var read fields
		got, err := read.appendEndToEnd(nil, []byte(block))
		if err != nil || block == "" {
			return
		}
		var all, nominated, want []string
		for line := range strings.SplitSeq(strings.TrimSuffix(block, "\r\n"), "\r\n") {
			if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "connection") {
				for item := range strings.SplitSeq(value, ",") {
					nominated = append(nominated, asciiLower(strings.Trim(item, " \t")))
				}
			}
			all = append(all, line)
		}
		for _, line := range all[:len(all)-1] {
			name, _, _ := strings.Cut(strings.ToLower(line), ":")
			if !slices.Contains(never, name) && !slices.Contains(nominated, name) && !strings.HasPrefix(name, "wxproxy-") {
				want = append(want, line)
			}
		}
		if string(got) != lines(want...) {
			t.Errorf("%q: got %q; want %q", block, got, lines(want...))
		}
	})
}

func TestAnswerLosesWhatEndsAtTheProxy(t *testing.T) {
	x := answering("")
	h := &x.ctx.Response.Header
	for _, line := range []string{
		"LogicRet: 0", "connection: X-Named, content-encoding", "Connection: x-second", "X-Named: 1", "x-named: 2", "X-Second: 3",
		"Keep-Alive: timeout=8", "Proxy-Authenticate: x", "te: x", "upgrade: x", "Trailer: X-Tail", "Wxproxy-Error: forged",
		"wxproxy-account: forged", "Content-Encoding: gzip", "x-tail: 4", "X Spaced: 5", "X(odd): 6",
	} {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	h.SetConnectionClose()
	x.fields.connection = []byte("logicret,") // of another message
	if err := x.proxy.filterHeader(x); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range h.All() {
		got = append(got, string(name)+": "+string(value))
	}
	if want := []string{"LogicRet: 0", "x-tail: 4"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestLinesOfOneHeaderStayInOrder(t *testing.T) {
	x := answering("")
	h := &x.ctx.Response.Header
	for _, line := range []string{
		"Keep-Alive: x", "Vary: 1", "Connection: keep-alive", "Set-Cookie: a=1", "vary: 2", "A: b", "Set-Cookie: a=2", "TE: x", "Vary: 3", "Connection: x",
	} {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	if err := x.proxy.filterHeader(x); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range h.All() {
		got = append(got, string(name)+": "+string(value))
	}
	if want := []string{"Set-Cookie: a=1", "Set-Cookie: a=2", "Vary: 1", "vary: 2", "A: b", "Vary: 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

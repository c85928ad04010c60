package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/sockettest"
	"wxproxy/proxy/internal/rawtest"
)

// What becomes of the connection after an attempt.
type ending string

const (
	open   ending = "open"
	closed ending = "closed"
	either ending = "either" // the body that was not read decides
)

// A smugglingAttempt is what a hostile caller sends and what should come of it.
type smugglingAttempt struct {
	name, raw string
	statuses  []int
	then      ending
	reached   []string // method, path and body of what WeChat gets
}

// hidden is a request within another one; it must never be seen.
const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"

// headed is a POST with header lines of its own and whatever follows them.
func headed(rest string, fields ...string) string {
	return "POST /p HTTP/1.1\r\nHost: x\r\n" + lines(fields...) + "\r\n" + rest
}

func smugglingAttempts() []smugglingAttempt {
	const chunked, five = "Transfer-Encoding: chunked", "Content-Length: 5"
	refused, p := []int{400}, []string{"POST /p "}
	hello := []string{"POST /p hello"}
	inParts := "5\r\nhello\r\n0\r\n\r\n"
	rows := []smugglingAttempt{
		// Two lengths.
		{"a length and parts", headed("0\r\n\r\n"+hidden, "Content-Length: 5", chunked), refused, closed, nil},
		{"parts and a length", headed("0\r\n\r\n"+hidden, chunked, "Content-Length: 5"), refused, closed, nil},
		{"a length and identity", headed("hello"+hidden, five, "Transfer-Encoding: identity"), refused, closed, nil},
		{"identity", headed(hidden, "Transfer-Encoding: identity"), refused, closed, nil},
		{"parts twice", headed(inParts, chunked, chunked), refused, closed, nil},
		{"parts twice in one line", headed(inParts, "Transfer-Encoding: chunked, chunked"), refused, closed, nil},
		{"parts and identity", headed(inParts, "Transfer-Encoding: chunked, identity"), refused, closed, nil},
		{"identity and parts", headed(inParts, "Transfer-Encoding: identity", chunked), refused, closed, nil},
		{"gzip and parts", headed(inParts, "Transfer-Encoding: gzip, chunked"), refused, closed, nil},
		{"an empty encoding", headed(hidden, "Transfer-Encoding:"), refused, closed, nil},
		{"an encoding with a comma", headed(inParts, "Transfer-Encoding: ,chunked"), refused, closed, nil},
		{"an encoding with parameters", headed(inParts, "Transfer-Encoding: chunked;q=1"), refused, closed, nil},
		{"an encoding in quotes", headed(inParts, `Transfer-Encoding: "chunked"`), refused, closed, nil},
		{"an encoding that is not quite", headed(inParts, "Transfer-Encoding: xchunked"), refused, closed, nil},
		{"an encoding with a vertical tab", headed(inParts, "Transfer-Encoding:\vchunked"), refused, closed, nil},
		{"an encoding with a form feed", headed(inParts, "Transfer-Encoding: chunked\f"), refused, closed, nil},
		{"an encoding with a NUL", headed(inParts, "Transfer-Encoding: chunked\x00"), refused, closed, nil},
		{"an encoding with Unicode's space", headed(inParts, "Transfer-Encoding: chunked\u00a0"), refused, closed, nil},
		{"an encoding behind a space", headed(inParts, "Transfer-Encoding : chunked"), refused, closed, nil},
		{"an encoding behind a tab", headed(inParts, "Transfer-Encoding\t: chunked"), refused, closed, nil},
		{"an encoding on a folded line", headed(inParts, "Transfer-Encoding:", " chunked"), refused, closed, nil},
		{"an encoding hidden in a folded line", headed(inParts, "X: y", " Transfer-Encoding: chunked"), refused, closed, nil},
		{"an encoding behind a bare line feed", headed(inParts, "X: y\nTransfer-Encoding: chunked"), refused, closed, nil},
		{"an encoding behind a bare carriage return", headed(inParts, "X: y\rTransfer-Encoding: chunked"), refused, closed, nil},
		{"an encoding's name with an underscore", headed(hidden, "Transfer_Encoding: chunked"), []int{200, 200}, open, []string{"POST /p ", "GET /hidden "}},
		{"a tab before the encoding", headed(inParts, "Transfer-Encoding:\tchunked"), []int{200}, closed, hello},
		{"the encoding in other letters", headed(inParts, "tRANSFER-eNCODING: ChUnKeD"), []int{200}, closed, hello},

		// One length that is none.
		{"the same length twice", headed("hello", five, five), refused, closed, nil},
		{"two lengths", headed("hello"+hidden, five, "Content-Length: 40"), refused, closed, nil},
		{"two lengths in one line", headed("hello", "Content-Length: 5, 5"), refused, closed, nil},
		{"two lengths without a space", headed("hello", "Content-Length: 5,5"), refused, closed, nil},
		{"a length with a sign", headed("hello", "Content-Length: +5"), refused, closed, nil},
		{"a negative length", headed(hidden, "Content-Length: -1"), refused, closed, nil},
		{"a hexadecimal length", headed("hello", "Content-Length: 0x5"), refused, closed, nil},
		{"a length with a fraction", headed("hello", "Content-Length: 5.0"), refused, closed, nil},
		{"a length with a space in it", headed("hello", "Content-Length: 5 0"), refused, closed, nil},
		{"a length with letters", headed("hello", "Content-Length: 5a"), refused, closed, nil},
		{"a length with a NUL", headed("hello", "Content-Length: 5\x00"), refused, closed, nil},
		{"no length", headed(hidden, "Content-Length:"), refused, closed, nil},
		{"a length in other digits", headed("hello", "Content-Length: \uff15"), refused, closed, nil},
		{"a length beyond 64 bits", headed("hello", "Content-Length: 18446744073709551621"), refused, closed, nil},
		{"a length beyond counting", headed("hello", "Content-Length: "+strings.Repeat("9", 400)), refused, closed, nil},
		{"a length behind a space", headed("hello", "Content-Length : 5"), refused, closed, nil},
		{"a length with white space around it", headed("hello"+rawtest.Get("/q"), "Content-Length: \t 5 \t"), []int{200, 200}, open, []string{"POST /p hello", "GET /q "}},
		{"a length with zeros", headed("hello", "Content-Length: 0005"), []int{200}, open, hello},

		// Parts that are none.
		{"a part's length in hexadecimal notation", headed("0x5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part with a negative length", headed("-5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part with a signed length", headed("+5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part beyond counting", headed("ffffffffffffffff5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part that would wrap", headed("7ffffffffffffff\r\n"+strings.Repeat(hidden, 4000), chunked), []int{413}, closed, nil},
		{"a part with many zeros", headed(strings.Repeat("0", 100)+"5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part without an end", headed("5\r\nhello0\r\n\r\n", chunked), refused, closed, nil},
		{"a part with too much in it", headed("5\r\nhello!\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part that ends in a line feed", headed("5\r\nhello\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part's length that ends in a line feed", headed("5\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"a part's length behind a space", headed(" 5\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"an extension that ends in a line feed", headed("5;a\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"an extension with a carriage return", headed("5;a\rb\r\nhello\r\n0\r\n\r\n", chunked), refused, closed, nil},
		{"no part at all", headed("\r\n"+hidden, chunked), refused, closed, nil},
		{"an extension", headed("5;a=\"b;c\"\r\nhello\r\n0;d\r\n\r\n", chunked), []int{200}, closed, hello},
		{"a request behind the parts", headed(inParts+hidden, chunked), []int{200}, closed, hello},
		{"a request behind parts that end in a line feed", headed("5\r\nhello\r\n0\r\n\n"+hidden, chunked), []int{200}, closed, hello},
		{"a request behind a trailer that ends in line feeds", headed("0\r\nX: y\n\n"+hidden, chunked), []int{200}, closed, p},
		{"a folded trailer", headed("0\r\nX: y\r\n z\r\n\r\n"+hidden, chunked), []int{200}, closed, p},

		// Trailers that would be headers.
		{"a trailer that names an account", headed("0\r\nWxproxy-Account: other\r\n\r\n", chunked), []int{200}, closed, p},
		{"a trailer that names a host", headed("0\r\nHost: other\r\n\r\n", chunked), refused, closed, nil},
		{"a trailer with a length", headed("0\r\nContent-Length: 40\r\n\r\n"+hidden, chunked), refused, closed, nil},
		{"a trailer with an encoding", headed("0\r\nTransfer-Encoding: chunked\r\n\r\n"+hidden, chunked), refused, closed, nil},
		{"a trailer with a key", headed("0\r\nAuthorization: Bearer key\r\n\r\n", chunked), refused, closed, nil},
		{"a trailer that is announced", headed("0\r\nX: y\r\n\r\n", chunked, "Trailer: X"), []int{200}, closed, p},
		{"a trailer that is announced and forbidden", headed("0\r\n\r\n", chunked, "Trailer: Content-Length"), refused, closed, nil},

		// A refused request with another one for its body.
		{"a target with dots", "POST /a/../b HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, refused, either, nil},
		{"an account that is unknown", "POST /@nobody/p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{404}, either, nil},
		{"a path that is denied", "POST /denied/p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{403}, either, nil},
		{"a path without a credential", "POST /cgi-bin/component/x HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{403}, either, nil},
		{"a denied path in parts", "POST /denied/p HTTP/1.1\r\nHost: x\r\n" + chunked + "\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden) + hidden, []int{403}, closed, nil},
		{"a method with a body", "TRACE /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, refused, either, nil},
		{"a body that is too large", headed(strings.Repeat(hidden, 3000), fmt.Sprintf("Content-Length: %d", 3000*len(hidden))), []int{413}, either, nil},
		{"parts that are too large", headed("1ffff\r\n"+strings.Repeat(hidden, 4000), chunked), []int{413}, closed, nil},
		{"GET with a body", "GET /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{200}, open, []string{"GET /p " + hidden}},
		{"HEAD with a body", "HEAD /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{200}, open, []string{"HEAD /p " + hidden}},
		{"OPTIONS with a body", "OPTIONS /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(hidden)) + "\r\n\r\n" + hidden, []int{200}, open, []string{"OPTIONS /p " + hidden}},
		{"a body without a length", "POST /p HTTP/1.1\r\nHost: x\r\n\r\n" + rawtest.Get("/q"), []int{200, 200}, open, []string{"POST /p ", "GET /q "}},

		// Header lines that are none.
		{"a line without a colon", headed("", "Nonsense"), refused, closed, nil},
		{"a line without a name", headed("", ": x"), refused, closed, nil},
		{"a name with a space", headed("", "A b: x"), refused, closed, nil},
		{"a name with a NUL", headed("", "A\x00: x"), refused, closed, nil},
		{"a name beyond ASCII", headed("", "\xc3\xa4: x"), refused, closed, nil},
		{"a value with a NUL", headed("", "A: \x00"), refused, closed, nil},
		{"a value with a DEL", headed("", "A: \x7f"), refused, closed, nil},
		{"a value with an escape", headed("", "A: \x1b[0m"), refused, closed, nil},
		{"a first line that is folded", "GET /p HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a carriage return before the end", "GET /p HTTP/1.1\r\nHost: x\r\r\n\r\n", refused, closed, nil},
		{"a line feed before a carriage return", "GET /p HTTP/1.1\r\nHost: x\n\r\n\r\n" + hidden, refused, closed, nil},
		{"line feeds only", "GET /p HTTP/1.1\nHost: x\n\n" + hidden, refused, closed, nil},
		{"an end of line feeds", "GET /p HTTP/1.1\r\nHost: x\r\n\n" + hidden, refused, closed, nil},
		{"a value beyond ASCII", rawtest.Get("/p", "A: \xe4\xbd\xa0\xff"), []int{200}, open, []string{"GET /p "}},
		{"a Host in two lines", "GET /p HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"no Host", "GET /p HTTP/1.1\r\nA: b\r\n\r\n", refused, closed, nil},
		{"an empty Host", "GET /p HTTP/1.1\r\nHost:\r\n\r\n", refused, closed, nil},
		{"a Host with a user", "GET /p HTTP/1.1\r\nHost: x@y\r\n\r\n", refused, closed, nil},
		{"a Host with a path", "GET /p HTTP/1.1\r\nHost: x/y\r\n\r\n", refused, closed, nil},
		{"a Host with a comma", "GET /p HTTP/1.1\r\nHost: x,y\r\n\r\n", []int{200}, open, []string{"GET /p "}},
		{"a Host with a port that is none", "GET /p HTTP/1.1\r\nHost: x:y\r\n\r\n", refused, closed, nil},
		{"a Host as Docker names it", "GET /p HTTP/1.1\r\nHost: wx_proxy-1:8080\r\n\r\n", []int{200}, open, []string{"GET /p "}},
		{"a Host of IPv6", "GET /p HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", []int{200}, open, []string{"GET /p "}},
		{"a header of 17 KiB", rawtest.Get("/p", "A: "+strings.Repeat("x", 17<<10)), refused, closed, nil},
		{"a target of 17 KiB", rawtest.Get("/" + strings.Repeat("x", 17<<10)), refused, closed, nil},
		{"10,000 headers", rawtest.Get("/p", slices.Repeat([]string{"A: b"}, 10000)...), refused, closed, nil},
		{"2,000 headers", rawtest.Get("/p", slices.Repeat([]string{"A: b"}, 2000)...), []int{200}, open, []string{"GET /p "}},

		// First lines.
		{"HTTP/0.9", "GET /p\r\n" + hidden, refused, closed, nil},
		{"HTTP/1.0 in parts", "POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + inParts, refused, closed, nil},
		{"HTTP/1.0 with a length", "POST /p HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello" + hidden, []int{200}, closed, hello},
		{"HTTP/1.2", "GET /p HTTP/1.2\r\nHost: x\r\n\r\n" + hidden, refused, closed, nil},
		{"HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", refused, closed, nil},
		{"another protocol", "GET /p SIP/2.0\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a version in other letters", "GET /p http/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a version with a space", "GET /p HTTP/1.1 \r\nHost: x\r\n\r\n", refused, closed, nil},
		{"two spaces before the target", "GET  /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"two spaces behind the target", "GET /p  HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a tab for a space", "GET\t/p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a space before the method", " GET /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a target with a space", "GET /p HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a target with a NUL", "GET /p\x00 HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a target with a carriage return", "GET /p\rx HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a target beyond ASCII", rawtest.Get("/p?\xe4\xbd\xa0"), []int{200}, open, []string{"GET /p "}},
		{"a method in small letters", "get /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, open, nil},
		{"a method with a NUL", "G\x00T /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a method beyond ASCII", "G\xc9T /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"a method that nobody knows", "BREW /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, open, nil},
		{"no method", " /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", refused, closed, nil},
		{"not HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", refused, closed, nil},
		{"nothing but NULs", strings.Repeat("\x00", 100) + "\r\n\r\n", refused, closed, nil},
		{"empty lines before a request", "\r\n\r\n" + rawtest.Get("/p"), []int{200}, open, []string{"GET /p "}},
		{"a first line that ends in a line feed", "GET /p HTTP/1.1\nHost: x\r\n\r\n", []int{200}, open, []string{"GET /p "}},

		// Targets.
		{"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", refused, open, nil},
		{"GET of an asterisk", rawtest.Get("*"), refused, open, nil},
		{"CONNECT to WeChat", "CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n" + rawtest.Get("/q"), []int{400, 200}, open, []string{"GET /q "}},
		{"CONNECT to a path", "CONNECT /p HTTP/1.1\r\nHost: x\r\n\r\n", refused, open, nil},
		{"an authority", rawtest.Get("api.weixin.qq.com:443"), refused, closed, nil},
		{"another host behind two slashes", rawtest.Get("//evil.example/p"), refused, open, nil},
		{"another host", rawtest.Get("http://evil.example/p"), refused, open, nil},
		{"another host with our name", rawtest.Get("http://api.weixin.qq.com.evil.example/p"), refused, open, nil},
		{"our host as a user", rawtest.Get("http://api.weixin.qq.com@evil.example/p"), refused, open, nil},
		{"a user at our host", rawtest.Get("http://user:pass@api.weixin.qq.com/p"), refused, open, nil},
		{"our host at another port", rawtest.Get("http://api.weixin.qq.com:8080/p"), refused, open, nil},
		{"our host with a backslash", rawtest.Get(`http://api.weixin.qq.com\@evil.example/p`), refused, either, nil},
		{"another scheme", rawtest.Get("file:///etc/passwd"), refused, open, nil},
		{"our host", rawtest.Get("http://API.weixin.QQ.com/p"), []int{200}, open, []string{"GET /p "}},
		{"our host and a denied path", rawtest.Get("http://api.weixin.qq.com/denied/p"), []int{403}, open, nil},

		// Other things that a connection may be asked for.
		{"an upgrade to HTTP/2", rawtest.Get("/p", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), []int{200}, open, []string{"GET /p "}},
		{"an upgrade to WebSocket", rawtest.Get("/p", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"), []int{200}, open, []string{"GET /p "}},
		{"an expectation that nobody knows", headed("hello", five, "Expect: 200-ok"), []int{200}, open, hello},
		{"the end among other options", rawtest.Get("/p", "Connection: x, CLOSE ,y") + hidden, []int{200}, closed, []string{"GET /p "}},
		{"garbage behind a request", rawtest.Get("/p") + "garbage\r\n\r\n", []int{200, 400}, closed, []string{"GET /p "}},
		{"50 requests at once", strings.Repeat(rawtest.Get("/p")+post("/p", "hello"), 25), slices.Repeat([]int{200}, 50), open, slices.Repeat([]string{"GET /p ", "POST /p hello"}, 25)},
		{"a Connection that names too much", rawtest.Get("/p", "Connection: "+strings.Repeat("a,", 1000)) + hidden, refused, closed, nil},
	}
	return rows
}

// Each attempt gets the answers that it deserves and no more, and nothing of it
// reaches WeChat but what the caller may send.
func TestNothingIsSmuggledPastTheProxy(t *testing.T) {
	t.Parallel()
	s := buildStronghold(t)
	for _, row := range smugglingAttempts() {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			var sending sync.WaitGroup
			sending.Go(func() { io.WriteString(c.Conn, row.raw) }) // the proxy may have heard enough before the end
			for i, want := range row.statuses {
				a, err := rawtest.ReadAnswer(c.R, strings.HasPrefix(row.raw, "HEAD "))
				if err != nil {
					t.Fatalf("answer %d: got %v; want %d", i, err, want)
				}
				ours := strings.HasPrefix(a.Body, `{"errcode":-4`) && a.Field("Wxproxy-Error") != ""
				if a.Status() != want || (want >= 400) != ours {
					t.Errorf("answer %d: got %q %q; want %d", i, a.Head, a.Body, want)
				}
			}
			want := row.reached
			if row.then != closed {
				sending.Wait()
				io.WriteString(c.Conn, rawtest.Get("/probe"))
				a, err := rawtest.ReadAnswer(c.R, false)
				if isOpen := err == nil && a.Status() == 200; isOpen {
					want = append(slices.Clone(want), "GET /probe ")
				} else if row.then == open {
					t.Errorf("got %q, %v; want an open connection", a.Head, err)
				}
			} else if more := rest(c); more != "" {
				t.Errorf("got %q; want the end of the connection", more)
			}
			reached, err := s.wechat.take()
			if err != nil {
				t.Error(err)
			}
			var got []string
			for _, r := range reached {
				requestPath, _, _ := strings.Cut(r.target, "?")
				got = append(got, r.method+" "+requestPath+" "+r.body)
				if !strings.HasSuffix(r.target, "access_token=shop-token") {
					t.Errorf("got the target %q; want the token of shop", r.target)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("WeChat got %q; want %q", got, want)
			}
		})
	}
}

// rest returns what still comes from the proxy before it closes the connection.
func rest(c *rawtest.Caller) string {
	c.Conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	more, err := io.ReadAll(c.R)
	if isTimeout(err) {
		return "silence"
	}
	return string(more)
}

// spellings are targets that someone could read as one that is forbidden.
func spellings() []string {
	return []string{
		"/cgi-bin/token", "/cgi-bin/token/", "/cgi-bin//token", "//cgi-bin/token", "/cgi-bin/./token", "/x/../cgi-bin/token",
		"/CGI-BIN/TOKEN", "/cgi-bin/Token?x", "/%63gi-bin/token", "/cgi-bin/%74oken", "/cgi-bin/%54oken", "/cgi-bin/%2574oken",
		"/cgi-bin/%25%37%34oken", "/cgi-bin%2ftoken", "/cgi-bin%2Ftoken", "/cgi-bin%252ftoken", "/cgi-bin%5ctoken", `/cgi-bin\token`,
		"/cgi-bin/%2e/token", "/x/%2e%2e/cgi-bin/token", "/x/.%2e/cgi-bin/token", "/x/%252e%252e/cgi-bin/token", "/cgi-bin/token;x",
		"/cgi-bin/token;x=y/", "/cgi-bin;x/token", "/cgi-bin/token%3bx", "/cgi-bin/token%3fx", "/cgi-bin/token%23x", "/cgi-bin/token#x",
		"/cgi-bin/token%20", "/cgi-bin/token%00", "/cgi-bin/token%0d%0a", "/cgi-bin/token%09", "/cgi-bin%c0%aftoken", "/cgi-bin%e0%80%aftoken",
		"/cgi-bin%f0%80%80%aftoken", "/x/%c0%ae%c0%ae/cgi-bin/token", "/cgi-bin/%c1%b4oken", "/@shop/cgi-bin/token", "/@shop//cgi-bin/token",
		"/@shop/@other/cgi-bin/token", "/@other/@shop/../cgi-bin/token", "/@/cgi-bin/token", "/@shop%2fcgi-bin/token", "/@shop/../cgi-bin/token",
		"/%40shop/cgi-bin/token", "/@sh%6fp/cgi-bin/token", "/@shop;x/cgi-bin/token", "/@shop?/cgi-bin/token", "/@shop", "/@",
		"http://api.weixin.qq.com/cgi-bin/token", "http://api.weixin.qq.com//cgi-bin/token", "http://api.weixin.qq.com/@shop/cgi-bin/token",
		"http://api.weixin.qq.com", "http://api.weixin.qq.com?/cgi-bin/token", "/denied/a", "/denied", "/DENIED/a", "/denied/", "/deni%65d/a", "/denied;/a",
		"/exactly/this", "/exactly/this/", "/Exactly/THIS", "/exactly/this?x", "/secrets/a", "/SECRETS/a", "/secrets", "/cgi-bin/component/x",
		"/cgi-bin/%63omponent/x", "/sns/userinfo?access_token=theirs", "/sns/jscode2session?appid=x&secret=y&js_code=z",
		"/p?access_token=x", "/p?%61ccess_token=x&ACCESS_TOKEN=y&a", "/p?a;access_token=x", "/p?access_token%00=x", "/p?&&&", "/p?access_token",
		"/\uff43gi-bin/token", "/cgi-bin\uff0ftoken", "/cgi-bin/to\u212aen", "/p?from_appid=wxother", "/p?from_appid=wxother&from_appid=wxshop",
	}
}

// However a path is spelled: what is forbidden does not reach WeChat, and what
// reaches WeChat has one spelling for policy and for WeChat.
func TestForbiddenPathsAreOutOfReachInEverySpelling(t *testing.T) {
	t.Parallel()
	s := buildStronghold(t)
	for _, target := range spellings() {
		checkAttack(t, s, rawtest.Get(target))
	}
}

// startBodiless starts a WeChat that reads no body of any method but POST, PUT and
// PATCH: what comes behind the header is the next request to it. It answers each
// request with its path.
func startBodiless(t *testing.T) (url string) {
	return "http://" + sockettest.Serve(t, answerHeads)
}

func answerHeads(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(conn)
	for {
		head, err := rawtest.ReadHead(r)
		if err != nil {
			return
		}
		method, rest, _ := strings.Cut(head, " ")
		path, _, _ := strings.Cut(rest, "?")
		body := `{"path":"` + path + `"}`
		if method == "HEAD" {
			body = ""
		}
		if path == "/hidden" {
			time.Sleep(20 * time.Millisecond) // somebody else uses the connection meanwhile
		}
		io.WriteString(conn, rawtest.Answered(body))
		if strings.Contains(head, "Connection: close") && path == "/polite" {
			return
		}
	}
}

// Client B must not get the answer to what client A has hidden in a body that
// WeChat does not read.
func TestABodyThatWeChatIgnoresIsNobodysRequest(t *testing.T) {
	t.Parallel()
	const within = "GET /hidden?a HTTP/1.1\r\nHost: x\r\n\r\n"
	s := serve(t, config(hostsAt(t, nil, startBodiless(t))), defaultLimits)
	for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS"} {
		for name, request := range map[string]string{
			"a length":     fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(within), within),
			"parts":        fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(within), within),
			"a large body": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", 2000*len(within), strings.Repeat(within, 2000)),
		} {
			for _, path := range []string{"/impolite", "/polite"} {
				t.Run(method+" with "+name+", "+path, func(t *testing.T) {
					a, b := s.dial(t), s.dial(t)
					a.Call(method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + request)
					for range 3 {
						if got := b.Call(rawtest.Get("/mine")); got.Body != `{"path":"/mine"}` {
							t.Errorf("got %q %q; want what was asked for", got.Head, got.Body)
						}
					}
				})
			}
		}
	}
}

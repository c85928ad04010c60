package proxy

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// through starts a proxy before w.
func through(t testing.TB, w *rawtest.WeChat) *service {
	t.Helper()
	return serve(t, config(hostsAt(t, nil, w.URL)), defaultLimits)
}

func TestWeChatReadsExactlyThis(t *testing.T) {
	t.Parallel()
	binary := "\x00\x01\r\n\r\n\xff\xfe{\"access_token\":\"in the body\"}"
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	parts.SetBoundary("b0undary")
	part, _ := parts.CreateFormFile("media", `odd "name".jpg`)
	part.Write([]byte(binary))
	parts.WriteField("z", "1")
	parts.WriteField("a", "2")
	parts.Close()

	rows := []struct{ name, request, want string }{
		{"GET", rawtest.Get("/cgi-bin/user/get?next_openid=%4f&a", "user-agent: x"),
			"GET /cgi-bin/user/get?next_openid=%4f&a&access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nuser-agent: x\r\n\r\n"},
		{"GET with nothing but a Host", rawtest.Get("/p"), "GET /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{"absolute form", rawtest.Get("http://API.weixin.qq.com/p?a"), "GET /p?a&access_token=shop-token HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{"HEAD", "HEAD /p HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{"POST", post("/p", "{}"), "POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\n{}"},
		{"POST of binary bytes", post("/p", binary),
			fmt.Sprintf("POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%s", len(binary), binary)},
		{"POST of 1 MiB", post("/p", big),
			fmt.Sprintf("POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: %d\r\n\r\n%s", len(big), big)},
		{"POST of nothing", "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
			"POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
		{"POST without a length", "POST /p HTTP/1.1\r\nHost: x\r\n\r\n",
			"POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
		{"DELETE with a body", "DELETE /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
			"DELETE /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"},
		{"GET with a body", "GET /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab",
			"GET /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"},
		{"PUT in parts", "PUT /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Tail\r\n\r\n" +
			"3\r\nabc\r\na;ext=1\r\n0123456789\r\n0\r\nX-Tail: y\r\n\r\n",
			"PUT /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 13\r\n\r\nabc0123456789"},
		{"POST in no parts", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
		{"multipart", fmt.Sprintf("POST /p HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			parts.FormDataContentType(), form.Len(), form.String()),
			fmt.Sprintf("POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
				parts.FormDataContentType(), form.Len(), form.String())},
		{"header names in all letters", rawtest.Get("/p", "x-lower: 1", "X-UPPER: 2", "X-mIxEd:3", "X-Lower: 4", "Cookie: a=b;c"),
			"GET /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nx-lower: 1\r\nX-UPPER: 2\r\nX-mIxEd:3\r\nX-Lower: 4\r\nCookie: a=b;c\r\n\r\n"},
		{"headers that end here", rawtest.Get("/p", "Connection: keep-alive, X-Hop", "X-Hop: 1", "TE: trailers", "Accept-Encoding: gzip, br",
			"Authorization: Bearer x", "Wxproxy-Account: shop", "X-Kept: 1"),
			"GET /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nX-Kept: 1\r\n\r\n"},
		{"a user's token", rawtest.Get("/sns/userinfo?access_token=users&openid=o"),
			"GET /sns/userinfo?access_token=users&openid=o HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{"a code for a session", rawtest.Get("/sns/jscode2session?js_code=c"),
			"GET /sns/jscode2session?js_code=c&appid=wxshop&secret=shop-secret HTTP/1.1\r\nHost: HOST\r\n\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			a := through(t, w).dial(t).Call(row.request)
			if a.Status() != 200 || !strings.HasPrefix(row.request, "HEAD") && a.Body != rawtest.OKBody {
				t.Errorf("got the answer %q %q; want WeChat's", a.Head, a.Body)
			}
			if got := w.Received(); len(got) != 1 || got[0] != row.want {
				t.Errorf("got %.300q; want %.300q", got, row.want)
			}
		})
	}
}

func TestBodyComesAfterTheProxySaysContinue(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c := through(t, w).dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if interim, err := rawtest.ReadHead(c.R); err != nil || interim != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("got %q, %v; want 100 Continue", interim, err)
	}
	if a := c.Call("body"); a.Body != rawtest.OKBody {
		t.Errorf("got %q; want WeChat's answer", a.Body)
	}
	want := "POST /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\n\r\nbody"
	if got := w.Received(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestCallersOfHTTP10AreServed(t *testing.T) {
	t.Parallel()
	want := "GET /p?access_token=shop-token HTTP/1.1\r\nHost: HOST\r\n\r\n"
	rows := []struct {
		name, request string
		wantEnd       bool
	}{
		{"without any header", "GET /p HTTP/1.0\r\n\r\n", true},
		{"with a Host", "GET /p HTTP/1.0\r\nHost: x\r\n\r\n", true},
		{"kept alive", "GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
			c := through(t, w).dial(t)
			if a := c.Call(row.request); a.Body != rawtest.OKBody {
				t.Errorf("got %q %q; want WeChat's answer", a.Head, a.Body)
			}
			if row.wantEnd && !c.Ended() {
				t.Error("the connection stays open; want it closed")
			}
			if !row.wantEnd {
				c.Call(row.request)
			}
			if got := w.Received(); len(got) == 0 || got[0] != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	c := through(t, w).dial(t)
	c.Send(rawtest.Get("/1") + post("/2", "two") + rawtest.Get("/3//") + "HEAD /4 HTTP/1.1\r\nHost: x\r\n\r\n" + rawtest.Get("/5"))
	for i, want := range []int{200, 200, 400, 200, 200} {
		a, err := rawtest.ReadAnswer(c.R, i == 3)
		if err != nil || a.Status() != want {
			t.Fatalf("answer %d: got %q, %v; want %d", i+1, a.Head, err, want)
		}
	}
	got := strings.Join(w.Received(), "|")
	for i, part := range []string{"/1?", "/2?", "two|", "/4?", "/5?"} {
		if _, rest, found := strings.Cut(got, part); found {
			got = rest
		} else {
			t.Errorf("part %d, %q, is missing or out of order", i, part)
		}
	}
}

// What fasthttp refuses and what the proxy refuses looks the same, and after
// what could be read in two ways nothing more is read.
func TestRequestThatIsNotHTTPIsRefused(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, request string
		status        int
		closes        bool
	}{
		{"rubbish", "\x16\x03\x01\x02\r\n\r\n", 400, true},
		{"no Host", "GET /p HTTP/1.1\r\n\r\n", 400, true},
		{"a length and an encoding", "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true},
		{"a length and an encoding, for nobody", "POST /@nobody/p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true},
		{"an encoding that does nothing", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 400, true},
		{"two lengths", "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, true},
		{"a length that is no number", "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", 400, true},
		{"a folded line", rawtest.Get("/p", "A: b\r\n c"), 400, true},
		{"a bare line feed", "GET /p HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, true},
		{"a space before the colon", rawtest.Get("/p", "Content-Type : x"), 400, true},
		{"a NUL", rawtest.Get("/p", "A: \x00"), 400, true},
		{"a header of 17 KiB", rawtest.Get("/p", "A: "+strings.Repeat("x", 17<<10)), 400, true},
		{"a target with a space", rawtest.Get("/a b"), 400, true},
		{"CONNECT", "CONNECT api.weixin.qq.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400, false},
		{"a target with dots", rawtest.Get("/a/../b"), 400, false},
		{"a body that is too large", "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("x", 2000), 413, false},
		{"parts that are too large", "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + strings.Repeat("x", 2000) + "\r\n0\r\n\r\n", 413, true},
	}
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	limits := defaultLimits
	limits.MaxBody = 1000
	s := serve(t, config(hostsAt(t, nil, w.URL)), limits)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			a := c.Call(row.request)
			wantError := map[int]string{400: "bad_request", 413: "body_too_large"}[row.status]
			if a.Status() != row.status || a.Field("Wxproxy-Error") != wantError || !strings.HasPrefix(a.Body, `{"errcode":-4`) {
				t.Errorf("got %q %q; want %d %s", a.Head, a.Body, row.status, wantError)
			}
			if row.closes && a.Field("Connection") != "close" {
				t.Errorf("got %q; want Connection: close", a.Head)
			}
			if !row.closes && c.Call(rawtest.Get("/p")).Status() != 200 {
				t.Error("the connection is of no use any more")
			}
		})
	}
	for _, request := range w.Received() {
		if !strings.HasPrefix(request, "GET /p?access_token=shop-token HTTP/1.1\r\n") {
			t.Errorf("WeChat got %.200q", request)
		}
	}
}

// Whatever becomes of a request, it is in flight no more when its answer is there, and the
// count never falls below what is under way.
func TestEveryRequestLeavesTheCountOfThoseInFlight(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"a good one":                  rawtest.Get("/p"),
		"none":                        "garbage\r\n\r\n",
		"a control in the target":     rawtest.Get("/\x01"),
		"a space in the target":       rawtest.Get("/a b"),
		"a tab in the target":         rawtest.Get("/a\tb"),
		"a NUL in the target":         rawtest.Get("/\x00"),
		"a DEL in the target":         rawtest.Get("/\x7f"),
		"a control in a header":       rawtest.Get("/p", "A: \x01"),
		"a control in the method":     "G\x01T /p HTTP/1.1\r\nHost: x\r\n\r\n",
		"no Host":                     "GET /p HTTP/1.1\r\n\r\n",
		"two lengths":                 "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
		"an encoding that is none":    "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: evil\r\n\r\n",
		"a header that is too long":   rawtest.Get("/p", "A: "+strings.Repeat("x", 200<<10)),
		"a body that is too large":    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n",
		"a broken chunk":              "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nevil\r\n",
		"another version":             "GET /p HTTP/9.9\r\nHost: x\r\n\r\n",
		"an announced body, refused":  "POST /a/../p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
		"an announced body":           "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
		"a path that names nobody":    rawtest.Get("/@nobody/p"),
		"a header that does not come": "GET /p HTTP/1.1\r\n",
	}
	for _, clients := range [][]Client{nil, {keyed("orders", "key")}} {
		w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
		c := config(hostsAt(t, nil, w.URL))
		c.Clients = clients
		limits := defaultLimits
		limits.MaxBody, limits.HeaderTimeout = 1000, 500*time.Millisecond
		s := serve(t, c, limits)
		other := s.proxy.Reload(c) // which takes all of these
		for name, request := range rows {
			caller := s.dial(t)
			caller.Send(request)
			if a, err := rawtest.ReadAnswer(caller.R, false); err != nil {
				t.Errorf("%s: %v", name, err)
			} else if a.Status() == 100 {
				caller.Call("{}")
			}
			if got := other.answering(); got != 0 {
				t.Errorf("%s, with %d clients: got %d requests in flight; want 0", name, len(clients), got)
				other.inFlight.Store(0)
			}
		}
		if !s.proxy.HasFinished() {
			t.Error("the proxy that was replaced has not finished")
		}
	}
}

func TestCallerThatEndsItsConnectionIsObeyed(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := through(t, w)
	for _, request := range []string{
		rawtest.Get("/p", "Connection: close"), rawtest.Get("/p", "connection: x, Close"), rawtest.Get("/@nobody/p", "Connection: x, close"),
	} {
		c := s.dial(t)
		if a := c.Call(request); a.Field("Connection") != "close" || !c.Ended() {
			t.Errorf("%q: got %q; want Connection: close and the end", request, a.Head)
		}
	}
}

// What stands behind a body in parts is not read, and the answer arrives in full
// nevertheless: bytes that nobody has read would make the kernel reset the connection.
func TestWhoPipelinesBehindAChunkedBodyReadsTheAnswer(t *testing.T) {
	t.Parallel()
	long := string(rawtest.Noise(300 << 10))
	w := rawtest.StartRaw(t, rawtest.Always(rawtest.Answered(long)))
	c := through(t, w).dial(t)
	c.Send("POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" + strings.Repeat(rawtest.Get("/next"), 1000))
	time.Sleep(200 * time.Millisecond) // the proxy has written all that the kernels take
	if a, err := rawtest.ReadAnswer(c.R, false); err != nil || a.Body != long {
		t.Errorf("got %d bytes, %v; want %d", len(a.Body), err, len(long))
	}
	if !c.Ended() {
		t.Error("the connection stays; want its end")
	}
}

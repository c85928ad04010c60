package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

func TestRequestIDsAreTakenOrMadeAndPassedOn(t *testing.T) {
	const made = "made"
	long := strings.Repeat("x", maxRequestID)
	rows := []struct {
		name   string
		access bool
		fields []string
		want   string   // the id; made: a new one; empty: none of the proxy's
		sent   []string // the ids that WeChat reads, if the proxy has none
	}{
		{"the caller's", true, []string{"X-Request-Id: order-17/3"}, "order-17/3", nil},
		{"in another spelling", true, []string{"x-request-ID:\t a~!  "}, "a~!", nil},
		{"as long as can be", true, []string{"X-Request-Id: " + long}, long, nil},
		{"none", true, nil, made, nil},
		{"too long", true, []string{"X-Request-Id: x" + long}, made, nil},
		{"empty", true, []string{"X-Request-Id:"}, made, nil},
		{"with a space", true, []string{"X-Request-Id: a b"}, made, nil},
		{"with a tab", true, []string{"X-Request-Id: a\tb"}, made, nil},
		{"not ASCII", true, []string{"X-Request-Id: a\xffb"}, made, nil},
		{"two of them", true, []string{"X-Request-Id: a", "x-request-id: a"}, made, nil},
		{"one that ends here", true, []string{"Connection: x-request-id", "X-Request-Id: a"}, made, nil},
		{"the caller's, without access log", false, []string{"x-request-id: a b"}, "", []string{"a b"}},
		{"none, without access log", false, nil, "", nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			u := &recorder{answers: []string{rawtest.RefusedBody, rawtest.OKBody}}
			c := config(upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
				resp.Header.DisableNormalizing()
				resp.Header.Set("x-request-id", "WeChat's own")
				return u.Send(m, resp)
			}), shopWith(&fixedTokens{token: "old", replacement: "new"})...)
			c.LogAccess, c.Log = row.access, slog.New(slog.NewJSONHandler(&log, nil))
			ctx := handle(t, New(c), rawtest.Get("/p", row.fields...))

			answered := idsIn(string(ctx.Response.Header.Header()))
			if !row.access {
				if sent := idsIn(u.got[0].fields); !slices.Equal(sent, row.sent) || !slices.Equal(answered, []string{"WeChat's own"}) || log.Len() > 0 {
					t.Errorf("got %q at WeChat, %q in the answer and the log %s; want nothing of the proxy's", sent, answered, log.String())
				}
				return
			}
			var line struct {
				ID string `json:"request_id"`
			}
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v in %s", err, log.String())
			}
			if row.want == made && (len(line.ID) != 26 || slices.ContainsFunc(row.fields, func(f string) bool { return strings.Contains(f, line.ID) })) {
				t.Errorf("got the id %q; want a new one", line.ID)
			} else if row.want != made && line.ID != row.want {
				t.Errorf("got the id %q; want %q", line.ID, row.want)
			}
			for i, got := range u.got {
				if sent := idsIn(got.fields); !slices.Equal(sent, []string{line.ID}) {
					t.Errorf("request %d: got %q at WeChat; want %q", i+1, sent, line.ID)
				}
			}
			if len(u.got) != 2 || !slices.Equal(answered, []string{line.ID}) {
				t.Errorf("got %d requests and %q in the answer; want 2 and %q", len(u.got), answered, line.ID)
			}
		})
	}
}

// idsIn returns the request ids in a header.
func idsIn(header string) (ids []string) {
	for line := range strings.SplitSeq(header, "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, requestID) {
			ids = append(ids, strings.Trim(value, " \t"))
		}
	}
	return ids
}

func TestTwoMadeIDsDiffer(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.LogAccess = true
	p, seen := New(c), map[string]bool{}
	for range 100 {
		seen[string(handle(t, p, rawtest.Get("/p")).Response.Header.Peek(requestID))] = true
	}
	if len(seen) != 100 {
		t.Errorf("got %d ids of 100 requests", len(seen))
	}
}

func TestTheAccessLogTellsOfEveryRequest(t *testing.T) {
	const key = "Authorization: Bearer key"
	rows := []struct{ name, request, want string }{
		{"an answer", rawtest.Get("/@shop/p?openid=x&js_code=y", key),
			`"account":"shop","client":"orders","method":"GET","path":"/p","parameters":["openid","js_code"],"status":200,"errcode":0,"attempts":1,`},
		{"WeChat's errcode", rawtest.Get("/quota", key),
			`"account":"shop","client":"orders","method":"GET","path":"/quota","parameters":[],"status":200,"errcode":45009,"attempts":1,`},
		{"a token that was refused", rawtest.Get("/refused", key),
			`"account":"shop","client":"orders","method":"GET","path":"/refused","parameters":[],"status":200,"errcode":40001,"attempts":2,`},
		{"AppSecret", rawtest.Get("/sns/jscode2session?secret=key&js_code=y"),
			`"account":"shop","client":"orders","method":"GET","path":"/sns/jscode2session","parameters":["secret","js_code"],"status":200,"errcode":0,"attempts":1,`},
		{"no key", rawtest.Get("/p?x=y"),
			`"account":"","client":"","method":"GET","path":"/p","parameters":["x"],"status":401,"errcode":-40100,"attempts":0,`},
		{"a target that cannot be read", rawtest.Get("/a//b?x=y", key),
			`"account":"","client":"","method":"GET","path":"/a//b","parameters":["x"],"status":400,"errcode":-40000,"attempts":0,`},
		{"a method that is none", "hidden /p HTTP/1.1\r\nHost: x\r\n\r\n",
			`"account":"","client":"","method":"?","path":"","parameters":[],"status":400,"errcode":-40000,"attempts":0,`},
		{"no answer", rawtest.Get("/break", key),
			`"account":"shop","client":"orders","method":"GET","path":"/break","parameters":[],"status":504,"errcode":-50400,"attempts":1,`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var log bytes.Buffer
			c := config(upstreamFunc(func(m *upstream.Message, resp *fasthttp.Response) error {
				switch path, _, _ := strings.Cut(string(m.Target), "?"); path {
				case "/quota":
					resp.SetBodyString(`{"errcode":45009}`)
				case "/refused":
					resp.SetBodyString(rawtest.RefusedBody)
				case "/break":
					return upstream.ErrTimeout
				}
				return nil
			}))
			c.Clients, c.LogAccess, c.Log = []Client{keyed("orders", "key")}, true, slog.New(slog.NewJSONHandler(&log, nil))
			handle(t, New(c), row.request)
			lines := strings.Split(strings.TrimSpace(log.String()), "\n")
			last := lines[len(lines)-1]
			if !strings.Contains(last, `"msg":"request",`+row.want+`"duration":"`) || !strings.Contains(last, `"request_id":"`) {
				t.Errorf("got %s; want %s", last, row.want)
			}
			if strings.Contains(log.String(), "hidden") {
				t.Errorf("got %s, which says too much", log.String())
			}
		})
	}
}

// Whether a line is written by slog or without it can be seen by nothing but its time.
func TestALineWithoutSlogIsTheSame(t *testing.T) {
	key, hidden := "Authorization: Bearer key", strings.Repeat("Ab3-", 10)
	for _, row := range []struct {
		name    string
		request string
		plain   bool
	}{
		{"an answer", rawtest.Get("/@shop/p?openid=x&js_code=y", key), true},
		{"an id", rawtest.Get("/p", key, "X-Request-Id: order-17/3"), true},
		{"an id that is escaped", rawtest.Get("/p", key, `X-Request-Id: "17"`), false},
		{"a span", rawtest.Get("/p", key, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), true},
		{"a path with a secret", rawtest.Get("/p/"+hidden, key), true},
		{"a path with a key", rawtest.Get("/p/key", key), true},
		{"a path that is no text", rawtest.Get("/p/\xff", key), false},
		{"a refusal", rawtest.Get("/p"), false},
	} {
		for _, isJSON := range []bool{true, false} {
			t.Run(fmt.Sprint(row.name, isJSON), func(t *testing.T) {
				c := config(&recorder{answers: []string{rawtest.OKBody}})
				c.Clients, c.LogAccess = []Client{keyed("orders", "key")}, true
				var bySlog, without bytes.Buffer
				var handler slog.Handler = slog.NewTextHandler(&bySlog, nil)
				if isJSON {
					handler = slog.NewJSONHandler(&bySlog, nil)
				}
				c.Log = slog.New(handler)
				handle(t, New(c), row.request)
				want := lastLine(bySlog.String())
				bySlog.Reset()

				c.AccessLog = AccessLog{&without, isJSON}
				p := New(c)
				handle(t, p, row.request)
				got := lastLine(without.String())
				if !row.plain {
					got = lastLine(bySlog.String())
				}
				if got != want || row.plain != (bySlog.Len() == 0) {
					t.Errorf("got %s, and by slog %s; want %s", without.String(), bySlog.String(), want)
				}
			})
		}
	}
}

// lastLine returns the last line of a log without what differs from time to time.
func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	last := regexp.MustCompile(`("?(time|duration)"?[=:])[^ ,]+`).ReplaceAllString(lines[len(lines)-1], "$1")
	return regexp.MustCompile(`[A-Z2-7]{26}`).ReplaceAllString(last, "ID")
}

func TestAPathThatWasShownBringsNoSecretIntoTheLogAfterIt(t *testing.T) {
	var log bytes.Buffer
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.Clients, c.LogAccess, c.AccessLog = []Client{keyed("orders", "key")}, true, AccessLog{&log, true}
	c.Log = slog.New(slog.NewJSONHandler(discard{}, nil))
	p, ctx := New(c), bareCtx(t, rawtest.Get("/p/kez", "Authorization: Bearer key"))
	for _, path := range []string{"/p/kez", "/p/key", "/p/kez", "/p/key"} {
		ctx.Request.Header.SetRequestURI(path)
		p.Handle(ctx)
	}
	if got := strings.Count(log.String(), `"path":"/p/kez"`); got != 2 || strings.Contains(log.String(), "/p/key") || strings.Count(log.String(), "\n") != 4 {
		t.Errorf("got %s; want four lines, none with the key", log.String())
	}
}

// Some APIs have words that are as long as secrets.
func TestThePathOfADocumentedAPIIsLoggedAsItIs(t *testing.T) {
	const long = "/datacube/getweanalysisappidweeklyretaininfo"
	var log bytes.Buffer
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.LogAccess, c.Log = true, slog.New(slog.NewJSONHandler(&log, nil))
	p := New(c)
	for _, path := range []string{long, long + "s", long + "?x=1"} {
		handle(t, p, rawtest.Get(path))
	}
	if shown, hidden := strings.Count(log.String(), `"path":"`+long+`"`), strings.Count(log.String(), `"path":"/datacube/***"`); shown != 2 || hidden != 1 {
		t.Errorf("got %s; want the documented path as it is, and the other one without its word", log.String())
	}
}

func TestRequestsThatCannotBeReadAreLogged(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	c.LogAccess, c.Log = true, slog.New(slog.NewJSONHandler(&log, nil))
	s := serve(t, c, defaultLimits)
	answers := ""
	for _, raw := range []string{"hidden\r\n\r\n", "GET /p?hidden HTTP/1.1\r\nhidden\r\n\r\n"} {
		caller := s.dial(t)
		caller.Send(raw)
		a, _ := rawtest.ReadAnswer(caller.R, false)
		answers += a.Head
	}
	mustShutdown(t, s)
	if n := strings.Count(log.String(), `"msg":"request"`); n != 2 || strings.Contains(log.String(), "hidden") {
		t.Errorf("got %s; want two lines without what the caller sent", log.String())
	}
	if n := len(idsIn(answers)); n != 2 {
		t.Errorf("got %s; want an id in both answers", answers)
	}
}

func BenchmarkHandleLogged(b *testing.B) {
	c := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.SetBodyString(rawtest.OKBody)
		return nil
	}))
	c.LogAccess, c.Log, c.AccessLog = true, slog.New(slog.NewJSONHandler(discard{}, nil)), AccessLog{discard{}, true}
	p, ctx := New(c), bareCtx(b, smallCall)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		p.Handle(ctx)
	}
}

// discard is a place for lines that slog does not know to be none.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

package proxy

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

// Whatever goes wrong: neither a token, nor the AppSecret, nor a client's key
// is in an answer of the proxy or in its log at debug level.
func TestNoSecretIsEverLoggedOrAnswered(t *testing.T) {
	t.Parallel()
	const authorized = "Authorization: Bearer CANARY-key"
	replies := []string{
		rawtest.Answered(rawtest.OKBody), "", "HTTP/1.1 200 OK\r\nCANARY", "HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "CANARY\r\n\r\n", rawtest.Answered(rawtest.RefusedBody),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: CANARY\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
	}
	requests := []string{
		rawtest.Get("/p?access_token=CANARY-theirs"), rawtest.Get("/p?access_token=CANARY-theirs", authorized), post("/p?secret=CANARY", "CANARY"),
		post("/p?CANARY=CANARY", "CANARY")[:40] + "\r\n\r\n",
		rawtest.Get("/p", "Authorization: Bearer CANARY-wrong"), rawtest.Get("/sns/jscode2session?secret=CANARY-key", authorized),
		rawtest.Get("/sns/userinfo?access_token=CANARY-user", authorized), rawtest.Get("/cgi-bin/token?secret=CANARY-key", authorized),
		rawtest.Get("/cgi-bin/component/x?component_access_token=CANARY", authorized), rawtest.Get("/@nobody/p?access_token=CANARY", authorized),
		rawtest.Get("/p?access_token=CANARY#x", authorized), rawtest.Get("/p?access_token=CANARY x", authorized),
		rawtest.Get("/forbidden?access_token=CANARY", authorized), rawtest.Get("http://CANARY.example/CANARY", authorized),
		rawtest.Get("/p&access_token=CANARY", authorized), rawtest.Get("/p;access_token=CANARY", authorized), rawtest.Get("/p%3Faccess_token=CANARY", authorized),
		rawtest.Get("/p%26secret%3dCANARY", authorized), rawtest.Get("/p%253FCANARY", authorized), rawtest.Get("//"+virtual.Prefix+strings.Repeat("CANARY", 9), authorized),
		"CANARY /p HTTP/1.1\r\nHost: x\r\n\r\n",
		rawtest.Get("/p", authorized, "CANARY : x"), rawtest.Get("/p", authorized, "X: CANARY\x00"), rawtest.Get("/p", authorized, "X: a\r\n CANARY"),
		"CANARY\r\n\r\n", "GET CANARY HTTP/1.1\r\nHost: CANARY\r\n\r\n", "GET /p HTTP/9.CANARY\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: CANARY\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\n" + authorized + "\r\nContent-Length: 2000\r\n\r\nCANARY" + strings.Repeat("x", 2000),
		"POST /p HTTP/1.1\r\nHost: x\r\n" + authorized + "\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
		rawtest.Get("/p", "X: CANARY"+strings.Repeat("x", 17<<10)),
		"CONNECT CANARY:443 HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	var log rawtest.Journal
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tokens := []Tokens{
		&fixedTokens{token: "CANARY-token", replacement: "CANARY-token2"},
		&fixedTokens{token: "CANARY-token", replaceErr: laterError{time.Second}},
	}
	withoutToken := shop()
	withoutToken.Tokens = &fixedTokens{err: laterError{time.Second}}
	upstreams := []Upstream{
		upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { panic("CANARY-token") }),
		hostsAt(t, nil, rawtest.ClosedPort(t)),
	}
	for _, reply := range replies {
		upstreams = append(upstreams, hostsAt(t, nil, rawtest.StartRaw(t, rawtest.Once(reply)).URL))
	}
	configs := []Config{config(upstreams[0], withoutToken)}
	for _, u := range upstreams {
		for _, kept := range tokens {
			a := shop()
			a.Tokens, a.Secret = kept, func() (string, error) { return "CANARY-secret", nil }
			configs = append(configs, config(u, a))
		}
	}
	limits := defaultLimits
	limits.MaxBody = 1000
	for _, c := range configs {
		client := keyed("orders", "CANARY-key")
		client.Deny = []string{"/forbidden"}
		c.Clients, c.LogAccess, c.Log = []Client{client}, true, logger
		s := serve(t, c, limits)
		for _, request := range requests {
			// A caller whose request is cut short waits for nothing more.
			caller := s.dial(t)
			caller.Conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			caller.Send(request)
			answer, err := rawtest.ReadAnswer(caller.R, false)
			if err != nil {
				t.Errorf("%.60q: got no answer: %v", request, err)
			}
			if strings.Contains(answer.Head+answer.Body, "CANARY") {
				t.Errorf("%.60q: got %q %q", request, answer.Head, answer.Body)
			}
			caller.Conn.Close()
		}
	}
	lines := strings.Split(log.String(), "\n")
	if len(lines) < len(requests) {
		t.Errorf("got %d lines of log; want one for each request that could be read", len(lines))
	}
	for _, line := range lines {
		if strings.Contains(line, "CANARY") {
			t.Errorf("the log says %s", line)
		}
	}
}

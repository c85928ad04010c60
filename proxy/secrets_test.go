package proxy

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// Whatever goes wrong: neither a token, nor the AppSecret, nor a client's key
// is in an answer of the proxy or in its log at debug level.
func TestNoSecretIsEverLoggedOrAnswered(t *testing.T) {
	t.Parallel()
	const authorized = "Authorization: Bearer CANARY-key"
	replies := []string{
		answered(okBody), "", "HTTP/1.1 200 OK\r\nCANARY", "HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "CANARY\r\n\r\n", answered(refusedBody),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: CANARY\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
	}
	requests := []string{
		get("/p?access_token=CANARY-theirs"), get("/p?access_token=CANARY-theirs", authorized), post("/p?secret=CANARY", "CANARY"),
		post("/p?CANARY=CANARY", "CANARY")[:40] + "\r\n\r\n",
		get("/p", "Authorization: Bearer CANARY-wrong"), get("/sns/jscode2session?secret=CANARY-key", authorized),
		get("/sns/userinfo?access_token=CANARY-user", authorized), get("/cgi-bin/token?secret=CANARY-key", authorized),
		get("/cgi-bin/component/x?component_access_token=CANARY", authorized), get("/@nobody/p?access_token=CANARY", authorized),
		get("/p?access_token=CANARY#x", authorized), get("/p?access_token=CANARY x", authorized),
		get("/forbidden?access_token=CANARY", authorized), get("http://CANARY.example/CANARY", authorized),
		get("/p&access_token=CANARY", authorized), get("/p;access_token=CANARY", authorized), get("/p%3Faccess_token=CANARY", authorized),
		get("/p%26secret%3dCANARY", authorized), get("/p%253FCANARY", authorized), get("//"+virtualPrefix+strings.Repeat("CANARY", 9), authorized),
		"CANARY /p HTTP/1.1\r\nHost: x\r\n\r\n",
		get("/p", authorized, "CANARY : x"), get("/p", authorized, "X: CANARY\x00"), get("/p", authorized, "X: a\r\n CANARY"),
		"CANARY\r\n\r\n", "GET CANARY HTTP/1.1\r\nHost: CANARY\r\n\r\n", "GET /p HTTP/9.CANARY\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: CANARY\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\n" + authorized + "\r\nContent-Length: 2000\r\n\r\nCANARY" + strings.Repeat("x", 2000),
		"POST /p HTTP/1.1\r\nHost: x\r\n" + authorized + "\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
		get("/p", "X: CANARY"+strings.Repeat("x", 17<<10)),
		"CONNECT CANARY:443 HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	var log journal
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tokens := []Tokens{
		&fixedTokens{token: "CANARY-token", replacement: "CANARY-token2"},
		&fixedTokens{token: "CANARY-token", replaceErr: laterError{time.Second}},
	}
	withoutToken := shop()
	withoutToken.Tokens = &fixedTokens{err: laterError{time.Second}}
	upstreams := []Upstream{
		upstreamFunc(func(*Message, *fasthttp.Response) error { panic("CANARY-token") }),
		hostsAt(t, nil, closedPort(t)),
	}
	for _, reply := range replies {
		upstreams = append(upstreams, hostsAt(t, nil, startRaw(t, once(reply)).url))
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
			caller.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			caller.send(request)
			answer, err := readAnswer(caller.r, false)
			if err != nil {
				t.Errorf("%.60q: got no answer: %v", request, err)
			}
			if strings.Contains(answer.head+answer.body, "CANARY") {
				t.Errorf("%.60q: got %q %q", request, answer.head, answer.body)
			}
			caller.conn.Close()
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

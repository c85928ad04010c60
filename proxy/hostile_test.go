package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/rawtest"
)

// A strictWeChat is an upstream that takes only strict requests, and keeps what
// it read and what it objected to.
type strictWeChat struct {
	*rawtest.WeChat

	mu       sync.Mutex // guards what follows
	got      []strictRequest
	problems []error
}

func startStrict(t testing.TB) *strictWeChat {
	t.Helper()
	w := new(strictWeChat)
	w.WeChat = rawtest.StartRaw(t, func(conn net.Conn, raw string) bool {
		r, err := checkForwarded(raw)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.got = append(w.got, r)
		if err != nil {
			w.problems = append(w.problems, err)
		}
		_, failed := io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
		w.Forget() // a fuzzer would fill the memory with the requests
		return failed == nil
	})
	return w
}

// take returns the requests since the last call.
func (w *strictWeChat) take() ([]strictRequest, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.got, w.problems = nil, nil }()
	return w.got, errors.Join(w.problems...)
}

// pathLog is a log handler that keeps the path of every request that was
// forwarded: the one that policy looked at.
type pathLog struct {
	slog.Handler // that of DiscardHandler

	mu    sync.Mutex // guards paths
	paths []string
}

func (*pathLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *pathLog) Handle(_ context.Context, r slog.Record) error {
	var path string
	var attempts int64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "path":
			path = a.Value.String()
		case "attempts":
			attempts = a.Value.Int64()
		}
		return true
	})
	if attempts > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.paths = append(l.paths, path)
	}
	return nil
}

func (l *pathLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.paths = nil }()
	return l.paths
}

// A stronghold is a proxy between hostile callers and a WeChat that tells.
type stronghold struct {
	wechat *strictWeChat
	log    *pathLog
	*service
	fences int
	fence  *rawtest.Caller
}

// Nothing at or below these may reach WeChat, however it is spelled.
var forbidden = []string{"/denied", "/exactly/this", "/secrets", "/cgi-bin/component", "/cgi-bin/token", "/cgi-bin/stable_token", "/wxproxy"}

func buildStronghold(t testing.TB) *stronghold {
	t.Helper()
	s := &stronghold{wechat: startStrict(t), log: &pathLog{Handler: slog.DiscardHandler}}
	c := config(hostsAt(t, nil, s.wechat.URL), shop(), account("other", "wxother"))
	c.Default, c.TokenEndpoint = "shop", TokenDeny // so that each answer is WeChat's or a problem
	c.Log = slog.New(s.log)
	c.Accounts[0].Kind.Routes = []accountkind.Route{{Pattern: "/denied/*", Credential: accountkind.CredentialDeny}}
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	limits := defaultLimits
	limits.MaxBody = 1 << 16
	s.service = serveOn(t, ln, c, limits)
	s.proxy.anyone.Deny = accountkind.NormalAll([]string{"/Secrets/*", "/exactly/this"})
	s.fence = s.dial(t)
	return s
}

// attack sends raw on a connection of its own, and returns all that the proxy
// answers, and what reached WeChat until an honest request after it did.
func (s *stronghold) attack(raw string) (answers string, reached []strictRequest, err error) {
	conn, err := net.Dial(s.addr.Network(), s.addr.String())
	if err != nil {
		return "", nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	go func() {
		io.WriteString(conn, raw) // the proxy may have heard enough before the end
		conn.(*net.UnixConn).CloseWrite()
	}()
	all, err := io.ReadAll(conn)
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		return string(all), nil, errors.New("the proxy waits for ever")
	}
	s.fences++
	honest := fmt.Sprintf("/fence/%d", s.fences)
	s.fence.Conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(s.fence.Conn, rawtest.Get(honest))
	if a, err := rawtest.ReadAnswer(s.fence.R, false); err != nil || a.Body != rawtest.OKBody {
		return "", nil, fmt.Errorf("an honest request got %q, %q, %w", a.Head, a.Body, err)
	}
	reached, err = s.wechat.take()
	if n := len(reached); n == 0 || reached[n-1].target != honest+"?access_token=shop-token" {
		return "", nil, fmt.Errorf("an honest request was not the last to arrive: %v, %w", reached, err)
	}
	return string(all), reached[:len(reached)-1], err
}

func isTimeout(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

var (
	statusLine   = regexp.MustCompile(`HTTP/1\.1 ([2-9]\d\d) `)
	answerOf     = regexp.MustCompile(`Wxproxy-Account: (\w+)\r\nWxproxy-Attempts: 1\r\n`)
	problemLine  = regexp.MustCompile(`\r\nWxproxy-Error: \w+\r\n`)
	absoluteForm = regexp.MustCompile(`(?i)^https?://[^/?]*`)
	selector     = regexp.MustCompile(`^/@[^/?]*`)
)

// checkAttack reports which promise an attack broke.
func checkAttack(t testing.TB, s *stronghold, raw string) {
	t.Helper()
	answers, reached, err := s.attack(raw)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	shown := s.log.take()
	shown = shown[:max(len(shown)-1, 0)] // without the honest one
	finals, accounts := len(statusLine.FindAllString(answers, -1)), answerOf.FindAllStringSubmatch(answers, -1)
	if len(accounts) != len(reached) || finals != len(accounts)+len(problemLine.FindAllString(answers, -1)) {
		t.Fatalf("%q: %+v reached WeChat; got the answers %q", raw, reached, answers)
	}
	meant := readAllStrict(raw)
	for i, r := range reached {
		requestPath, query, _ := strings.Cut(r.target, "?")
		if i >= len(shown) || shown[i] != logged.Path([]byte(requestPath), func([]byte) bool { return false }) {
			t.Fatalf("%q: %q reached WeChat; policy looked at %q", raw, requestPath, shown)
		}
		if under := forbiddenBy(requestPath); under != "" {
			t.Fatalf("%q: %q reached WeChat, which can be read as %q", raw, requestPath, under)
		}
		checkToken(t, raw, requestPath, query, accounts[i][1]+"-token")
		found := slices.IndexFunc(meant, func(m strictRequest) bool {
			m.target = selector.ReplaceAllString(absoluteForm.ReplaceAllString(m.target, ""), "")
			meantPath, _, _ := strings.Cut(m.target, "?")
			return m.method == r.method && m.body == r.body && (meantPath == requestPath || meantPath == "" && requestPath == "/")
		})
		if found < 0 {
			t.Fatalf("%q: %s %s %q reached WeChat, which nobody sent", raw, r.method, r.target, r.body)
		}
		meant = meant[found+1:]
	}
}

// overlong reads bytes that are not UTF-8 as some do all the same.
var overlong = strings.NewReplacer(`\`, "/", "\xc0\xaf", "/", "\xe0\x80\xaf", "/", "\xf0\x80\x80\xaf", "/", "\xc0\xae", ".", "\xc1\xb4", "t")

// forbiddenBy returns the reading of raw that must not reach WeChat: that of a
// server that decodes again and again and cleans the path in every way.
func forbiddenBy(raw string) string {
	for range 4 {
		reading := overlong.Replace(asciiLower(raw))
		var segments []string
		for segment := range strings.SplitSeq(reading, "/") {
			segment, _, _ = strings.Cut(segment, ";")
			segments = append(segments, strings.Trim(segment, " \x00"))
		}
		reading = path.Clean("/" + strings.Join(segments, "/"))
		reading, _, _ = strings.Cut(reading, "?")
		reading, _, _ = strings.Cut(reading, "#")
		for _, p := range forbidden {
			if exact := strings.HasPrefix(p, "/cgi-bin/") && p != "/cgi-bin/component" || p == "/exactly/this"; reading == p || !exact && strings.HasPrefix(reading, p+"/") {
				return reading
			}
		}
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			return ""
		}
		raw = decoded
	}
	return ""
}

// checkToken reads the query as liberally as anyone does, and wants one token.
func checkToken(t testing.TB, raw, requestPath, query, want string) {
	t.Helper()
	decoded, _ := url.PathUnescape(requestPath)
	decoded = strings.TrimSuffix(asciiLower(decoded), "/")
	var tokens []string
	for segment := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(segment, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		name, _, _ = strings.Cut(name, "\x00")
		if asciiLower(name) == "access_token" {
			tokens = append(tokens, value)
		}
	}
	switch decoded {
	case "/sns/userinfo", "/sns/auth":
		if slices.Contains(tokens, "shop-token") || slices.Contains(tokens, "other-token") {
			t.Fatalf("%q: a path of class user got our token: %q", raw, query)
		}
	case "/sns/jscode2session", "/sns/oauth2/access_token", "/sns/oauth2/refresh_token", "/cgi-bin/clear_quota/v2":
		if slices.Contains(tokens, want) {
			t.Fatalf("%q: a path of class secret got our token: %q", raw, query)
		}
	default:
		if len(tokens) != 1 || tokens[0] != want {
			t.Fatalf("%q: got the tokens %q in %q; want %q alone", raw, tokens, query, want)
		}
	}
}

// Whatever bytes a caller sends: at most one request reaches WeChat for each
// that the caller made and the proxy answered, its path is the one that policy
// looked at and allowed, and it carries one access_token, ours.
func FuzzHostileCaller(f *testing.F) {
	for _, row := range smugglingAttempts() {
		if len(row.raw) < 4<<10 { // others only slow the fuzzer down
			f.Add([]byte(row.raw))
		}
	}
	for _, target := range spellings() {
		f.Add([]byte(rawtest.Get(target)))
	}
	s := buildStronghold(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkAttack(t, s, string(raw))
	})
}

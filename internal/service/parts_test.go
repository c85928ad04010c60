package service

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxproxy/config"
	"wxproxy/token/store"
)

// loads reads a configuration of the lines, and four more.
func loads(t testing.TB, dir, lines string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(path, []byte(lines+"\n"+shop), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, func(string) (string, bool) { return "", false })
}

// manyURLs returns the setting of n URLs besides the first.
func manyURLs(n int) string {
	urls := make([]string, n)
	for i := range urls {
		urls[i] = fmt.Sprintf("https://host-%d.example", i)
	}
	return urlsOf("https://wechat.example", urls...)
}

func urlsOf(url string, fallbacks ...string) string {
	list, _ := json.Marshal(append([]string{}, fallbacks...))
	first, _ := json.Marshal(url)
	return "[upstream]\nurl = " + string(first) + "\nfallback_urls = " + string(list)
}

// A configuration that serve refuses is refused by check, in the words of the file.
func TestWhatServeRefusesCheckRefuses(t *testing.T) {
	t.Parallel()
	good := []string{
		urlsOf("https://api.weixin.qq.com"), urlsOf("http://127.0.0.1:1"), urlsOf("https://[::1]:65535"), urlsOf("https://[2001:db8::1]"),
		urlsOf("https://xn--fiqs8s.example"), urlsOf("https://wechat.example."), urlsOf("https://WeChat.Example:0443"), urlsOf("https://my_host"),
		manyURLs(63),
	}
	bad := []string{
		manyURLs(64), manyURLs(200),
		urlsOf("https://wechat.example:0"), urlsOf("https://wechat.example:"), urlsOf("https://wechat.example:65536"), urlsOf("https://wechat.example:-1"),
		urlsOf("https://wechat.example:https"), urlsOf("https://[::1]:"), urlsOf("https://[::1"), urlsOf("https://::1"), urlsOf("https://[::1%25eth0]"),
		urlsOf("https://[fe80::1%eth0]"), urlsOf("https://[]"), urlsOf("https://256.256.256.256"), urlsOf("https://127.1"), urlsOf("https://10"),
		urlsOf("https://we..chat"), urlsOf("https://.wechat"), urlsOf("https://-wechat.example"), urlsOf("https://" + strings.Repeat("a", 64) + ".example"),
		urlsOf("https://" + strings.Repeat("a.", 127) + "example"), urlsOf("https://we chat"), urlsOf("https://we%20chat"), urlsOf("https://微信.example"),
		urlsOf("https://user@wechat.example"), urlsOf("https://u:p@wechat.example"), urlsOf("https://wechat.example/"), urlsOf("https://wechat.example?"),
		urlsOf("https://wechat.example#"), urlsOf("https:wechat.example"), urlsOf("//wechat.example"), urlsOf("wss://wechat.example"), urlsOf("HTTPS://wechat.example"),
		urlsOf(" https://wechat.example"), urlsOf("https://wechat.example "), urlsOf("https://wechat.example\t"), urlsOf(""), urlsOf("https://"),
	}
	dir := t.TempDir()
	for _, lines := range good {
		cfg, err := loads(t, dir, lines)
		if err != nil {
			t.Errorf("%s: got %v; want it approved", lines, err)
			continue
		}
		mustBuild(t, cfg)
	}
	for _, lines := range bad {
		if cfg, err := loads(t, dir, lines); err == nil || !strings.Contains(err.Error(), ": upstream.") {
			t.Errorf("%s: got %v, %v; want a mistake in upstream", lines, cfg, err)
		}
	}
}

// mustBuild builds all that serve builds of an approved configuration, which
// starts nothing.
func mustBuild(t testing.TB, cfg *config.Config) {
	t.Helper()
	if err := Try(cfg); err != nil {
		t.Errorf("got %v of what was approved", err)
	}
	s := &Service{atStart: cfg, log: slog.New(slog.DiscardHandler)}
	first, err := s.newSetup(cfg, nil)
	if err != nil {
		t.Fatalf("got %v of what was approved", err)
	}
	for _, state := range first.hosts.states() {
		r, err := http.NewRequest(http.MethodGet, state.URL+"/cgi-bin/token", nil)
		if err != nil || r.URL.Hostname() == "" || r.URL.Path != "/cgi-bin/token" {
			t.Errorf("got %v, %v for %s; want a request", r, err, state.URL)
		}
	}
	for _, listen := range []string{cfg.Proxy.Listen, cfg.Admin.Listen} {
		network, address := config.ListenOn(listen)
		if _, _, err := net.SplitHostPort(address); network == "tcp" && listen != "" && err != nil {
			t.Errorf("got %v for %s; want an address", err, listen)
		}
	}
	if spec := cfg.Token.Store; !strings.HasPrefix(spec.Reveal(), "file:") {
		_, err := store.Open(store.Config{Spec: spec, KeyPrefix: cfg.Token.KeyPrefix, Key: cfg.Token.EncryptionKey})
		if err != nil {
			t.Errorf("got %v for a store that was approved", err)
		}
	}
}

func FuzzWhatIsApprovedCanBeBuilt(f *testing.F) {
	for _, seed := range [][4]string{
		{"https://api.weixin.qq.com", "https://api2.weixin.qq.com", "127.0.0.1:8080", "memory:"},
		{"http://[::1]:1", "http://localhost", "[fe80::1%eth0]:0", "redis://:p@h:1/2"},
		{"https://a:", "https://[::1%25x]", "unix:/run/x", "rediss://h?addr=b:1&cluster=true"},
		{"https://1.2.3", "https://a..b", ":65536", "file:/x"},
		{"http:\r", "http://a", ":1", "memory:"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, url, fallback, listen, store string) {
		quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
		cfg, err := loads(t, dir, fmt.Sprintf("%s\n[proxy]\nlisten = %s\nallow_anonymous = true\n[admin]\nlisten = \"\"\n[token]\nstore = %s",
			urlsOf(url, fallback), quote(listen), quote(store)))
		if err != nil {
			return
		}
		mustBuild(t, cfg)
	})
}

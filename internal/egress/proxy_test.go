package egress_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"wxproxy/internal/egress"
	"wxproxy/internal/secret"
)

func TestURLsOfProxies(t *testing.T) {
	t.Parallel()
	rows := []struct{ raw, want, problem string }{
		{"http://proxy.corp:3128", "http://proxy.corp:3128", ""},
		{"http://u:s3cret@proxy.corp:3128/", "http://proxy.corp:3128", ""},
		{"https://10.0.0.1:443", "https://10.0.0.1:443", ""},
		{"socks5://[2001:db8::1]:1080", "socks5://[2001:db8::1]:1080", ""},
		{"socks5h://u:s3cret@proxy.corp:1080", "socks5://proxy.corp:1080", ""},
		{"proxy.corp:3128", "", "is no URL"},
		{"10.0.0.1:3128", "", "is no URL"},
		{"proxy-corp:3128", "", "is no URL"},
		{"socks4://proxy.corp:1080", "", "scheme"},
		{"http://proxy.corp", "", "has no port"},
		{"http://proxy.corp:0", "", "has no port"},
		{"http://proxy.corp:99999", "", "has no port"},
		{"http://", "", "is no URL"},
		{"http://u:s3cr#et@proxy.corp:3128", "", "# is %23"},
		{"http://u:s3cr/et@proxy.corp:3128", "", "/ is %2F"},
		{"http://u:s3cr%et@proxy.corp:3128", "", "% is %25"},
		{"http://proxy.corp:3128/out", "", "something behind the port"},
		{"http://proxy.corp:3128?s3cret", "", "something behind the port"},
		{"socks5://u@proxy.corp:1080", "", "SOCKS takes"},
		{"socks5://u:" + strings.Repeat("x", 256) + "@proxy.corp:1080", "", "SOCKS takes"},
		{"http://a%3Ab:s3cret@proxy.corp:3128", "", "a colon"},
	}
	for _, row := range rows {
		p, err := egress.Parse(row.raw, "upstream.proxy")
		switch {
		case row.problem == "" && (err != nil || p.String() != row.want):
			t.Errorf("%s: got %v, %v; want %s", row.raw, p, err, row.want)
		case row.problem != "" && (err == nil || !strings.Contains(err.Error(), row.problem) || strings.Contains(err.Error(), "s3cr")):
			t.Errorf("%s: got %v; want a problem with %q in it, and no password", row.raw, err, row.problem)
		}
		if said := fmt.Sprintf("%v %+v %#v", p, p, p); strings.Contains(said, "s3cret") {
			t.Errorf("%s: got %s; want no password", row.raw, said)
		}
	}
}

func TestEnvironmentSaysWhichProxyLeadsOut(t *testing.T) {
	t.Parallel()
	const https, plain = "https://api.weixin.qq.com", "http://wecom.corp:8080"
	rows := []struct {
		name, env, setting, host, want, by string
	}{
		{"nothing", "", "", https, "", ""},
		{"in capitals", "HTTPS_PROXY=http://a:1 https_proxy=http://b:2", "", https, "http://a:1", "HTTPS_PROXY"},
		{"in small letters", "https_proxy=http://b:2", "", https, "http://b:2", "https_proxy"},
		{"empty ones count as none", "HTTPS_PROXY= https_proxy=http://b:2", "", https, "http://b:2", "https_proxy"},
		{"without scheme and port", "HTTPS_PROXY=a", "", https, "http://a:80", "HTTPS_PROXY"},
		{"a port alone is left out", "HTTPS_PROXY=socks5://u:p@a", "", https, "socks5://a:1080", "HTTPS_PROXY"},
		{"the other scheme", "HTTP_PROXY=http://a:1", "", https, "", ""},
		{"plain HTTP", "HTTP_PROXY=http://a:1 HTTPS_PROXY=http://b:2", "", plain, "http://a:1", "HTTP_PROXY"},
		{"behind a web server", "HTTP_PROXY=http://a:1 REQUEST_METHOD=GET", "", plain, "", ""},
		{"behind a web server in small letters", "http_proxy=http://a:1 REQUEST_METHOD=GET", "", plain, "http://a:1", "http_proxy"},
		{"an exception", "HTTPS_PROXY=http://a:1 NO_PROXY=.qq.com", "", https, "", "NO_PROXY"},
		{"an exception in small letters", "HTTPS_PROXY=http://a:1 no_proxy=api.weixin.qq.com:443", "", https, "", "NO_PROXY"},
		{"another exception", "HTTPS_PROXY=http://a:1 NO_PROXY=weixin.com,10.0.0.0/8", "", https, "http://a:1", "HTTPS_PROXY"},
		{"nothing goes through it", "HTTPS_PROXY=http://a:1 NO_PROXY=*", "", https, "", "NO_PROXY"},
		{"nor to this machine", "HTTP_PROXY=http://a:1", "", "http://127.0.0.1:9", "", ""},
		{"the setting wins", "HTTPS_PROXY=http://a:1 NO_PROXY=*", "http://c:3", https, "http://c:3", "upstream.proxy"},
		{"the setting says none", "HTTPS_PROXY=http://a:1", "direct", https, "", "upstream.proxy"},
	}
	for _, row := range rows {
		env := map[string]string{}
		for _, variable := range strings.Fields(row.env) {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		choice := egress.Choice{Setting: "upstream.proxy", URL: secret.New(row.setting), Environment: egress.Of(func(name string) (string, bool) {
			value, ok := env[name]
			return value, ok
		})}
		host, _ := url.Parse(row.host)
		p, by, err := choice.For(host)
		got := ""
		if p != nil {
			got = p.String()
		}
		if err != nil || got != row.want || by != row.by {
			t.Errorf("%s: got %q by %q, %v; want %q by %q", row.name, got, by, err, row.want, row.by)
		}
	}
}

func TestVariableThatNamesNoProxyIsRefused(t *testing.T) {
	t.Parallel()
	host, _ := url.Parse("https://api.weixin.qq.com")
	for _, raw := range []string{"ftp://u:s3cret@a:1", "http://u:s3cr#et@a:1", "://", "http://:3128"} {
		choice := egress.Choice{Environment: egress.Environment{HTTPS: secret.New(raw), HTTPSName: "HTTPS_PROXY"}}
		if p, by, err := choice.For(host); err == nil || by != "HTTPS_PROXY" || strings.Contains(err.Error(), "s3cr") {
			t.Errorf("%s: got %v by %q, %v; want a problem with HTTPS_PROXY", raw, p, by, err)
		}
	}
}

// FuzzParse: a URL is refused, or one of a proxy whose address can be dialled; nothing that
// is printed has its password.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"http://u:p@h:1", "socks5h://[::1]:1080", "https://h", "a:b:c", "http://h:1/x?y#z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := egress.Parse(raw, "upstream.proxy")
		if err != nil {
			return
		}
		if p.Host() == "" || p.Port() == "" || p.Trusting(nil).Address() != p.Address() {
			t.Errorf("%q: got %q, %q", raw, p.Host(), p.Port())
		}
		if again, err := egress.Parse(p.String(), "upstream.proxy"); err != nil || again.Address() != p.Address() {
			t.Errorf("%q: got %v, %v; want %s", raw, again, err, p)
		}
	})
}

// Where NO_PROXY is why nothing goes through the proxy, the remedy names it, and what has the
// proxy.
func TestExclusionNamesItsVariables(t *testing.T) {
	t.Parallel()
	host, _ := url.Parse("https://api.weixin.qq.com")
	e := egress.Environment{HTTPS: secret.New("http://u:s3cret@a:1"), HTTPSName: "https_proxy", NoProxy: ".weixin.qq.com"}
	choice := egress.Choice{Setting: "upstream.proxy", Environment: e}
	found := choice.Excluding(host)
	if found == nil {
		t.Fatal("got nothing; want that NO_PROXY names the host")
	}
	failed := errors.New("connecting: no way")
	err := found.Blamed(failed)
	var helping interface{ Remedies() (en, zh string) }
	if !errors.As(err, &helping) || !errors.Is(err, failed) || err.Error() != failed.Error() {
		t.Fatalf("got %v; want the error, with a remedy", err)
	}
	for _, text := range func() []string { en, zh := helping.Remedies(); return []string{en, zh} }() {
		if !strings.Contains(text, "NO_PROXY") || !strings.Contains(text, "https_proxy") || !strings.Contains(text, "api.weixin.qq.com") || strings.Contains(text, "upstream.proxy") {
			t.Errorf("got %q; want NO_PROXY as the cause", text)
		}
	}
	choice.NoProxy = ""
	if choice.Excluding(host) != nil {
		t.Error("got an exclusion of nobody's")
	}
}

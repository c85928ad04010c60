package newconfig

import (
	"net/url"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

// What somebody types is in the file as it was typed.
func FuzzQuoted(f *testing.F) {
	for _, text := range []string{"", "wx0123456789abcdef", `a"b\c`, "tab\there", "\x00\x1f\x7f\u0085", "路径/秘密", "'"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "?")
		var read struct{ Value string }
		if _, err := toml.Decode("value = "+quoted(text)+"\n", &read); err != nil || read.Value != text {
			t.Errorf("%q: got %q, %v", text, read.Value, err)
		}
	})
}

func TestLinesAreReadOneByOne(t *testing.T) {
	in := strings.NewReader("first\nsecond\r\n\nlast")
	for _, want := range []string{"first", "second\r", "", "last"} {
		if got, err := readLine(in); got != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if got, err := readLine(in); err == nil {
		t.Errorf("got %q; want the end", got)
	}
	if _, err := readLine(strings.NewReader(strings.Repeat("x", maxLine+2))); err == nil {
		t.Error("got a line of any length; want a bound")
	}
}

func TestWhatComesAlongWithACopyIsTakenAway(t *testing.T) {
	for _, copied := range []string{"wx01", " wx01\r", "\ufeffwx01", "\u3000wx01\u00a0", "\"wx01\"", "\twx01\u200b"} {
		if got := clean(copied); got != "wx01" {
			t.Errorf("%q: got %q", copied, got)
		}
	}
}

func TestAFileIsNamedAsAShellTakesIt(t *testing.T) {
	for name, want := range map[string]string{
		"config.toml": "config.toml", "/etc/wxproxy/config.toml": "/etc/wxproxy/config.toml", "my config.toml": "'my config.toml'",
		"-x.toml": "./-x.toml", "it's.toml": `'it'\''s.toml'`, "$HOME.toml": "'$HOME.toml'", "配置.toml": "配置.toml",
	} {
		if got := shellWord(name); got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
}

// WeChat is asked by the way that wxproxy will go: through the proxy of the environment.
func TestWeChatIsAskedThroughTheProxyOfTheEnvironment(t *testing.T) {
	a := account{id: "wx0123456789abcdef", secret: secret.New("0123456789abcdef0123456789abcdef")}
	t.Setenv("WXPROXY_LISTEN", "no address") // is of the process that will run, and not of this one
	t.Setenv("HTTPS_PROXY", "http://proxy.corp:3128")
	cfg, err := a.parse()
	if err != nil {
		t.Fatal(err)
	}
	if way, _, err := cfg.ProxyOf(config.WeChat).For(&url.URL{Scheme: "https", Host: "api.weixin.qq.com"}); err != nil || way == nil || way.Address() != "proxy.corp:3128" {
		t.Errorf("got %v, %v; want the proxy", way, err)
	}
	t.Setenv("HTTPS_PROXY", "ftp://proxy.corp:3128")
	if _, err := a.parse(); err == nil || !strings.HasPrefix(err.Error(), "environment: HTTPS_PROXY: ") {
		t.Errorf("got %v; want the variable that is wrong", err)
	}
}

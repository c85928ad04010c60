package newconfig

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
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

// A proxy that somebody names goes into the file, with its password, and WeChat is asked through it.
func TestAProxyOfTheCommandLine(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://other.corp:3128")
	for _, kind := range []config.Kind{config.WeChat, config.WeCom} {
		a := account{kind: kind, id: "wx0123456789abcdef", secret: secret.New("0f1e2d3c4b5a69788796a5b4c3d2e1f0"), proxy: secret.New("http://me:pass-word@proxy.corp:3128")}
		cfg, err := a.parse()
		if err != nil || a.checkProxy() != nil {
			t.Fatal(err, a.checkProxy())
		}
		way, setting, err := cfg.ProxyOf(kind).For(&url.URL{Scheme: "https", Host: "api.weixin.qq.com"})
		if err != nil || way == nil || way.Address() != "proxy.corp:3128" || setting != kind.Section()+".proxy" || way.Secrets() == nil {
			t.Errorf("got %v, %s, %v; want the proxy", way, setting, err)
		}
		a.proxy = secret.New("proxy.corp, me:pass-word")
		if err := a.checkProxy(); err == nil || !strings.HasPrefix(err.Error(), "-proxy: is no URL of a proxy") || strings.Contains(err.Error(), "pass-word") {
			t.Errorf("got %v; want what is wrong with -proxy", err)
		}
	}
	direct := account{proxy: secret.New("direct"), language: language.Chinese}
	if got := direct.text(); direct.checkProxy() != nil || !strings.HasPrefix(got, "# 由 wxproxy init 生成。") || !strings.Contains(got, "[upstream]\nproxy = \"direct\"\n\n[[account]]") {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsTooShortForASecretIsNotSent(t *testing.T) {
	for value, isGood := range map[string]bool{"0f1e2d3c4b5a697": false, "0f1e2d3c4b5a6978": true} {
		a := account{id: "wx0123456789abcdef", secret: secret.New(value)}
		if err := a.checkSecret(); (err == nil) != isGood {
			t.Errorf("%d characters: got %v", len(value), err)
		}
	}
}

// Init does not try again, as the wxproxy does of which the remedies speak.
func TestAFailureIsExplainedWithoutWhatInitDoesNotDo(t *testing.T) {
	for _, l := range []language.Language{language.English, language.Chinese} {
		for _, why := range []token.Explanation{wechat.Explain(io.EOF), wecom.Explain(io.EOF), wechat.Explain(errors.New("?")), wecom.Explain(errors.New("?"))} {
			var said strings.Builder
			d := &dialog{Settings: Settings{Err: &said, Language: l}}
			d.explain(why)
			if got := said.String(); strings.Contains(got, "itself") || strings.Contains(got, "自动重试") || strings.Contains(got, "如果持续") {
				t.Errorf("got %s", got)
			}
		}
	}
}

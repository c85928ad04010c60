package config

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// What check says of the way out, and never with a password.
func TestTheWayOutIsDescribed(t *testing.T) {
	file := write(t, "proxy", "socks5://u:"+canary+"@socks.corp:1080\n")
	rows := []struct {
		name, toml, wechat, wecom string
		env                       []string
	}{
		{"none", "", "", "", nil},
		{"the setting", "[upstream]\nproxy = \"http://u:" + canary + "@proxy.corp:3128\"", "; through the proxy http://proxy.corp:3128 (upstream.proxy)", "; through the proxy http://proxy.corp:3128 (upstream.proxy)", []string{"NO_PROXY", "*"}},
		{"a file", "[upstream]\nproxy_file = \"" + file + "\"", "; through the proxy socks5://socks.corp:1080 (upstream.proxy_file)", "; through the proxy socks5://socks.corp:1080 (upstream.proxy_file)", nil},
		{"a variable", "[upstream]\nproxy_env = \"EGRESS\"", "; through the proxy https://proxy.corp:443 (upstream.proxy_env)", "; through the proxy https://proxy.corp:443 (upstream.proxy_env)", []string{"EGRESS", "https://u:" + canary + "@proxy.corp:443"}},
		{"WeCom's own", "[upstream]\nproxy = \"http://a.corp:1\"\n[upstream.wecom]\nproxy = \"http://b.corp:2\"", "; through the proxy http://a.corp:1 (upstream.proxy)", "; through the proxy http://b.corp:2 (upstream.wecom.proxy)", nil},
		{"WeCom directly", "[upstream]\nproxy = \"http://a.corp:1\"\n[upstream.wecom]\nproxy = \"direct\"", "; through the proxy http://a.corp:1 (upstream.proxy)", "; directly (upstream.wecom.proxy)", nil},
		{"the environment", "", "; through the proxy http://proxy.corp:3128 (HTTPS_PROXY); to https://api2.weixin.qq.com directly (NO_PROXY)", "; through the proxy http://proxy.corp:3128 (HTTPS_PROXY)", []string{"HTTPS_PROXY", "http://u:" + canary + "@proxy.corp:3128", "NO_PROXY", "api2.weixin.qq.com"}},
		{"the environment, but for the first", "", "; directly (NO_PROXY); to https://api2.weixin.qq.com through the proxy http://proxy.corp:3128 (HTTPS_PROXY)", "; through the proxy http://proxy.corp:3128 (HTTPS_PROXY)", []string{"HTTPS_PROXY", "http://proxy.corp:3128", "NO_PROXY", "api.weixin.qq.com"}},
		{"the environment has none for WeChat", "", "; directly (NO_PROXY)", "; directly (NO_PROXY)", []string{"HTTPS_PROXY", "http://proxy.corp:3128", "NO_PROXY", ".weixin.qq.com"}},
		{"the environment says none", "", "; directly (NO_PROXY)", "; directly (NO_PROXY)", []string{"https_proxy", "http://proxy.corp:3128", "no_proxy", "*"}},
		{"not what the environment says", "[upstream]\nproxy = \"direct\"", "; directly (upstream.proxy)", "; directly (upstream.proxy)", []string{"HTTPS_PROXY", "http://proxy.corp:3128"}},
	}
	for _, row := range rows {
		cfg := mustLoad(t, row.toml+"\n"+shop+application("crm", "ww1", ""), row.env...)
		for kind, want := range map[Kind]string{WeChat: row.wechat, WeCom: row.wecom} {
			if _, got, _ := strings.Cut(cfg.describeEgress(kind).Error(), strings.Join(cfg.UpstreamOf(kind).FallbackURLs, ", ")); strings.TrimPrefix(got, cfg.UpstreamOf(kind).URL) != want {
				t.Errorf("%s: %v: got %q; want %q", row.name, kind, got, want)
			}
		}
		if said := cfg.Describe() + fmt.Sprintf("%+v %#v", cfg, cfg) + strings.Join(cfg.Warnings(), ""); strings.Contains(said, canary) || !strings.Contains(said, row.wechat) {
			t.Errorf("%s: got %s; want %q in it, and no password", row.name, said, row.wechat)
		}
	}
}

func TestFamilyOfAddressesHasNoEffectBehindAProxy(t *testing.T) {
	const warning = "ip_family: has no effect: the proxy that "
	const family, proxy = "ip_family = \"ipv4\"\n", "proxy = \"http://proxy.corp:3128\"\n"
	rows := []struct {
		toml string
		env  []string
		want int
	}{
		{"[upstream]\n" + family, nil, 0},
		{"[upstream]\n" + proxy, nil, 0},
		{"[upstream]\n" + family + proxy, nil, 1},
		{"[upstream]\n" + family, []string{"HTTPS_PROXY", "http://proxy.corp:3128"}, 1},
		{"[upstream]\n" + family, []string{"HTTPS_PROXY", "http://proxy.corp:3128", "NO_PROXY", "hk.api.weixin.qq.com"}, 0},
		{"[upstream]\n" + proxy + "[upstream.wecom]\n" + family, nil, 1},
		{"[upstream]\n" + family + proxy + "[upstream.wecom]\nproxy = \"direct\"", nil, 1},
	}
	for _, row := range rows {
		cfg := mustLoad(t, row.toml+"\n"+shop+application("crm", "ww1", ""), row.env...)
		if got := strings.Count(strings.Join(cfg.Warnings(), "\n"), warning); got != row.want {
			t.Errorf("%s %q: got %q; want %d such warnings", row.toml, row.env, cfg.Warnings(), row.want)
		}
	}
}

// ALL_PROXY, which other programs go by, is remarked on where nothing else says the way out.
func TestVariableThatLeadsOutElsewhereIsRemarkedOn(t *testing.T) {
	const remark = "ALL_PROXY: has no effect, and connections go out directly"
	rows := []struct {
		toml string
		env  []string
		want int
	}{
		{"", nil, 0},
		{"", []string{"ALL_PROXY", "socks5://u:" + canary + "@proxy.corp:1080"}, 1},
		{"", []string{"ALL_PROXY", "socks5://proxy.corp:1080", "HTTPS_PROXY", "http://proxy.corp:3128"}, 0},
		{"[upstream]\nproxy = \"direct\"\n", []string{"ALL_PROXY", "socks5://proxy.corp:1080"}, 0},
		{"[upstream]\nproxy = \"http://proxy.corp:1\"\n", []string{"ALL_PROXY", "socks5://proxy.corp:1080"}, 0},
	}
	for _, row := range rows {
		cfg := mustLoad(t, row.toml+shop+application("crm", "ww1", ""), row.env...)
		if got := strings.Join(cfg.Warnings(), "\n"); strings.Count(got, remark) != row.want || strings.Contains(got, canary) {
			t.Errorf("%s %q: got %q; want %d such remarks", row.toml, row.env, got, row.want)
		}
	}
}

func TestProxyOfTheEnvironmentThatIsNoneIsReported(t *testing.T) {
	path := write(t, "config.toml", shop)
	_, err := Load(path, lookup("HTTPS_PROXY", "ftp://u:"+canary+"@proxy.corp:1"))
	mustReport(t, err, "environment", []string{"HTTPS_PROXY: begins with a scheme that leads through no proxy"})

	path = write(t, "config.toml", "[upstream]\nproxy_file = \""+write(t, "proxy", "http://u:"+canary+"#@proxy.corp:1")+"\"\n"+shop)
	_, err = Load(path, lookup())
	mustReport(t, err, path, []string{"upstream.proxy_file: is no URL of a proxy"})
}

func TestChangedProxyIsAnotherWay(t *testing.T) {
	file := write(t, "proxy", "http://u:one@proxy.corp:3128")
	toml := "[upstream]\nproxy_file = \"" + file + "\"\n" + shop
	before := mustLoad(t, toml)
	if err := os.WriteFile(file, []byte("http://u:two@proxy.corp:3128"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := mustLoad(t, toml)
	if got := before.ChangesTo(after).Changed; len(got) != 1 || got[0] != "upstream.proxy" || len(before.AtNextStart(after)) > 0 {
		t.Errorf("got %q changed, %q at the next start; want upstream.proxy now", got, before.AtNextStart(after))
	}
	host, _ := url.Parse(after.Upstream.URL)
	proxy, _, err := after.ProxyOf(WeChat).For(host)
	if err != nil || len(proxy.Secrets()) == 0 || proxy.Secrets()[0].Reveal() != "two" {
		t.Errorf("got %v, %v; want the password of now", proxy, err)
	}
	if one, two := before.Hash(before), after.Hash(after); one != two {
		t.Errorf("got hashes %s and %s; want a password that people choose not to count", one, two)
	}
}

package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFallbackWithoutTLSBesideOneWithIsAMistake(t *testing.T) {
	const want = "would send AppSecret and tokens in the clear"
	for _, row := range []struct{ name, upstream, want string }{
		{"WeChat's url", `fallback_urls = ["http://api2.weixin.qq.com"]`, "upstream.fallback_urls[1]: " + want},
		{"another url", "url = \"https://wechat.example\"\nfallback_urls = [\"https://a.example\", \"http://b.example:8080\"]", "upstream.fallback_urls[2]: " + want},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := write(t, "config.toml", "[upstream]\n"+row.upstream+good)
			_, err := Load(path, lookup())
			mustReport(t, err, path, []string{row.want})
		})
	}
}

func TestWhatGivesSecretsAwayIsRemarkedOnInOneLine(t *testing.T) {
	cert, key := pair(t)
	key32 := base64.StdEncoding.EncodeToString([]byte(canary + "-012345678")[:32])
	const keys = "[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\n"
	admin := func(listen string) string {
		return fmt.Sprintf("[admin]\nlisten = %q\nkey = %q\n", listen, "admin-"+canary)
	}
	store := func(url string) string { return fmt.Sprintf("[token]\nstore = %q\n", url) }
	const callers, operators = "proxy.listen: callers' keys cross the network in the clear", "admin.listen: its key crosses the network in the clear"
	const redis, skips = "token.store: redis:// carries tokens to another machine in the clear", "token.store: skip_verify lets anyone on the way pass for Redis"
	for _, row := range []struct{ name, file, want string }{
		{"keys beyond loopback", "[proxy]\nlisten = \":8080\"\n" + keys, callers},
		{"keys on one address", "[proxy]\nlisten = \"192.0.2.7:8080\"\n" + keys, callers},
		{"keys with TLS", fmt.Sprintf("[proxy]\nlisten = \":8443\"\ntls_cert = %q\ntls_key = %q\n", cert, key) + keys, ""},
		{"keys on loopback", keys, ""},
		{"keys on a socket", "[proxy]\nlisten = \"unix:/run/wxproxy.sock\"\n" + keys, ""},
		{"no keys beyond loopback", "[proxy]\nlisten = \":8080\"\nallow_anonymous = true\n", ""},
		{"the admin's key", admin("0.0.0.0:8081"), operators},
		{"the admin's key on loopback", admin("[::1]:8081"), ""},
		{"Redis elsewhere", store("redis://:" + canary + "@redis:6379/0"), redis},
		{"Redis elsewhere without a port", store("redis://redis.example"), redis},
		{"Redis at an address", store("redis://10.0.0.7:6379"), redis},
		{"Redis at an address of IPv6", store("redis://[2001:db8::7]"), redis},
		{"a cluster elsewhere", store("redis://127.0.0.1:1?cluster=true&addr=10.0.0.7:2"), redis},
		{"Redis here", store("redis://127.0.0.1:6379"), ""},
		{"Redis here without a port", store("redis://localhost"), ""},
		{"Redis here by IPv6", store("redis://[::1]/1"), ""},
		{"encrypted", store("redis://redis:6379") + fmt.Sprintf("encryption_key = %q\n", key32), ""},
		{"Redis with TLS", store("rediss://redis:6379"), ""},
		{"Redis that anyone can be", store("rediss://redis:6379?skip_verify=true"), skips},
		{"Redis that anyone can be, encrypted", store("rediss://redis?skip_verify=true") + fmt.Sprintf("encryption_key = %q\n", key32), skips},
		{"TLS that is verified", store("rediss://redis:6379?skip_verify=false"), ""},
		{"WeChat in the clear", "[upstream]\nurl = \"http://wechat.example\"\n", "upstream.url: http:// sends AppSecret and tokens in the clear"},
		{"a fallback in the clear to this machine", "[upstream]\nurl = \"https://wechat.example\"\nfallback_urls = [\"http://127.0.0.1:9000\"]\n", "upstream.fallback_urls[1]: http:// sends AppSecret"},
		{"a fallback in the clear", "[upstream]\nurl = \"http://127.0.0.1:1\"\nfallback_urls = [\"http://wechat.example\"]\n", "upstream.fallback_urls[1]: http:// sends AppSecret"},
	} {
		t.Run(row.name, func(t *testing.T) {
			warnings := mustLoad(t, row.file+good).Warnings()
			wanted := 0
			if row.want != "" {
				wanted = 1
			}
			if got := strings.Join(warnings, "\n"); len(warnings) != wanted || !strings.Contains(got, row.want) || strings.Contains(got, canary) {
				t.Errorf("got %q; want %q and nothing else", warnings, row.want)
			}
		})
	}
}

func TestFilesThatEveryoneCanWriteGiveAWarning(t *testing.T) {
	cert, key := pair(t)
	secret := write(t, "secret", canary)
	path := write(t, "config.toml", fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n[upstream]\nca_file = %q\n",
		cert, key, write(t, "callers.pem", certificate(t)), write(t, "roots.pem", certificate(t)))+
		strings.Replace(good, `secret = "`+canary+`"`, fmt.Sprintf("secret_file = %q", secret), 1))
	cfg, err := Load(path, lookup())
	if err != nil || len(cfg.Warnings()) > 0 {
		t.Fatalf("got %v, %v; want no remark", err, cfg)
	}
	const write, both = "every user of this machine can write the file; take that away with chmod o-w", "every user of this machine can read and write the file"
	for _, row := range []struct {
		name, file string
		mode       os.FileMode
		want       []string
	}{
		{"the configuration", path, 0o602, []string{path + ": " + write}},
		{"the configuration, read, too", path, 0o666, []string{path + ": " + both}},
		{"a secret", secret, 0o602, []string{"account[1].secret_file: " + write}},
		{"a certificate", cert, 0o666, []string{"proxy.tls_cert: " + write}},
		{"a certificate's key", key, 0o602, []string{"proxy.tls_key: " + write}},
		{"a certificate's key, read", key, 0o604, []string{"proxy.tls_key: every user of this machine can read the file"}},
		{"the authority of callers", cfg.Proxy.TLSClientCA, 0o666, []string{"proxy.tls_client_ca: " + write}},
		{"the authority of WeChat", cfg.Upstream.CAFile, 0o666, []string{"upstream.ca_file: " + write}},
		{"a certificate that is read", cert, 0o644, nil},
		{"the group writes", path, 0o660, nil},
		{"the configuration's directory", filepath.Dir(path), 0o777, []string{path + ": every user of this machine can put another file in its place: take that away with chmod o-w " + filepath.Dir(path)}},
		{"a secret's directory", filepath.Dir(secret), 0o702, []string{"account[1].secret_file: every user of this machine can put another file in its place"}},
		{"a directory as /tmp", filepath.Dir(path), 0o777 | os.ModeSticky, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			before, err := os.Stat(row.file)
			if err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(row.file, before.Mode())
			if err := os.Chmod(row.file, row.mode); err != nil {
				t.Fatal(err)
			}
			cfg, err := Load(path, lookup())
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings()) != len(row.want) || len(row.want) > 0 && !strings.Contains(cfg.Warnings()[0], row.want[0]) {
				t.Errorf("got %q; want %q", cfg.Warnings(), row.want)
			}
		})
	}
}

// Whoever listens in wxproxy's place is sent the keys of its callers.
func TestASocketInWhosePlaceAllCanListenGivesAWarning(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		mode os.FileMode
		want string
	}{{0o755, ""}, {0o777, "proxy.listen: every user of this machine can put another file in its place: take that away with chmod o-w " + dir}, {0o777 | os.ModeSticky, ""}} {
		if err := os.Chmod(dir, row.mode); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(mustLoad(t, fmt.Sprintf("[proxy]\nlisten = %q", "unix:"+dir+"/wxproxy.sock")+good).Warnings(), "\n")
		if !strings.HasSuffix(got, row.want) || (got == "") != (row.want == "") {
			t.Errorf("%v: got %q; want %q", row.mode, got, row.want)
		}
	}
}

// Kubernetes has a link where the file seems to be, in a directory that it replaces.
func TestTheDirectoryThatALinkLeadsToCounts(t *testing.T) {
	target := write(t, "config.toml", good)
	link := filepath.Join(t.TempDir(), "config.toml")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if cfg, err := Load(link, lookup()); err != nil || len(cfg.Warnings()) > 0 {
		t.Errorf("got %v, %v; want no remark on a link", cfg, err)
	}
	if err := os.Chmod(filepath.Dir(target), 0o777); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(link, lookup())
	if err != nil || len(cfg.Warnings()) != 1 || !strings.HasSuffix(cfg.Warnings()[0], "chmod o-w "+filepath.Dir(target)) {
		t.Errorf("got %v, %v; want a remark on %s", cfg, err, filepath.Dir(target))
	}
}

// What is written is in force, or somebody hears that it is not.
func TestWhatHasNoEffectIsRemarkedOn(t *testing.T) {
	client := func(lines string) string {
		return "[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\n" + lines + "\n"
	}
	route := func(path string) string { return fmt.Sprintf("[[route]]\npath = %q\ncredential = \"deny\"\n", path) }
	for _, row := range []struct{ name, file, want string }{
		{"anybody, and clients", "[proxy]\nallow_anonymous = true\n" + client(""), "proxy.allow_anonymous: has no effect"},
		{"names, and clients", "[proxy]\nhosts = [\"wxproxy.internal\"]\n" + client(""), "proxy.hosts: has no effect"},
		{"names alone", "[proxy]\nhosts = [\"wxproxy.internal\"]\n", ""},
		{"what is denied as a whole", client(`allow = ["/wxa/x", "/cgi-bin/Message/*"]` + "\n" + `deny = ["/cgi-bin/message/*"]`), "client[1].allow[2]: allows nothing: deny has /cgi-bin/message/*"},
		{"what is denied by more", client(`allow = ["/cgi-bin/user/get"]` + "\n" + `deny = ["/x", "/cgi-bin/*"]`), "client[1].allow[1]: allows nothing: deny has /cgi-bin/*"},
		{"the folder of what is denied", client(`allow = ["/cgi-bin/user"]` + "\n" + `deny = ["/cgi-bin/user/*"]`), "client[1].allow[1]: allows nothing"},
		{"what is denied in part", client(`allow = ["/cgi-bin/message/*"]` + "\n" + `deny = ["/cgi-bin/message/mass/*", "/cgi-bin/message"]`), ""},
		{"a wide route", route("/cgi-bin/*"), ""}, // which is obeyed
		{"a token endpoint", route("/cgi-bin/token"), ""},
		{"a page of wxproxy's", route("/wxproxy/*"), ""},
		{"another route", route("/cgi-bin/user/*"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			warnings := mustLoad(t, row.file+good).Warnings()
			if got := strings.Join(warnings, "\n"); len(warnings) > 1 || (row.want == "") != (got == "") || !strings.Contains(got, row.want) {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestAClientThatGetsNoRealTokenIsRemarkedOn(t *testing.T) {
	const real = "[proxy]\ntoken_endpoint = \"real\"\n"
	orders := func(limits string) string {
		return "[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\n" + limits + "\n"
	}
	const crm = "[[account]]\nkind = \"wecom\"\nname = \"crm\"\ncorp_id = \"ww0123456789abcdef\"\nagent_id = 1000002\nsecret = \"" + canary + "\"\n"
	const all, more = `write allow = ["/*", "/cgi-bin/token"]`, `add "/cgi-bin/token" to its allow`
	for _, row := range []struct{ name, file, want string }{
		{"a rate", real + orders(`rate = "5/s"`), all},
		{"max_in_flight", real + orders(`max_in_flight = 2`), all},
		{"deny", real + orders(`deny = ["/wxa/*"]`), all},
		{"a rate, and paths", real + orders("rate = \"5/s\"\nallow = [\"/cgi-bin/*\"]"), more},
		{"what is advised", real + orders("rate = \"5/s\"\nallow = [\"/*\", \"/cgi-bin/token\"]"), ""},
		{"the other endpoint", real + orders("rate = \"5/s\"\nallow = [\"/*\", \"/CGI-bin/stable_token/\"]"), ""},
		{"it may ask for none", real + orders("rate = \"5/s\"\nallow = [\"/wxa/*\"]"), ""},
		{"that is denied", real + orders(`deny = ["/cgi-bin/token", "/cgi-bin/stable_token"]`), ""},
		{"held to nothing", real + orders(""), ""},
		{"virtual tokens", orders(`rate = "5/s"`), ""},
		{"WeCom's endpoint", real + crm + orders(`rate = "5/s"`), `write allow = ["/*", "/cgi-bin/gettoken"]`},
		{"WeCom's endpoint alone", real + crm + orders("rate = \"5/s\"\nallow = [\"/*\", \"/cgi-bin/token\"]"), `add "/cgi-bin/gettoken" to its allow`},
		{"WeChat's endpoint alone", real + crm + orders("rate = \"5/s\"\nallow = [\"/*\", \"/cgi-bin/gettoken\"]"), more},
		{"both endpoints", real + crm + orders("rate = \"5/s\"\nallow = [\"/*\", \"/cgi-bin/token\", \"/cgi-bin/gettoken\"]"), ""},
		{"a client of WeCom's", real + crm + orders("rate = \"5/s\"\naccounts = [\"crm\"]\nallow = [\"/*\", \"/cgi-bin/gettoken\"]"), ""},
		{"a client of WeChat's", real + crm + orders("rate = \"5/s\"\naccounts = [\"shop\"]\nallow = [\"/*\", \"/cgi-bin/token\"]"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := Load(write(t, "config.toml", row.file+good), lookup())
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(cfg.Warnings(), "\n")
			if strings.Contains(got, "client[1]: gets no real token") != (row.want != "") || !strings.Contains(got, row.want) {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

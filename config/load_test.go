package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

// good is the shortest file there is.
const good = `
[[account]]
name = "shop"
app_id = "wx0123456789abcdef"
secret = "` + canary + `"
`

// write puts content into a file that only its owner can read.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustLoad returns the configuration of a file with the content.
func mustLoad(t *testing.T, content string, env ...string) *Config {
	t.Helper()
	cfg, err := Load(write(t, "config.toml", content), lookup(env...))
	if err != nil {
		t.Fatalf("got problems:\n%v", err)
	}
	return cfg
}

func TestTheShortestFileIsDefaultAndOneAccount(t *testing.T) {
	cfg := mustLoad(t, good)
	if len(cfg.Accounts) != 1 {
		t.Fatalf("got %d accounts; want 1", len(cfg.Accounts))
	}
	got := cfg.Accounts[0]
	if got.Name != "shop" || got.AppID != "wx0123456789abcdef" || got.TokenAPI != "stable" || !got.Default {
		t.Errorf("got account %+v", got)
	}
	if got.Secret.Reveal() != canary {
		t.Errorf("got secret %q; want %q", got.Secret.Reveal(), canary)
	}
	want := Default()
	want.File, want.files, want.Accounts = cfg.File, cfg.files, cfg.Accounts
	if !reflect.DeepEqual(*cfg, want) {
		t.Errorf("got  %+v\nwant %+v", *cfg, want)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	roots := write(t, "roots.pem", certificate(t))
	cert, key := pair(t)
	cfg := mustLoad(t, fmt.Sprintf(`
[proxy]
listen = "unix:/run/wxproxy.sock"
allow_anonymous = true
token_endpoint = "deny"
max_body = "1KiB"
max_connections = 7
idle_timeout = "1m30s"
drain_timeout = "20s"
shutdown_delay = "3s"
watch = true
plain_io = true
tls_cert = %[4]q
tls_key = %[5]q
tls_client_ca = %[1]q
tls_client_auth = "optional"
trusted_proxies = ["10.0.0.0/8"]
[push]
listen = "127.0.0.1:9092"
max_connections = 5
inbox_max = "2MiB"
[admin]
listen = ":9091"
key_env = "ADMIN"
key_old = "old-%[3]s"
read_key = "read-%[3]s"
[upstream]
url = "http://127.0.0.1:9000"
fallback_urls = ["http://[::1]:9001"]
connect_timeout = "1s"
timeout = "2s"
idle_timeout = "500ms"
max_connections = 3
ca_file = %[1]q
[upstream.wecom]
url = "http://wecom.internal:8080"
timeout = "5s"
max_connections = 9
[token]
store = "file:/var/lib/wxproxy"
refresh_before = "10m"
retry_errcodes = [42001]
key_prefix = "test"
[log]
level = "debug"
format = "json"
access = true
access_sample = 0.25
audit = false
[[account]]
name = "shop"
app_id = "wx1"
secret_env = "SHOP"
push_token = "pushed-%[3]s"
push_aes_key_env = "AES"
push_aes_key_old_file = %[6]q
[[account]]
name = "club"
app_id = "wx2"
secret_file = %[2]q
token_api = "classic"
default = true
[[platform]]
name = "saas"
app_id = "wxaaaaaaaaaaaaaaaa"
secret_env = "SAAS"
push_token = "saas-%[3]s"
push_aes_key = %[7]q
push_aes_key_old_file = %[6]q
publish_check = false
[client_defaults]
accounts = ["club"]
allow = ["/x"]
deny = ["/y"]
max_in_flight = 5
rate = "1/s"
[[client]]
name = "orders"
key = "orders-%[3]s"
accounts = ["shop", "club", "saas", "saas/*", "wxbbbbbbbbbbbbbbbb", "saas:wxbbbbbbbbbbbbbbbb"]
platform_admin = true
allow = ["/cgi-bin/message/*", "/"]
deny = ["/cgi-bin/message/mass/*"]
max_in_flight = 10
rate = "5000/min"
[[route]]
path = "/wxa/something/*"
credential = "none"
[[forward]]
account = "shop"
match = ["text", "event:subscribe"]
name = "orders"
url = "http://127.0.0.1:9000/wechat?a=b"
timeout = "3s"
token_env = "FORWARD"
aes_key = %[7]q
on_failure = "success"
[[forward]]
url = "unix:/run/crm.sock:/wechat"
async = true
[[forward]]
account = "wx1"
name = "stock"
url = "https://stock.example"
timeout = "1m"
copy = true
`, roots, write(t, "club", canary+"\r\n \n"), canary, cert, key, write(t, "aes", aesKey("B")+"\n"), aesKey("C")),
		"SHOP", "shop-"+canary, "SAAS", "component-"+canary, "ADMIN", "admin-"+canary, "AES", aesKey("A"), "FORWARD", "forward-"+canary)

	if a, f := cfg.Accounts[0], cfg.Forwards[0]; !a.PushToken.Equal("pushed-"+canary) || !a.PushAESKey.Equal(aesKey("A")) || !a.PushAESKeyOld.Equal(aesKey("B")) ||
		!f.Token.Equal("forward-"+canary) || !f.AESKey.Equal(aesKey("C")) {
		t.Errorf("the keys of pushes: got %+v, %+v", a, f)
	}

	if p := cfg.Platforms[0]; !p.Secret.Equal("component-"+canary) || !p.PushToken.Equal("saas-"+canary) || !p.PushAESKey.Equal(aesKey("C")) || !p.PushAESKeyOld.Equal(aesKey("B")) {
		t.Errorf("the secrets of [[platform]]: got %+v", p)
	}

	if a := cfg.Admin; !a.Key.Equal("admin-"+canary) || !a.KeyOld.Equal("old-"+canary) || !a.ReadKey.Equal("read-"+canary) {
		t.Errorf("the keys of [admin]: got %q, %q, %q", a.Key.Reveal(), a.KeyOld.Reveal(), a.ReadKey.Reveal())
	}
	if got := []string{cfg.Accounts[0].Secret.Reveal(), cfg.Accounts[1].Secret.Reveal()}; !slices.Equal(got, []string{"shop-" + canary, canary}) {
		t.Errorf("secrets: got %q", got)
	}
	if hash := sha256.Sum256([]byte("orders-" + canary)); !cfg.Clients[0].KeySHA256.Equal(string(hash[:])) {
		t.Errorf("client's key has another hash")
	}
	if len(cfg.Certificates) != 3 || cfg.Certificates[0].Setting != "proxy.tls_cert" || cfg.Certificates[0].Expires.IsZero() {
		t.Errorf("got the certificates %+v", cfg.Certificates)
	}
	want := Config{
		Proxy:    Proxy{"unix:/run/wxproxy.sock", true, cert, key, roots, "optional", "deny", 1024, 7, 90 * time.Second, 20 * time.Second, 3 * time.Second, true, true, []string{"10.0.0.0/8"}, []string{}},
		Push:     Push{"127.0.0.1:9092", 5, 2 << 20},
		Admin:    Admin{":9091", cfg.Admin.Key, cfg.Admin.KeyOld, cfg.Admin.ReadKey},
		Upstream: Upstream{"http://127.0.0.1:9000", []string{"http://[::1]:9001"}, time.Second, 2 * time.Second, 500 * time.Millisecond, 3, roots, secret.Secret{}, "any"},
		WeCom:    Upstream{URL: "http://wecom.internal:8080", FallbackURLs: []string{}, Timeout: 5 * time.Second, MaxConnections: 9},
		Token:    Token{secret.New("file:/var/lib/wxproxy"), secret.Secret{}, 10 * time.Minute, []int{42001}, "test", secret.Secret{}},
		Log:      Log{slog.LevelDebug, "json", true, 0.25, false},
		Accounts: []Account{
			{Name: "shop", AppID: "wx1", Secret: cfg.Accounts[0].Secret, TokenAPI: "stable",
				PushToken: cfg.Accounts[0].PushToken, PushAESKey: cfg.Accounts[0].PushAESKey, PushAESKeyOld: cfg.Accounts[0].PushAESKeyOld},
			{Name: "club", AppID: "wx2", Secret: cfg.Accounts[1].Secret, TokenAPI: "classic", Default: true},
		},
		ClientDefaults: ClientDefaults{[]string{"club"}, []string{"/x"}, []string{"/y"}, 5, time.Second},
		Platforms: []Platform{{Name: "saas", AppID: "wxaaaaaaaaaaaaaaaa", Secret: cfg.Platforms[0].Secret,
			PushToken: cfg.Platforms[0].PushToken, PushAESKey: cfg.Platforms[0].PushAESKey, PushAESKeyOld: cfg.Platforms[0].PushAESKeyOld}},
		Clients: []Client{{"orders", cfg.Clients[0].KeySHA256, cfg.Clients[0].OldSHA256, []string{"shop", "club", "saas", "saas/*", "wxbbbbbbbbbbbbbbbb", "saas:wxbbbbbbbbbbbbbbbb"},
			[]string{"/cgi-bin/message/*", "/"}, []string{"/cgi-bin/message/mass/*"}, 10, 12 * time.Millisecond, true}},
		Routes: []Route{{Path: "/wxa/something/*", Credential: "none"}},
		Forwards: []Forward{
			{"shop", []string{"text", "event:subscribe"}, "orders", "http://127.0.0.1:9000/wechat?a=b", 3 * time.Second, cfg.Forwards[0].Token, cfg.Forwards[0].AESKey, "success", false, false},
			{"", nil, "", "unix:/run/crm.sock:/wechat", 30 * time.Second, secret.Secret{}, secret.Secret{}, "retry", true, false},
			{"wx1", nil, "stock", "https://stock.example", time.Minute, secret.Secret{}, secret.Secret{}, "retry", false, true},
		},
		File:  cfg.File,
		files: cfg.files,

		inboxMaxGiven: true,

		Certificates: cfg.Certificates,

		remarks: cfg.remarks,
	}
	got := *cfg
	for i := range got.Accounts { // functions are never deeply equal
		got.Accounts[i].Source, want.Accounts[i].Source = SecretSource{}, SecretSource{}
	}
	got.Platforms[0].Source = SecretSource{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// certificate returns a root certificate in PEM.
func certificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestTheShippedFileIsTheDefault(t *testing.T) {
	for _, row := range []struct{ name, file, env string }{
		{"with its variable", "../config.toml", canary},
		{"without its variable", "../config.toml", ""},
		{"in Chinese", "../config.zh-CN.toml", canary},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.env == "" {
				_, err := Load(row.file, lookup())
				mustReport(t, err, row.file,
					[]string{"account[1].secret_env: the environment variable WXPROXY_SHOP_SECRET is not set"})
				return
			}
			cfg, err := Load(row.file, lookup("WXPROXY_SHOP_SECRET", row.env))
			if err != nil {
				t.Fatal(err)
			}
			want := Default()
			want.File, want.files, want.Accounts, want.remarks = cfg.File, cfg.files, cfg.Accounts, cfg.remarks
			if !reflect.DeepEqual(*cfg, want) {
				t.Errorf("got  %+v\nwant %+v", *cfg, want)
			}
		})
	}
}

func TestTheShippedFileNamesEverySetting(t *testing.T) {
	data, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	// A line that begins with # and no space is an example.
	example := regexp.MustCompile(`(?m)^#([a-z\[].*)$`).ReplaceAllString(string(data), "$1")
	path := write(t, "config.toml", example)
	_, err = Load(path, lookup("WXPROXY_SHOP_SECRET", canary, "WXPROXY_CRM_SECRET", canary, "WXPROXY_SAAS_SECRET", canary))
	mustReport(t, err, path, []string{"platform[1].push_token: is a placeholder", "platform[1].push_aes_key: is a placeholder", "client[1].key_sha256: must be 64 hexadecimal digits, as `wxproxy key` prints them"})
	example = filledIn(example)
	defaults := Default()
	cfg := mustLoad(t, example, "WXPROXY_SHOP_SECRET", canary, "WXPROXY_CRM_SECRET", canary, "WXPROXY_SAAS_SECRET", canary)
	if !reflect.DeepEqual(cfg.Upstream, Default().Upstream) {
		t.Errorf("upstream: got %+v; want %+v", cfg.Upstream, Default().Upstream)
	}
	if want := defaults.UpstreamOf(WeCom); !reflect.DeepEqual(cfg.UpstreamOf(WeCom), want) {
		t.Errorf("upstream.wecom: got %+v; want %+v", cfg.UpstreamOf(WeCom), want)
	}
	if len(cfg.Clients) != 1 || len(cfg.Routes) != 1 || len(cfg.Platforms) != 1 {
		t.Errorf("got %d clients and %d routes; want one of each", len(cfg.Clients), len(cfg.Routes))
	}

	l := newLoader("", lookup())
	document := l.parse([]byte(example))
	for _, name := range []string{"proxy", "admin", "upstream", "token", "log", "client_defaults", "account", "client", "route", "platform"} {
		values, ok := document[name].(map[string]any)
		if !ok {
			values = map[string]any{}
			for _, one := range document[name].([]map[string]any) {
				maps.Copy(values, one)
			}
		}
		for _, key := range keysOf(name) {
			if _, there := values[key]; !there {
				t.Errorf("%s.%s is not in config.toml", name, key)
			}
		}
	}
}

// keysOf returns the keys that the loader asks a table for, less the other ways
// to give a secret.
func keysOf(name string) []string {
	l := newLoader("", lookup())
	t := &table{loader: l, name: name}
	map[string]func(*table){
		"proxy": l.readProxy, "admin": l.readAdmin, "upstream": l.readUpstream, "token": l.readToken,
		"log": (*table).readSettings, "client_defaults": l.readDefaults, "account": l.readAccount, "client": l.readClient, "route": l.readRoute, "platform": l.readPlatform,
	}[name](t)
	return slices.DeleteFunc(t.known, func(key string) bool {
		return strings.HasSuffix(key, "_file") && key != "ca_file" || strings.HasSuffix(key, "_env") || strings.HasSuffix(key, "_old_sha256") ||
			key == "secret" || name == "client" && key == "key"
	})
}

func TestFallbacksBelongToWeChat(t *testing.T) {
	const elsewhere = "[upstream]\nurl = \"https://wechat.example\"\n"
	const own = "fallback_urls = [\"https://second.example\"]\n"
	for _, row := range []struct {
		name, upstream, variable string
		want                     []string
	}{
		{"nothing said", "", "", Default().Upstream.FallbackURLs},
		{"another url", elsewhere, "", nil},
		{"another url with fallbacks", elsewhere + own, "", []string{"https://second.example"}},
		{"fallbacks alone", "[upstream]\n" + own, "", []string{"https://second.example"}},
		{"none wanted", "[upstream]\nfallback_urls = []\n", "", []string{}},
		{"the default url", "[upstream]\nurl = \"https://api.weixin.qq.com\"\n", "", Default().Upstream.FallbackURLs},
		{"another url by variable", "", "http://127.0.0.1:9000", nil},
		{"another url by variable drops the file's fallbacks", elsewhere + own, "http://127.0.0.1:9000", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := mustLoad(t, row.upstream+good, "WXPROXY_UPSTREAM_URL", row.variable)
			if got := cfg.Upstream.FallbackURLs; !slices.Equal(got, row.want) {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestWarningsAreNoProblems(t *testing.T) {
	for _, row := range []struct {
		name, file string
		env        []string
		want       string // empty: no warning
	}{
		{"nothing odd", good, nil, ""},
		{"http to WeChat", "[upstream]\nurl = \"http://api.weixin.qq.com\"\n" + good, nil, "upstream.url: http:// sends AppSecret and tokens in the clear"},
		{"http on loopback", "[upstream]\nurl = \"http://localhost:9000\"\n" + good, nil, ""},
		{"http on IPv6 loopback", "[upstream]\nurl = \"http://[::1]:9000\"\n" + good, nil, ""},
		{"short admin key", "[admin]\nkey = \"short\"\n" + good, nil, "admin.key: is shorter than 16 characters"},
		{"short client key", good + "[[client]]\nname = \"orders\"\nkey_env = \"KEY\"\n", []string{"KEY", "short"}, "client[1].key_env: is shorter than 16 characters"},
		{"fallbacks beside a url in the environment", "[upstream]\nfallback_urls = [\"https://second.example\"]\n" + good,
			[]string{"WXPROXY_UPSTREAM_URL", "https://wechat.example"}, "upstream.fallback_urls: those of the file are not used, since WXPROXY_UPSTREAM_URL"},
		{"account in the environment as well", good, []string{"WXPROXY_APP_ID", "wx1"}, "WXPROXY_APP_ID and its secret count only without a file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := mustLoad(t, row.file, row.env...)
			all := strings.Join(cfg.Warnings(), "\n")
			if !strings.Contains(all, row.want) || (row.want == "") != (all == "") {
				t.Errorf("got warnings %q; want %q", all, row.want)
			}
		})
	}
}

func TestFilesThatEveryoneCanReadGiveAWarning(t *testing.T) {
	secret := write(t, "secret", canary)
	path := write(t, "config.toml", strings.Replace(good, `secret = "`+canary+`"`, fmt.Sprintf("secret_file = %q", secret), 1))
	for _, row := range []struct {
		name           string
		config, secret os.FileMode
		want           []string
	}{
		{"only the owner", 0o600, 0o400, nil},
		{"the group, too", 0o640, 0o660, nil},
		{"the config", 0o644, 0o600, []string{path + ": every user"}},
		{"the secret", 0o600, 0o604, []string{path + ": account[1].secret_file: every user"}},
		{"both", 0o644, 0o644, []string{path + ": every user", path + ": account[1].secret_file: every user"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			for name, mode := range map[string]os.FileMode{path: row.config, secret: row.secret} {
				if err := os.Chmod(name, mode); err != nil {
					t.Fatal(err)
				}
			}
			cfg, err := Load(path, lookup())
			if err != nil {
				t.Fatal(err)
			}
			same := slices.EqualFunc(cfg.Warnings(), row.want, strings.HasPrefix)
			if !same {
				t.Errorf("got %q; want %q", cfg.Warnings(), row.want)
			}
		})
	}
}

func TestFilesThatAreNotThereAreReported(t *testing.T) {
	for _, row := range []struct{ name, path, want string }{
		{"no file", "nowhere.toml", "cannot be read: no such file or directory"},
		{"a folder", ".", "cannot be read: is a directory"},
	} {
		_, err := Load(row.path, lookup())
		mustReport(t, err, row.path, []string{row.want})
	}
}

func TestFindTakesTheFirstThatApplies(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, row := range []struct {
		name, flag, variable string
		inFolder             bool
		want                 string
	}{
		{"nothing", "", "", false, ""},
		{"the file in the folder", "", "", true, "config.toml"},
		{"the variable", "", "b.toml", true, "b.toml"},
		{"the flag", "a.toml", "b.toml", true, "a.toml"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.inFolder {
				if err := os.WriteFile("config.toml", nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := Find(row.flag, lookup("WXPROXY_CONFIG", row.variable)); got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestNothingThatIsPrintedShowsASecret(t *testing.T) {
	cfg := mustLoad(t, `
[proxy]
listen = ":8080"
[admin]
listen = ":8081"
key = "admin-`+canary+`"
[[client]]
name = "orders"
key = "orders-`+canary+`"
`+good)
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("orders-" + canary))
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("config", "config", cfg, "account", cfg.Accounts[0])
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("config", "config", *cfg, "account", cfg.Accounts[0])
	outputs := map[string]string{
		"JSON":     string(asJSON),
		"slog":     logged.String(),
		"Describe": cfg.Describe(),
		"Warnings": strings.Join(cfg.Warnings(), "\n"),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		outputs[verb] = fmt.Sprintf(verb, cfg) + fmt.Sprintf(verb, *cfg) + fmt.Sprintf(verb, cfg.Accounts[0].Source)
	}
	for name, printed := range outputs {
		if strings.Contains(printed, canary) || strings.Contains(printed, fmt.Sprintf("%x", hash)) || strings.Contains(printed, string(hash[:])) {
			t.Errorf("%s shows a secret: %s", name, printed)
		}
	}
}

func FuzzLoadShowsNoSecret(f *testing.F) {
	f.Add("[[account]]\nname = \"shop\"\napp_id = \"wx1\"", "")
	f.Add("[proxy]\nlisten = \":80\"\n[[account]]", "name = 1\n[[client]]\n[[route]]")
	f.Add("[log]\nlevel = '''", "'''")
	f.Add("[token]\nstore = \"\"\"file:", "\"\"\"")
	f.Add("x = [", "]")
	f.Add("a = {", "}")
	f.Add("\xef\xbb\xbf[upstream]\nurl = '''https://", "'''")
	f.Add("account = [[1, {}], ", "]")
	paths, err := filepath.Glob("../testdata/config/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		before, after, _ := strings.Cut(string(data), "secret = \""+canary+"\"")
		f.Add(before, after)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		// The canary is to be in one place.
		before, after = strings.ReplaceAll(before, "canary", "secret"), strings.ReplaceAll(after, "canary", "secret")
		l := newLoader("fuzz.toml", lookup("SET", canary))
		cfg, err := l.load(l.parse([]byte(before + "\nsecret = \"" + canary + "\"\n" + after)))
		printed := fmt.Sprint(err)
		if err == nil {
			printed = fmt.Sprintf("%+v\n%s", *cfg, cfg.Describe())
		}
		if strings.Contains(printed, canary) {
			t.Errorf("shows the secret:\n%s", printed)
		}
		if strings.Count(printed, "\n") >= 1 && err != nil && len(l.problems) != strings.Count(printed, "\n")+1 {
			t.Errorf("got %d problems on %q", len(l.problems), printed)
		}
	})
}

func TestAClientsKeyBeforeIsGivenInFourWays(t *testing.T) {
	const now, before = "orders-" + canary, "before-" + canary
	sum := sha256.Sum256([]byte(before))
	for name, line := range map[string]string{
		"itself":  `key_old = "` + before + `"`,
		"_env":    `key_old_env = "ORDERS_OLD"`,
		"_file":   `key_old_file = "` + write(t, "old", before+"\n") + `"`,
		"_sha256": `key_old_sha256 = "` + hex.EncodeToString(sum[:]) + `"`,
	} {
		cfg := mustLoad(t, good+"[[client]]\nname = \"orders\"\nkey = \""+now+"\"\n"+line+"\n", "ORDERS_OLD", before)
		newSum := sha256.Sum256([]byte(now))
		if c := cfg.Clients[0]; !c.OldSHA256.Equal(string(sum[:])) || !c.KeySHA256.Equal(string(newSum[:])) {
			t.Errorf("%s: got other hashes", name)
		}
	}
}

// Defaults are promised to users, so that a change of one is noticed here.
func TestTheDefaultsAreThoseThatUsersKnow(t *testing.T) {
	want := Config{
		Proxy: Proxy{Listen: "127.0.0.1:8080", TLSClientAuth: "require", TokenEndpoint: "virtual", MaxBody: 24 * 1024 * 1024, MaxConnections: 10000,
			IdleTimeout: 75 * time.Second, DrainTimeout: 10 * time.Second, TrustedProxies: []string{}, Hosts: []string{}},
		Push:  Push{MaxConnections: 1000, InboxMax: 1 << 30},
		Admin: Admin{Listen: "127.0.0.1:8081"},
		Upstream: Upstream{URL: "https://api.weixin.qq.com", IPFamily: "any", MaxConnections: 512,
			FallbackURLs:   []string{"https://api2.weixin.qq.com", "https://sh.api.weixin.qq.com", "https://sz.api.weixin.qq.com", "https://hk.api.weixin.qq.com"},
			ConnectTimeout: 3 * time.Second, Timeout: 30 * time.Second, IdleTimeout: 5 * time.Second},
		WeCom:          Upstream{URL: "https://qyapi.weixin.qq.com", FallbackURLs: []string{}},
		Token:          Token{Store: secret.New("memory:"), RefreshBefore: 5 * time.Minute, RetryErrcodes: []int{40001, 40014, 42001}, KeyPrefix: "wxproxy"},
		ClientDefaults: ClientDefaults{Accounts: []string{}, Allow: []string{}, Deny: []string{}},

		Log: Log{Level: slog.LevelInfo, Format: "auto", Sample: 1, Audit: true},
	}
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestATextIsReadAsAFileIs(t *testing.T) {
	cfg, err := Parse([]byte("[[account]]\nname = \"shop\"\napp_id = \"wx0123456789abcdef\"\nsecret = \""+canary+"\"\n"), lookup("WXPROXY_LOG_LEVEL", "warn"))
	if err != nil || len(cfg.Accounts) != 1 || cfg.Accounts[0].Name != "shop" || cfg.Log.Level.String() != "WARN" {
		t.Errorf("got %+v, %v; want the account of the text, and the level of the environment", cfg, err)
	}
	_, err = Parse([]byte("[proxy]\nlisten = 8080\n"), lookup())
	if err == nil || !strings.Contains(err.Error(), "proxy.listen") {
		t.Errorf("got %v; want the mistake", err)
	}
}

package config

import (
	"testing"

	"wxproxy/config/internal/parse"
	"wxproxy/internal/secret"
)

func TestDescribeSaysWhatAFileMeans(t *testing.T) {
	secret := write(t, "club", canary)
	cert, key := pair(t)
	for _, row := range []struct{ name, file, want string }{
		{"the shortest file", good, `
proxy     listens on http://127.0.0.1:8080, for the programs of this machine, without a key
admin     listens on http://127.0.0.1:8081, without a key: it hands out no tokens
upstream  https://api.weixin.qq.com, and when that cannot be reached https://api2.weixin.qq.com, https://sh.api.weixin.qq.com, https://sz.api.weixin.qq.com, https://hk.api.weixin.qq.com
token     kept in memory, renewed 5m before expiry and on errcode 40001, 40014, 42001
log       info and above, format auto
account   shop is wx0123456789abcdef, stable tokens, secret from the configuration, the default
`},
		{"a long one", `
[proxy]
listen = ":80"
[admin]
listen = "unix:/run/admin.sock"
key = "admin-` + canary + `"
[upstream]
url = "https://wechat.example"
[token]
store = "file:/var/lib/wxproxy"
refresh_before = "1h"
retry_errcodes = [42001]
[[account]]
name = "club"
app_id = "wx2"
secret_file = "` + secret + `"
token_api = "classic"
[[client]]
name = "orders"
key = "orders-` + canary + `"
key_old = "orders-before-` + canary + `"
accounts = ["shop", "club"]
allow = ["/cgi-bin/message/*"]
deny = ["/cgi-bin/message/mass/*"]
[[client]]
name = "stock"
key = "stock-` + canary + `"
[[route]]
path = "/wxa/*"
credential = "none"
` + good, `
proxy     listens on port 80 of every address, for 2 clients, each with its key
admin     listens on the socket /run/admin.sock, with a key
upstream  https://wechat.example
token     kept in memory and in the folder /var/lib/wxproxy, renewed 1h before expiry and on errcode 42001
log       info and above, format auto
account   club is wx2, classic tokens, secret from the file ` + secret + `
account   shop is wx0123456789abcdef, stable tokens, secret from the configuration
          none is the default: callers that name none get 404
client    orders may use shop, club for /cgi-bin/message/*, but not for /cgi-bin/message/mass/*; it may also show the key before (key_old)
client    stock may use every account for every path
route     /wxa/* takes the credential "none"
`},
		{"a guarded one", `
[proxy]
tls_cert = "` + cert + `"
tls_key = "` + key + `"
tls_client_ca = "` + cert + `"
trusted_proxies = ["10.0.0.0/8", "unix:"]
watch = true
shutdown_delay = "15s"
[token]
store = "file:/var/lib/wxproxy"
encryption_key = "Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njc="
encryption_key_old = "Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njg="
[log]
access = true
access_sample = 0.01
audit = false
[client_defaults]
rate = "90/min"
[[client]]
name = "orders"
max_in_flight = 5
[[client]]
name = "stock"
rate = "100/s"
key = "stock-` + canary + `"
` + good, `
proxy     listens on https://127.0.0.1:8080, for 2 clients, 1 with a key and 1 with a certificate alone
          callers have to show a certificate that ` + cert + ` signed (tls_client_ca)
          the log believes the X-Forwarded-For of 10.0.0.0/8, unix: (trusted_proxies)
          files that change are read again (watch)
          at the end takes requests for 15s more (shutdown_delay), then drains for 10s at most
admin     listens on http://127.0.0.1:8081, without a key: it hands out no tokens
upstream  https://api.weixin.qq.com, and when that cannot be reached https://api2.weixin.qq.com, https://sh.api.weixin.qq.com, https://sz.api.weixin.qq.com, https://hk.api.weixin.qq.com
token     kept in memory and in the folder /var/lib/wxproxy, encrypted (read with encryption_key_old, too), renewed 5m before expiry and on errcode 40001, 40014, 42001
log       info and above, format auto, a line for 0.01 of all requests that go well and for each other one, no audit
account   shop is wx0123456789abcdef, stable tokens, secret from the configuration, the default
client    orders may use every account for every path, 5 at a time, 90/min; it has a certificate and no key
client    stock may use every account for every path, 100/s
`},
		{"an open one", `
[proxy]
listen = ":80"
allow_anonymous = true
[admin]
listen = ""
` + good, `
proxy     listens on port 80 of every address, for everyone who can reach it, without a key
admin     off
upstream  https://api.weixin.qq.com, and when that cannot be reached https://api2.weixin.qq.com, https://sh.api.weixin.qq.com, https://sz.api.weixin.qq.com, https://hk.api.weixin.qq.com
token     kept in memory, renewed 5m before expiry and on errcode 40001, 40014, 42001
log       info and above, format auto
account   shop is wx0123456789abcdef, stable tokens, secret from the configuration, the default
`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := "\n" + mustLoad(t, row.file).Describe(); got != row.want {
				t.Errorf("got %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestARateIsSaidAsItIsWritten(t *testing.T) {
	for _, text := range []string{"1/s", "3/s", "100/s", "700/s", "90/min", "1/min", "1/h", "7/h", "999983/h"} {
		if interval, err := parse.Rate(text); err != nil || rateOf(interval).Error() != text {
			t.Errorf("%s: got %s, %v", text, rateOf(interval), err)
		}
	}
}

func TestTheStoresAddressHoldsNoSecret(t *testing.T) {
	for store, want := range map[string]string{
		"memory:":                                    "memory:",
		"file:/var/lib/tokens":                       "file:/var/lib/tokens",
		"redis://me:canary@cache.example:6379/2":     "redis://cache.example:6379/2",
		"rediss://:canary@cache.example/?x=canary":   "rediss://cache.example/",
		"redis://me:canary%zz@cache.example:6379/2":  "Redis",
		"redis://cache.example:6379/0#canary":        "redis://cache.example:6379/0",
		"rediss://canary@[2001:db8::1]:6379/0?y=can": "rediss://[2001:db8::1]:6379/0",
	} {
		if got := (Token{Store: secret.New(store)}).StoreAddress(); got != want {
			t.Errorf("%s: got %q; want %q", store, got, want)
		}
	}
}

// What check says of overlapping routes is what the proxy does, see
// TestTheNarrowestRouteDecidesWhatIsClosed of package proxy.
func TestDescribeSaysWhichPathsOfItsOwnARouteCloses(t *testing.T) {
	const own = "/wxproxy/jsapi-signature"
	for _, row := range []struct {
		routes []Route
		want   string // of the first one
	}{
		{[]Route{{Path: "/cgi-bin/t*", Credential: "deny"}}, "/cgi-bin/t* is denied to everybody, also /cgi-bin/token"},
		{[]Route{{Path: "/CGI-bin/*", Credential: "deny"}}, "/CGI-bin/* is denied to everybody, also /cgi-bin/token, /cgi-bin/stable_token"},
		{[]Route{{Path: "/*", Credential: "deny"}}, "/* is denied to everybody, also /cgi-bin/token, /cgi-bin/stable_token, " + own + "; wxproxy goes on answering /wxproxy/healthz, /wxproxy/readyz"},
		{[]Route{{Path: "/wxproxy/*", Credential: "deny"}}, "/wxproxy/* is denied to everybody, also " + own + ", /wxproxy/healthz, /wxproxy/readyz"},
		{[]Route{{Path: "/wxproxy/j*", Credential: "deny"}}, "/wxproxy/j* is denied to everybody, also " + own},
		{[]Route{{Path: "/cgi-bin/*", Credential: "deny"}, {Path: "/cgi-bin/t*", Credential: "app"}}, "/cgi-bin/* is denied to everybody, also /cgi-bin/stable_token"},
		{[]Route{{Path: "/cgi-bin/t*", Credential: "app"}, {Path: "/cgi-bin/*", Credential: "deny"}}, `/cgi-bin/t* takes the credential "app"; wxproxy goes on answering /cgi-bin/token`},
		{[]Route{{Path: "/cgi-bin/to*", Credential: "app"}, {Path: "/cgi-bin/Token/", Credential: "deny"}}, `/cgi-bin/to* takes the credential "app"`},
		{[]Route{{Path: "/cgi-bin/token", Credential: "deny"}}, "/cgi-bin/token is denied to everybody"},
		{[]Route{{Path: "/wxa/*", Credential: "none"}}, `/wxa/* takes the credential "none"`},
	} {
		c := Config{Routes: row.routes}
		if got := c.describeRoute(row.routes[0]).Error(); got != row.want {
			t.Errorf("%v: got %q; want %q", row.routes, got, row.want)
		}
	}
}

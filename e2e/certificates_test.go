package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// While thirty programs get their certificates one by one, the others go on with their
// keys; nobody is let in by a certificate of somebody else.
func TestCertificatesComeOneByOne(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a, stranger := newAuthority(t), newAuthority(t)
	a.leaf("server")
	a.leaf("orders")
	a.leaf("stray")
	stranger.leaf("orders")
	const key = "Authorization: Bearer orders-key-0123456789abcdef"
	toml := func(auth string) string {
		return fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\ntls_client_auth = %q\n"+
			"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789abcdef\"\n[[client]]\nname = \"games\"\nkey = \"games-key-0123456789abcdef\"\n%s",
			a.path("server.pem"), a.path("server.key"), a.path("ca.pem"), auth, account("shop", appID))
	}
	p := serving(t, w.URL, toml("optional"))
	p.awaitReady()
	p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
	plain, admin := p.client, p.admin
	for name, row := range map[string]struct {
		client  *http.Client
		headers []string
		code    int // 0: no connection
	}{
		"a certificate":                         {a.client("orders"), nil, 200},
		"a key":                                 {a.client(""), []string{key}, 200},
		"both":                                  {a.client("orders"), []string{key}, 200},
		"a certificate and another's key":       {a.client("orders"), []string{"Authorization: Bearer games-key-0123456789abcdef"}, 401},
		"a certificate of no client":            {a.client("stray"), nil, 401},
		"neither":                               {a.client(""), nil, 401},
		"a wrong key":                           {a.client(""), []string{"Authorization: Bearer x"}, 401},
		"a certificate of another CA":           {forged(a, stranger), nil, 0},
		"a certificate of another CA and a key": {forged(a, stranger), []string{key}, 0},
	} {
		p.client = row.client
		got, err := p.ask("GET", p.proxy+userInfo, "", row.headers...)
		if (err != nil) != (row.code == 0) || got.code != row.code {
			t.Errorf("%s: got %d %s, %v; want %d", name, got.code, got.body, err, row.code)
		}
		if name == "a certificate of no client" && !strings.Contains(got.body, `the certificate names \"stray\", and no [[client]] has this name`) {
			t.Errorf("%s: got %s; want its name", name, got.body)
		}
		p.client.CloseIdleConnections()
	}

	contradicts := func(l map[string]any) bool { return l["client"] == "orders" && l["key_of"] == "games" }
	p.eventually("a line with the clients of the contradiction", func() bool {
		return slices.ContainsFunc(p.logged("a request was refused"), contradicts)
	})
	p.mustSayHandshake("the caller's certificate is of another CA than tls_client_ca")

	// Once all have one, a reload asks for it, of connections that are open too.
	withKey := a.client("")
	p.client = withKey
	p.mustSucceed(key)
	p.client = plain
	p.rewrite(toml("require"))
	if got := p.mustAsk("POST", admin+"/reload", ""); got.code != http.StatusOK {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	p.client = withKey
	p.call("GET", userInfo, "", key).mustBe(t, 401, "unauthenticated")
	p.client.CloseIdleConnections()
	if _, err := p.ask("GET", p.proxy+userInfo, "", key); err == nil {
		t.Error("a caller without a certificate was answered")
	}
	p.mustSayHandshake(`the caller has shown no certificate, and tls_client_auth is "require"`)
	for range 20 {
		if _, err := p.ask("GET", strings.Replace(p.proxy, "https", "http", 1)+userInfo, "", key); err == nil {
			t.Error("a caller without TLS was answered")
		}
	}
	p.mustSayHandshake("the caller speaks plain HTTP; its URL must begin with https://")
	p.client = plain
	p.rewrite(toml("optional"))
	if got := p.mustAsk("POST", admin+"/reload", ""); got.code != http.StatusOK {
		t.Fatalf("got %d %s", got.code, got.body)
	}
	p.client = a.client("")
	p.mustSucceed(key)
	p.client.CloseIdleConnections()
	p.client = plain
	p.stop()
	if got := len(p.logged("a TLS handshake failed")); got > 8 { // each reason once, and its count
		t.Errorf("got %d lines about handshakes; want few", got)
	}
}

// mustSayHandshake fails the test unless the log has a line about handshakes that failed
// for reason.
func (p *program) mustSayHandshake(reason string) {
	p.t.Helper()
	p.eventually("a line about "+reason, func() bool {
		return slices.ContainsFunc(p.logged("a TLS handshake failed"), func(l map[string]any) bool {
			return l["reason"] == reason && l["address"] == "127.0.0.1"
		})
	})
}

// Keys are exchanged with ML-KEM where the network may be recorded, and without where
// nothing leaves the machine, also after a reload.
func TestOnlyLocalCallersExchangeKeysWithoutMLKEM(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	a.leaf("server")
	toml := fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\n[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789abcdef\"\n%s",
		a.path("server.pem"), a.path("server.key"), account("shop", appID))
	for listen, want := range map[string]tls.CurveID{"127.0.0.1:0": tls.X25519, "0.0.0.0:0": tls.X25519MLKEM768} {
		p := serving(t, w.URL, toml, "WXPROXY_LISTEN="+listen)
		_, port, err := net.SplitHostPort(strings.TrimPrefix(p.proxy, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		mustExchangeBy := func() {
			t.Helper()
			conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if got := conn.ConnectionState().CurveID; got != want {
				t.Errorf("%s: got %v; want %v", listen, got, want)
			}
		}
		mustExchangeBy()
		if got := p.mustAsk("POST", p.admin+"/reload", ""); got.code != http.StatusOK {
			t.Fatalf("got %d %s", got.code, got.body)
		}
		mustExchangeBy()
		p.stop()
	}
}

// A certificate that ends soon is a remark of check and of the log, and a metric.
func TestACertificateThatEndsSoonIsRemarkedOn(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	end := time.Now().Add(10*24*time.Hour + time.Hour)
	a.leafUntil("server", end)
	a.leafUntil("expired", time.Now().Add(-time.Hour))
	toml := func(name string) string {
		return fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\n%s", a.path(name+".pem"), a.path(name+".key"), account("shop", appID))
	}
	p := serving(t, w.URL, toml("server"))
	want := "config.toml: proxy.tls_cert: the certificate expires on " + end.UTC().Format("2006-01-02 15:04 UTC") + ", in 10 days; renew it"
	p.eventually("a remark", func() bool { return len(p.logged("configuration")) > 0 })
	if lines := p.logged("configuration"); len(lines) != 1 || lines[0]["warning"] != want {
		t.Errorf("got %v; want %s", lines, want)
	}
	p.scrape().mustBe(t, float64(end.Unix()), "wxproxy_certificate_expiry_timestamp_seconds", "setting=proxy.tls_cert")
	p.mustReload(toml("expired"))
	p.eventually("another remark", func() bool { return len(p.logged("configuration")) > 1 })
	if lines := p.logged("configuration"); len(lines) != 2 || !strings.Contains(lines[1]["warning"].(string), "proxy.tls_cert: the certificate has expired, on ") {
		t.Errorf("got %v; want that it has expired", lines)
	}
	check := runs(t, exitOK, launch{dir: p.cmd.Dir, args: []string{"check"}})
	if !strings.Contains(check.stderr.String(), "warning: config.toml: proxy.tls_cert: the certificate has expired") {
		t.Errorf("got %s; want a warning", check.stderr.String())
	}
	p.stop()
}

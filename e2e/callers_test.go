package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// An authority signs certificates and keeps them in files.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a.key = a.issue("ca", a.cert)
	return a
}

// issue signs a certificate and writes NAME.pem and NAME.key.
func (a *authority) issue(name string, template *x509.Certificate) *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	if template.NotBefore = template.NotAfter.Add(-365 * 24 * time.Hour); template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writeFile(a.t, a.path(name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	writeFile(a.t, a.path(name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return key
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// leaf issues a certificate for a server called api.weixin.qq.com or a client.
func (a *authority) leaf(name string) {
	a.t.Helper()
	a.leafUntil(name, time.Time{})
}

// leafUntil does that for a certificate of a year that expires at end; zero: in an hour.
func (a *authority) leafUntil(name string, end time.Time) {
	a.t.Helper()
	a.issue(name, &x509.Certificate{
		NotAfter:     end,
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{"api.weixin.qq.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// client trusts a, and shows the certificate called name, if that is not empty.
func (a *authority) client(name string) *http.Client {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	c := &tls.Config{RootCAs: roots}
	if raw, err := os.ReadFile(a.path("ca.pem")); err != nil || !roots.AppendCertsFromPEM(raw) {
		a.t.Fatalf("the authority's certificate: %v", err)
	}
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.path(name+".pem"), a.path(name+".key"))
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: c}}
}

func TestCallersAreServedOverTLS(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	a.leaf("server")
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\n", a.path("server.pem"), a.path("server.key"))+fourLines)
	p.awaitReady()
	p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
	p.client = a.client("")
	for range 3 {
		p.mustSucceed()
	}
	if got := p.call("POST", send, `{"touser":"o"}`); got.code != http.StatusOK {
		t.Errorf("got %d %s; want success", got.code, got.body)
	}
	old := a.client("")
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
	if _, err := old.Get(p.proxy + userInfo); err == nil {
		t.Error("got an answer over TLS 1.1")
	}
	p.client.CloseIdleConnections()
	p.client = http.DefaultClient
	p.stop()
}

func TestTheCertificatesNameIsTheClients(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a, stranger := newAuthority(t), newAuthority(t)
	a.leaf("server")
	a.leaf("orders")
	a.leaf("nobody")
	stranger.leaf("orders")
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n[[client]]\nname = \"orders\"\nallow = [\"/cgi-bin/user/*\"]\n",
		a.path("server.pem"), a.path("server.key"), a.path("ca.pem"))+fourLines)
	p.awaitReady()
	p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
	plain := p.client

	p.client = a.client("orders")
	p.mustSucceed()
	p.call("POST", send, `{}`).mustBe(t, http.StatusForbidden, "forbidden_path")
	token := p.fetchToken("", "")
	p.client.CloseIdleConnections()
	if got := p.call("GET", userInfo+"&access_token="+token, ""); got.code != http.StatusOK || strings.Contains(got.body, "errcode") {
		t.Errorf("with its virtual token: got %s", got.body)
	}
	p.client = a.client("nobody")
	p.call("GET", userInfo, "").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	if got := p.call("GET", userInfo+"&access_token="+token, ""); !strings.Contains(got.body, `"errcode":40001`) {
		t.Errorf("its virtual token with another certificate: got %s; want 40001", got.body)
	}
	for name, c := range map[string]*http.Client{"none": a.client(""), "a stranger's": forged(a, stranger)} {
		if _, err := c.Get(p.proxy + userInfo); err == nil {
			t.Errorf("%s certificate: got an answer", name)
		}
	}
	p.client = plain
	p.stop()
}

func TestACertificateAndAKeyProveOneClient(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	a := newAuthority(t)
	for _, name := range []string{"server", "orders", "games"} {
		a.leaf(name)
	}
	const ordersKey, gamesKey = "orders-key-0123456789abcdef", "games-key-0123456789abcdef"
	p := serving(t, w.URL, fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n"+
		"[[client]]\nname = \"orders\"\nkey = %q\n[[client]]\nname = \"games\"\nkey = %q\n",
		a.path("server.pem"), a.path("server.key"), a.path("ca.pem"), ordersKey, gamesKey)+fourLines)
	p.awaitReady()
	p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
	plain := p.client
	p.client = a.client("games")
	gamesToken := p.fetchToken("", gamesKey)
	p.client.CloseIdleConnections()

	p.client = a.client("orders")
	const byOrders, byGames, byNobody = "Authorization: Bearer " + ordersKey, "Authorization: Bearer " + gamesKey, "Authorization: Bearer x"
	const grant = "/cgi-bin/token?grant_type=client_credential&appid=" + appID
	for _, row := range []struct {
		name, path, header string
		code               int
		want               string // in the body
	}{
		{"the same client's key", userInfo, byOrders, 200, ""},
		{"nobody's key", userInfo, byNobody, 401, "unauthenticated"},
		{"another client's key", userInfo, byGames, 401, "unauthenticated"},
		{"another scheme", userInfo, "Authorization: Basic x", 200, ""},
		{"another client's virtual token", userInfo + "&access_token=" + gamesToken, "", 200, "40001"},
		{"another client's virtual token and key", userInfo + "&access_token=" + gamesToken, byGames, 200, "40001"},
		{"nobody's key, and the same client's key for a token", grant + "&secret=" + ordersKey, byNobody, 200, "40125"},
		{"no secret for a token", grant, "", 200, "wxp_"},
		{"the same client's key for a token", grant + "&secret=" + ordersKey, "", 200, "wxp_"},
		{"a wrong secret for a token", grant + "&secret=x", "", 200, "40125"},
		{"another client's key for a token", grant + "&secret=" + gamesKey, "", 200, "40125"},
		{"another client's key for a token, twice", grant + "&secret=" + gamesKey, byGames, 200, "40125"},
	} {
		headers := []string{row.header}[:min(len(row.header), 1)]
		if got := p.call("GET", row.path, "", headers...); got.code != row.code || !strings.Contains(got.body, row.want) {
			t.Errorf("%s: got %d %s; want %d %s", row.name, got.code, got.body, row.code, row.want)
		}
	}
	p.client.CloseIdleConnections()
	p.client = plain
	p.stop()
}

// forged trusts a and shows a certificate of stranger's.
func forged(a, stranger *authority) *http.Client {
	c := a.client("")
	c.Transport.(*http.Transport).TLSClientConfig.Certificates = stranger.client("orders").Transport.(*http.Transport).TLSClientConfig.Certificates
	return c
}

// fetchToken asks the proxy for a token as an SDK does.
func (p *program) fetchToken(prefix, secret string) string {
	p.t.Helper()
	a := p.call("GET", prefix+"/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+secret, "")
	var got struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.AccessToken == "" || got.ExpiresIn <= 0 {
		p.t.Fatalf("got %d %s; want a token", a.code, a.body)
	}
	return got.AccessToken
}

func TestAnSDKNeedsOnlyItsBaseURLChanged(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Record()
	p := serving(t, w.URL, fourLines+"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\n")
	p.awaitReady()
	token := p.fetchToken("", "orders-key-0123456789")
	for range 2 { // before and after a theft
		if got := p.call("GET", userInfo+"&access_token="+token, ""); got.code != http.StatusOK || !strings.Contains(got.body, `"openid":"OPENID"`) {
			t.Errorf("got %d %s; want the user", got.code, got.body)
		}
		w.Steal(appID)
	}
	if got := p.call("GET", userInfo+"&access_token="+token+"x", ""); got.code != http.StatusOK || !strings.Contains(got.body, `"errcode":40001`) {
		t.Errorf("a forged token: got %d %s; want 40001", got.code, got.body)
	}
	p.call("GET", userInfo, "").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.stop()

	again := serving(t, w.URL, fourLines+"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\n")
	if got := again.call("GET", userInfo+"&access_token="+token, ""); !strings.Contains(got.body, `"openid":"OPENID"`) {
		t.Errorf("after a restart: got %s; want the user", got.body)
	}
	again.stop()
	for _, r := range w.Requests() {
		if strings.Contains(r.Target, "wxp_") || strings.Contains(r.Target, "orders-key") {
			t.Errorf("WeChat got %s; want no token and no key of ours", r.Target)
		}
	}
}

func TestTheRealTokenForThoseWhoInsist(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, "[proxy]\ntoken_endpoint = \"real\"\n"+fourLines)
	if got, want := p.fetchToken("", "x"), w.Tokens(appID); len(want) != 1 || got != want[0] {
		t.Errorf("got another token than WeChat's")
	}
	p.stop()
}

func TestTicketsAndSignaturesAreServedFromTheCache(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	store := "WXPROXY_STORE=file:" + filepath.Join(t.TempDir(), "tokens")
	const ask = "/cgi-bin/ticket/getticket?type=jsapi"
	p := serving(t, w.URL, fourLines, store)
	first := p.call("GET", ask, "")
	if !strings.Contains(first.body, `"errmsg":"ok","ticket":"ticket-`) {
		t.Fatalf("got %d %s; want a ticket", first.code, first.body)
	}
	for range 5 {
		p.call("POST", ask+"&access_token=x", "")
		if got := p.call("GET", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F", ""); !strings.Contains(got.body, `"appId":"`+appID+`"`) {
			t.Errorf("got %d %s; want a signature", got.code, got.body)
		}
	}
	p.stop()
	p = serving(t, w.URL, fourLines, store)
	again := p.call("GET", ask, "")
	if cut := strings.Index(first.body, `","expires_in"`); again.body[:cut] != first.body[:cut] {
		t.Errorf("after a restart: got %s; want %s", again.body, first.body)
	}
	if got := w.Calls("/cgi-bin/ticket/getticket"); got != 1 {
		t.Errorf("got %d calls of getticket; want 1", got)
	}
	p.stop()
}

func TestWhyThereIsNoTicketIsInTheStatus(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	mend := w.Inject(wechattest.Fault{Path: "/cgi-bin/ticket/getticket", Errcode: 48001})
	p := serving(t, w.URL, fourLines)
	for _, ask := range []string{"/cgi-bin/ticket/getticket?type=jsapi", "/wxproxy/jsapi-signature?url=https%3A%2F%2Fshop.example%2F"} {
		if got := p.call("GET", ask, ""); got.code != 200 || !strings.HasPrefix(got.body, `{"errcode":48001,`) {
			t.Errorf("%s: got %d %s; want WeChat's 48001", ask, got.code, got.body)
		}
	}
	status := p.mustAsk("GET", p.admin+"/status", "").body
	_, tickets, _ := strings.Cut(status, `"tickets": [`)
	for _, want := range []string{`"type": "jsapi"`, `"expires_in": 0`, `"errcode": 48001`, "may not use the JS-SDK"} {
		if !strings.Contains(tickets, want) {
			t.Errorf("got %s; want %s in it", status, want)
		}
	}
	p.eventually("a line about the ticket", func() bool { return len(p.logged("ticket not refreshed")) > 0 })
	if lines := p.logged("ticket not refreshed"); len(lines) != 1 || lines[0]["ticket"] != "jsapi" {
		t.Errorf("got %v; want one line about the ticket", lines)
	}
	mend()
	p.eventually("a ticket after a refresh", func() bool {
		p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "")
		return strings.Contains(p.call("GET", "/cgi-bin/ticket/getticket?type=jsapi", "").body, `"ticket":"ticket-`)
	})
	p.stop()
}

func TestAProgramWithHTTPProxySetIsServed(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is missing: apt-get install curl")
	}
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	for _, base := range []string{w.URL, "http://api.weixin.qq.com"} {
		c := exec.Command(curl, "-sS", base+userInfo)
		c.Env = []string{"http_proxy=" + p.proxy}
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"openid":"OPENID"`) {
			t.Errorf("%s: got %v, %s; want the user", base, err, out)
		}
	}
	p.stop()
}

// A load balancer that reaches the callers' port alone needs no key, and learns what
// the admin listener says.
func TestALoadBalancerAsksTheCallersPort(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Record()
	p := serving(t, w.URL, fourLines+"[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\n")
	p.awaitReady()
	for path, want := range map[string]string{"/wxproxy/healthz": `{"status":"ok"}`, "/wxproxy/readyz": `{"ready":true}`} {
		if got := p.call("GET", path, ""); got.code != http.StatusOK || got.body != want {
			t.Errorf("%s: got %d %s; want %s", path, got.code, got.body, want)
		}
		if got := p.call("HEAD", path, ""); got.code != http.StatusOK || got.body != "" {
			t.Errorf("HEAD %s: got %d %q; want 200", path, got.code, got.body)
		}
	}
	p.call("GET", "/wxproxy/status", "").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.stop()

	away := serving(t, "http://"+refusing(t), fourLines)
	away.eventually("a proxy without a token", func() bool { return away.call("GET", "/wxproxy/readyz", "").code == http.StatusServiceUnavailable })
	if got := away.call("GET", "/wxproxy/readyz", ""); got.body != `{"ready":false}` || away.call("GET", "/wxproxy/healthz", "").code != http.StatusOK {
		t.Errorf("without a token: got %d %s; want 503 without a name", got.code, got.body)
	}
	away.stop()
	for _, r := range w.Requests() {
		if strings.Contains(r.Target, "/wxproxy/") {
			t.Errorf("WeChat got %s; want nothing of it", r.Target)
		}
	}
}

// The built program refuses the requests that a browser can be made to send. A name
// that is added counts from the reload on.
func TestABrowsersPageIsNobodyWithoutClients(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	as := func(host string, fields ...string) answer {
		t.Helper()
		req, err := http.NewRequest("GET", p.proxy+userInfo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if req.Host = host; host == "" {
			req.Host = req.URL.Host
		}
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ": ")
			req.Header.Set(name, value)
		}
		resp, err := p.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer{code: resp.StatusCode, header: resp.Header, body: string(body)}
	}
	for _, refused := range []answer{
		as("", "Origin: https://evil.example"), as("", "Sec-Fetch-Site: same-site"), as("evil.example"), as("shop.internal:8080"),
	} {
		refused.mustBe(t, http.StatusForbidden, "forbidden_path")
	}
	for _, host := range []string{"", "localhost:1", "api.weixin.qq.com"} {
		if got := as(host); got.code != http.StatusOK {
			t.Errorf("%q: got %d %s; want an answer", host, got.code, got.body)
		}
	}
	p.mustReload("[proxy]\nhosts = [\"shop.internal\"]\n" + fourLines)
	if got := as("shop.internal:8080"); got.code != http.StatusOK {
		t.Errorf("after the reload: got %d %s; want an answer", got.code, got.body)
	}
	as("evil.example").mustBe(t, http.StatusForbidden, "forbidden_path")
	p.stop()
}

// A connection is held to what the configuration says now, however long it is open.
func TestACallerWhoseAuthorityWasRemovedIsRefusedOnItsConnection(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	old, stays := newAuthority(t), newAuthority(t)
	old.leaf("server")
	old.leaf("orders")
	stays.leaf("orders")
	both := filepath.Join(t.TempDir(), "both.pem")
	writeFile(t, both, read(t, old.path("ca.pem"))+read(t, stays.path("ca.pem")))
	toml := fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n[[client]]\nname = \"orders\"\n",
		old.path("server.pem"), old.path("server.key"), both) + fourLines
	p := serving(t, w.URL, toml)
	p.awaitReady()
	p.proxy = strings.Replace(p.proxy, "http://", "https://", 1)
	plain := p.client
	removed, kept := old.client("orders"), forged(old, stays)
	var opened atomic.Int64
	for _, c := range []*http.Client{removed, kept} {
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			opened.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		p.client = c
		p.mustSucceed()
	}
	writeFile(t, both, read(t, stays.path("ca.pem")))
	p.client = plain
	p.mustReload(toml)
	p.client = kept
	p.mustSucceed()
	p.client = removed
	if got := p.call("GET", userInfo, ""); !got.last || !strings.Contains(got.body, "tls_client_ca has changed") {
		t.Errorf("got %d %s, the last: %v; want the reason and the end", got.code, got.body, got.last)
	} else {
		got.mustBe(t, http.StatusUnauthorized, "unauthenticated")
	}
	if n := opened.Load(); n != 2 {
		t.Errorf("got %d connections; want both to have gone on", n)
	}
	if resp, err := removed.Get(p.proxy + userInfo); err == nil {
		resp.Body.Close()
		t.Errorf("over a new connection: got %d; want none", resp.StatusCode)
	}
	p.client = plain
	p.stop()
}

package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

// The path that every call takes allocates nothing: with keys and policy, through
// sockets and TLS. CI runs these benchmarks and fails when that changes.
func BenchmarkHotPath(b *testing.B) {
	const orders = "orders-key-orders-key-orders-key"
	client := keyed("orders", orders)
	client.Allow = []string{"/cgi-bin/*"}
	token := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.NewKey("", client.KeySHA256[:])))
	ofMerchant := virtual.NewOfPlatform(merchant, [2]virtual.ID{virtual.IDOf("wxcomponent"), virtual.IDOf("orders")}, time.Now().Add(time.Hour), new(virtual.NewKey("", client.KeySHA256[:])))
	ofCRM := virtual.New(virtual.IDOf("ww1.1000002"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.NewKey("", client.KeySHA256[:])))
	message := post("/cgi-bin/message/custom/send", string(rawtest.Noise(476)))
	bearer := "POST /cgi-bin/message/custom/send?a=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + orders + message[len("POST /cgi-bin/message/custom/send HTTP/1.1\r\nHost: proxy"):]
	rows := []struct {
		name, request string
		secure, plain bool
		most          float64 // allocations for a request
	}{
		{"a key", bearer, false, false, 0},
		{"a virtual token", rawtest.Get("/cgi-bin/user/info?openid=o&access_token=" + token), false, false, 0},
		{"a platform's account", strings.Replace(bearer, "POST /cgi-bin", "POST /@"+merchant+"/cgi-bin", 1), false, false, 0},
		{"a platform's account by a virtual token", rawtest.Get("/cgi-bin/user/info?openid=o&component_access_token=" + ofMerchant), false, false, 0},
		{"a platform", strings.Replace(bearer, "/cgi-bin/message/custom/send", "/cgi-bin/component/api_create_preauthcode", 1), false, false, 0},
		{"an application of WeCom's", strings.Replace(bearer, "POST /cgi-bin", "POST /@crm/cgi-bin", 1), false, false, 0},
		{"an application of WeCom's by its host", strings.Replace(bearer, "Host: x", "Host: qyapi.weixin.qq.com", 1), false, false, 0},
		{"an application of WeCom's by a virtual token", rawtest.Get("/cgi-bin/user/get?userid=a&access_token=" + ofCRM), false, false, 0},
		{"TLS to WeChat", bearer, true, false, 2}, // crypto/tls's own, one for each record: ours, and the test's WeChat's
		{"plain_io", bearer, false, true, 4},      // for a look at the idle connection
		{"plain_io and TLS", bearer, true, true, 8},
	}
	for _, row := range rows {
		b.Run(row.name, func(b *testing.B) {
			w := startTireless(b, row.secure)
			hosts := proven(b, hostsAt(b, func(c *upstream.HostsConfig) { c.Roots, c.PlainIO = w.roots, row.plain }, w.url))
			c := config(hosts)
			c.Clients = []Client{client}
			if strings.HasPrefix(row.name, "a platform") {
				pl := madeUp("saas", "wxcomponent", merchant)
				pl.Account.Kind = c.Accounts[0].Kind
				c.Platforms = []Platform{pl}
			}
			if strings.HasPrefix(row.name, "an application") {
				crm := account("crm", "ww1")
				crm.Key, crm.Kind = "ww1.1000002", &Kind{Table: &accountkind.WeCom, Upstream: hosts, Hosts: accountkind.WeCom.Hosts, TokenErrcodes: accountkind.WeCom.TokenErrcodes}
				c.Accounts, c.Default = append(c.Accounts, crm), "shop"
			}
			limits := defaultLimits
			limits.PlainIO = row.plain
			caller := serve(b, c, limits).dial(b)
			caller.Conn.SetDeadline(time.Time{})
			ask := sender(b, caller.Conn, []byte(row.request))
			for range 100 { // the buffers are made
				ask()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n := 0
			for b.Loop() {
				ask()
				n++
			}
			runtime.ReadMemStats(&after)
			each := float64(after.Mallocs-before.Mallocs) / float64(n)
			b.ReportMetric(each, "allocs/request")
			if n >= 1000 && each > row.most+0.05 { // what goes on beside, such as looks at idle connections, is a little
				b.Errorf("got %.2f allocations for each request; want %v", each, row.most)
			}
		})
	}
}

// sender returns what sends request and reads an answer, without allocating.
func sender(b *testing.B, conn net.Conn, request []byte) func() {
	answer := make([]byte, 4096)
	return func() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		n, err := conn.Read(answer)
		if err != nil || string(answer[:len("HTTP/1.1 200")]) != "HTTP/1.1 200" {
			b.Fatalf("got %q, %v; want 200", answer[:n], err)
		}
	}
}

// A tireless is a WeChat that answers every request alike and allocates nothing.
// A request comes in one piece.
type tireless struct {
	url   string
	roots *x509.CertPool
}

func startTireless(b *testing.B, secure bool) tireless {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	w := tireless{url: "http://" + ln.Addr().String()}
	if secure {
		authority := httptest.NewTLSServer(nil)
		b.Cleanup(authority.Close)
		w.roots = x509.NewCertPool()
		w.roots.AddCert(authority.Certificate())
		w.url = "https://" + ln.Addr().String()
		ln = tls.NewListener(ln, &tls.Config{Certificates: authority.TLS.Certificates})
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				request := make([]byte, 4096)
				for answer := []byte(rawtest.Answered(rawtest.OKBody)); ; {
					if _, err := conn.Read(request); err != nil {
						return
					}
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return w
}

package egress_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/egress"
	"wxproxy/internal/egress/egresstest"
	"wxproxy/internal/sockettest"
	"wxproxy/internal/wechattest"
)

const target = "api.weixin.invalid:443"

// echo answers each line with itself.
func echo(t *testing.T) (address string) {
	return sockettest.Serve(t, func(conn net.Conn) { io.Copy(conn, conn) })
}

// tunnel asks the proxy at a URL for a target.
func tunnel(t *testing.T, raw, target string, roots *x509.CertPool, timeout time.Duration) (net.Conn, error) {
	t.Helper()
	p, err := egress.Parse(raw, "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	p = p.Trusting(roots)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return p.Tunnel(ctx, conn, target)
}

func TestTunnelLeadsToATargetThatOnlyTheProxyKnows(t *testing.T) {
	t.Parallel()
	certificate, ca, err := wechattest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	const password = "p:w@d/#%?"
	rows := map[string]egresstest.Options{
		"http":                    {},
		"http with a password":    {User: "corp user", Password: password},
		"https":                   {Certificate: &certificate},
		"https with a password":   {Certificate: &certificate, User: "u", Password: password},
		"socks":                   {SOCKS: true},
		"socks with a password":   {SOCKS: true, User: "u", Password: password},
		"socks that asks nothing": {SOCKS: true},
	}
	for name, o := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Names = map[string]string{target: echo(t)}
			p := egresstest.Start(t, o)
			raw := strings.NewReplacer("corp user", "corp%20user", password, "p:w%40d%2F%23%25%3F").Replace(p.URL())
			if name == "socks that asks nothing" {
				raw = "socks5h://somebody:something@" + p.Address
			}
			conn, err := tunnel(t, raw, target, roots, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(conn, "hello\n")
			if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
				t.Errorf("got %q, %v; want what was sent", line, err)
			}
			if got := p.Asked(); len(got) != 1 || got[0] != target {
				t.Errorf("the proxy was asked for %q; want the name", got)
			}
		})
	}
}

func TestSOCKSTakesAddressesOfBothFamilies(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"192.0.2.7:443", "[2001:db8::7]:8443"} {
		p := egresstest.Start(t, egresstest.Options{SOCKS: true, Names: map[string]string{target: echo(t)}})
		if _, err := tunnel(t, p.URL(), target, nil, 10*time.Second); err != nil {
			t.Errorf("%s: got %v; want a tunnel", target, err)
		}
	}
}

// Each way in which a proxy fails has its words, and its remedy in both languages; a
// password is in none.
func TestFaultsOfAProxyAreToldInWords(t *testing.T) {
	t.Parallel()
	answering := func(answer string) egresstest.Options {
		return egresstest.Options{Answer: func(string) string { return answer }}
	}
	says := func(status string) egresstest.Options {
		return answering("HTTP/1.1 " + status + "\r\nServer: s3cret\r\n\r\n<html>s3cret</html>")
	}
	rows := []struct {
		name       string
		o          egresstest.Options
		user       string
		want       string
		everywhere bool
	}{
		{"no password", egresstest.Options{User: "u", Password: "p"}, "", "wants a user and a password (407)", true},
		{"a wrong password", egresstest.Options{User: "u", Password: "p"}, "u:wr0ngpass@", "does not accept the user or the password (407)", true},
		{"a wrong password, as tinyproxy says", says("401 Unauthorized"), "u:wr0ngpass@", "does not accept the user or the password (401)", true},
		{"NTLM", answering("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n\r\n"), "u:wr0ngpass@", "wants another proof than a user and a password in Basic authentication (407)", true},
		{"NTLM or Basic", answering("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM, basic realm=\"s3cret\"\r\n\r\n"), "u:wr0ngpass@", "does not accept the user or the password (407)", true},
		{"forbidden", says("403 Forbidden"), "", "does not allow connections to " + target + " (403)", false},
		{"no such host", egresstest.Options{}, "", "does not get to " + target + " itself (502)", false},
		{"the host is busy", says("503 Service Unavailable"), "", "(503)", false},
		{"late", says("504 Gateway Timeout"), "", "(504)", false},
		{"tinyproxy's failure", says("500 Unable to connect"), "", "does not get to " + target + " itself (500)", false},
		{"too many requests", says("429 Too Many Requests"), "", "answers that there are too many requests (429)", true},
		{"a web server", says("405 Method Not Allowed"), "", "in another way than a proxy does (405)", true},
		{"a redirect", says("302 Found"), "", "in another way than a proxy does (302)", true},
		{"an interim answer", says("100 Continue"), "", "in another way than a proxy does", true},
		{"a page", says("200 OK"), "", "answers with something of its own where " + target + " should be", false},
		{"garbage", answering("SSH-2.0-OpenSSH_9.9\r\n\r\n"), "", "in another way than a proxy does", true},
		{"no status", answering("HTTP/1.1 abc\r\n\r\n"), "", "in another way than a proxy does", true},
		{"a head without an end", answering("HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 4<<10)), "", "in another way than a proxy does", true},
		{"nothing", answering("\x00"), "", "in another way than a proxy does", true},
		{"cut", answering("HTTP/1.1 200 Conn"), "", "ended the connection before there was a tunnel", false},
		{"SOCKS: no password", egresstest.Options{SOCKS: true, User: "u", Password: "p"}, "", "wants a user and a password", true},
		{"SOCKS: a wrong password", egresstest.Options{SOCKS: true, User: "u", Password: "p"}, "u:wr0ngpass@", "does not accept the user or the password", true},
		{"SOCKS: no such host", egresstest.Options{SOCKS: true}, "", "does not get to " + target + " itself (SOCKS reply 4)", false},
		{"SOCKS: forbidden", egresstest.Options{SOCKS: true, Answer: func(string) string { return "\x05\x02\x00\x01" }}, "", "does not allow connections to " + target + " (SOCKS reply 2)", false},
		{"SOCKS: what is that", egresstest.Options{SOCKS: true, Answer: func(string) string { return "\x05\x07\x00\x01" }}, "", "in another way than a proxy does (SOCKS reply 7)", true},
		{"SOCKS: cut", egresstest.Options{SOCKS: true, Answer: func(string) string { return "\x05\x00\x00\x01ab" }}, "", "ended the connection", false},
		{"SOCKS: an odd address", egresstest.Options{SOCKS: true, Answer: func(string) string { return "\x05\x00\x00\x09abcdef" }}, "", "in another way than a proxy does", true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := egresstest.Start(t, row.o)
			scheme := "http://"
			if row.o.SOCKS {
				scheme = "socks5://"
			}
			_, err := tunnel(t, scheme+row.user+p.Address, target, nil, 10*time.Second)
			fault, ok := errors.AsType[*egress.Fault](err)
			if !ok {
				t.Fatalf("got %v; want a fault", err)
			}
			en, zh := fault.Remedies()
			if !strings.HasPrefix(fault.Error(), "the proxy "+p.Address+" ") || !strings.Contains(fault.Error(), row.want) || fault.IsEverywhere() != row.everywhere {
				t.Errorf("got %q, everywhere %v; want %q, %v", fault, fault.IsEverywhere(), row.want, row.everywhere)
			}
			if all := fault.Error() + fault.Words() + en + zh; en == "" || zh == "" || strings.Contains(all, "{") || strings.Contains(all, "s3cret") || strings.Contains(all, "wr0ngpass") {
				t.Errorf("got %q, %q, %q; want remedies and no secret", fault, en, zh)
			}
		})
	}
}

// A remedy speaks of the proxy as it is: with its scheme, the setting that names it, and of
// CONNECT only where it knows that.
func TestRemediesFitTheProxy(t *testing.T) {
	t.Parallel()
	rows := []struct {
		o          egresstest.Options
		scheme     string
		want, lack string
	}{
		{egresstest.Options{User: "u", Password: "p"}, "http://", "write them into upstream.proxy_file: http://user:password@host:port", "socks"},
		{egresstest.Options{SOCKS: true, User: "u", Password: "p"}, "socks5://", "write them into upstream.proxy_file: socks5://user:password@host:port", "http"},
		{egresstest.Options{Answer: func(string) string { return "HTTP/1.1 403 No\r\n\r\n" }}, "http://", "allow CONNECT from this machine to " + target, "socks"},
		{egresstest.Options{SOCKS: true, Answer: func(string) string { return "\x05\x02\x00\x01" }}, "socks5://", "allow connections from this machine to " + target, "CONNECT"},
	}
	for _, row := range rows {
		server := egresstest.Start(t, row.o)
		p, err := egress.Parse(row.scheme+server.Address, "upstream.proxy_file")
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", server.Address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = p.Tunnel(t.Context(), conn, target)
		fault, ok := errors.AsType[*egress.Fault](err)
		if !ok {
			t.Fatalf("%s: got %v; want a fault", row.scheme, err)
		}
		if en, zh := fault.Remedies(); !strings.Contains(en, row.want) || strings.Contains(en+zh, row.lack) {
			t.Errorf("%s: got %q, %q; want %q, and no %q", row.scheme, en, zh, row.want, row.lack)
		}
	}
}

func TestProxyThatIsSlowIsWaitedForNoLongerThanThereIsTime(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	defer close(hold)
	for name, o := range map[string]egresstest.Options{"http": {Hold: hold}, "socks": {Hold: hold, SOCKS: true}} {
		p := egresstest.Start(t, o)
		began := time.Now()
		_, err := tunnel(t, p.URL(), target, nil, 100*time.Millisecond)
		if fault, ok := errors.AsType[*egress.Fault](err); !ok || !strings.Contains(fault.Error(), "did not connect to "+target+" within connect_timeout") || time.Since(began) > 5*time.Second {
			t.Errorf("%s: got %v after %v; want a fault in time", name, err, time.Since(began))
		}
	}
}

func TestCertificateOfAProxyIsLookedAt(t *testing.T) {
	t.Parallel()
	certificate, _, err := wechattest.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	p := egresstest.Start(t, egresstest.Options{Certificate: &certificate, User: "u", Password: "p"})
	_, err = tunnel(t, p.URL(), target, x509.NewCertPool(), 10*time.Second)
	if fault, ok := errors.AsType[*egress.Fault](err); !ok || !fault.IsEverywhere() || !strings.Contains(fault.Error(), "its certificate is not trusted") || len(p.Shown()) > 0 {
		t.Errorf("got %v, shown %q; want a fault, and no password shown", err, p.Shown())
	}
	plain := egresstest.Start(t, egresstest.Options{})
	if _, err = tunnel(t, "https://"+plain.Address, target, nil, 10*time.Second); err == nil || !strings.Contains(err.Error(), "does not shake hands for TLS") {
		t.Errorf("got %v; want that it does not speak TLS", err)
	}
}

// FuzzAnswer: whatever a proxy answers ends in a tunnel or a fault, with a bounded head.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 407 No\n\n", "HTTP/1.1 200", "\x05\x00\x05\x00\x00\x01abcdef", "HTTP/1.1 200 \r\n\r\nx", "\x05\x02\x01\x00\x05\x00\x00\x03\x01aab"} {
		f.Add([]byte(seed), seed[0] == 5)
	}
	f.Fuzz(func(t *testing.T, answer []byte, socks bool) {
		raw := "http://u:p@proxy.invalid:3128"
		if socks {
			raw = "socks5://u:p@proxy.invalid:1080"
		}
		p, err := egress.Parse(raw, "upstream.proxy")
		if err != nil {
			t.Fatal(err)
		}
		conn := &scripted{answer: answer}
		_, err = p.Tunnel(t.Context(), conn, target)
		if err == nil && socks && conn.read > len(answer) {
			t.Error("more was read than there is")
		}
		if _, ok := errors.AsType[*egress.Fault](err); err != nil && !ok {
			t.Errorf("got %v; want a fault", err)
		}
		if conn.read > 17<<10 {
			t.Errorf("read %d bytes", conn.read)
		}
	})
}

// A scripted connection answers with the same whatever is written.
type scripted struct {
	net.Conn
	answer []byte
	read   int
}

func (s *scripted) Write(p []byte) (int, error) { return len(p), nil }

func (s *scripted) Read(p []byte) (int, error) {
	if s.read == len(s.answer) {
		return 0, io.EOF
	}
	n := copy(p, s.answer[s.read:])
	s.read += n
	return n, nil
}

func (s *scripted) SetDeadline(time.Time) error { return nil }

// Whoever writes https:// for a proxy without TLS waits for its hello, and gets told what to write.
func TestProxyThatSpeaksNoTLSIsNamedAsSuch(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, err = tunnel(t, "https://"+silent.Addr().String(), target, nil, 100*time.Millisecond)
	fault, ok := errors.AsType[*egress.Fault](err)
	if !ok {
		t.Fatalf("got %v; want a fault", err)
	}
	if en, zh := fault.Remedies(); !strings.Contains(en, "most proxies are http://") || !strings.Contains(zh, "多数代理应写 http://") || !strings.Contains(fault.Error(), "in time") {
		t.Errorf("got %v, %s, %s", fault, en, zh)
	}
}

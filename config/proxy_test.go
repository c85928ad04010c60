package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pair returns the paths of a certificate and its key, in PEM.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", certificate(t)),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func TestAFileOfTLSThatIsWrongIsAMistakeAmongTheOthers(t *testing.T) {
	cert, key := pair(t)
	other, otherKey := otherPair(t)
	plain := write(t, "passwd", "root:x:0:0\n")
	const noFile = "cannot be read: no such file or directory"
	for name, row := range map[string]struct {
		cert, key, ca string
		want          []string
	}{
		"no certificate":        {plain + ".no", key, "", []string{"proxy.tls_cert: " + noFile}},
		"neither file":          {plain + ".no", plain + ".no", "", []string{"proxy.tls_cert: " + noFile, "proxy.tls_key: " + noFile}},
		"not PEM":               {plain, key, "", []string{"proxy.tls_cert: has no certificate; write the path of a PEM file"}},
		"a key that is no key":  {cert, plain, "", []string{"proxy.tls_key: does not go with tls_cert: failed to find any PEM data in key input"}},
		"another key":           {cert, otherKey, "", []string{"proxy.tls_key: does not go with tls_cert: private key type does not match public key type"}},
		"another certificate":   {other, key, "", []string{"proxy.tls_key: does not go with tls_cert: private key type does not match public key type"}},
		"an authority not PEM":  {cert, key, plain, []string{"proxy.tls_client_ca: has no certificate; write the path of a PEM file"}},
		"no authority":          {cert, key, plain + ".no", []string{"proxy.tls_client_ca: " + noFile}},
		"a key and authority":   {cert, plain + ".no", plain, []string{"proxy.tls_key: " + noFile, "proxy.tls_client_ca: has no certificate; write the path of a PEM file"}},
		"a directory as a file": {filepath.Dir(cert), key, "", []string{"proxy.tls_cert: cannot be read: is a directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "config.toml", fmt.Sprintf("[proxy]\nlistn = \"\"\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n", row.cert, row.key, row.ca)+good)
			_, err := Load(path, lookup())
			mustReport(t, err, path, append([]string{"proxy: unknown key `listn`, did you mean `listen`?"}, row.want...))
		})
	}
}

// otherPair returns a pair that goes with no file of pair's.
func otherPair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "other.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		write(t, "other.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
}

func TestAListenerWithACertificateSpeaksHTTPS(t *testing.T) {
	cert, key := pair(t)
	files := fmt.Sprintf("tls_cert = %q\ntls_key = %q\nallow_anonymous = true\n", cert, key)
	for listen, want := range map[string]string{
		"127.0.0.1:8443":         "listens on https://127.0.0.1:8443,",
		":8443":                  "listens on port 8443 of every address for HTTPS,",
		"unix:/run/wxproxy.sock": "listens on the socket /run/wxproxy.sock for HTTPS,",
	} {
		got := mustLoad(t, "[proxy]\nlisten = \""+listen+"\"\n"+files+good).Describe()
		if !strings.Contains(got, want) || !strings.Contains(got, "listens on http://127.0.0.1:8081,") {
			t.Errorf("%s: got %s; want %q, and the admin listener without TLS", listen, got, want)
		}
	}
}

func TestAnOptionalCertificateNeedsClients(t *testing.T) {
	cert, key := pair(t)
	settings := fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\ntls_client_auth = \"optional\"\n", cert, key, cert)
	for _, anonymous := range []string{"", "allow_anonymous = true\n"} {
		path := write(t, "config.toml", settings+anonymous+good)
		_, err := Load(path, lookup())
		mustReport(t, err, path, []string{`proxy.tls_client_auth: is "optional", so that callers without a certificate show a key, and there is no [[client]] that has one; ` +
			`add a [[client]], or write "require"; line 5`})
	}
	mustLoad(t, settings+client("a", `key = "orders-key-0123456789abcdef"`)+good)
}

// A certificate that takes another one's place, by the same path, is a change and makes
// another hash: by its public part alone.
func TestACertificateCountsByWhatIsInItsFile(t *testing.T) {
	cert, key := pair(t)
	roots := write(t, "roots.pem", certificate(t))
	load := func() *Config {
		return mustLoad(t, fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\ntls_client_ca = %q\n[upstream]\nca_file = %q\n", cert, key, roots, roots)+good)
	}
	first := load()
	other, otherKey := otherPair(t)
	for _, row := range []struct {
		from, to string
		want     []string
	}{
		{other, roots, []string{"proxy.tls_client_ca", "upstream.ca_file"}},
		{otherKey, key, nil}, // does not go with cert, so that cert goes along
		{other, cert, []string{"proxy.tls_cert"}},
	} {
		content, err := os.ReadFile(row.from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(row.to, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if row.want == nil {
			continue
		}
		next := load()
		if got := first.ChangesTo(next); !slices.Equal(got.Changed, row.want) || len(got.Added)+len(got.Removed) > 0 {
			t.Errorf("got %+v; want %v changed", got, row.want)
		}
		if first.Hash(first) == next.Hash(first) {
			t.Errorf("%v: got the hash of before", row.want)
		}
		first = next
	}
	remark := func(text string) { // what is no certificate does not count
		content, err := os.ReadFile(roots)
		if err == nil {
			err = os.WriteFile(roots, append([]byte(text), content...), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remark("# a remark\n")
	if next := load(); next.Hash(first) != first.Hash(first) || len(first.ChangesTo(next).Changed) > 0 {
		t.Errorf("got another hash for a remark in the file")
	}
}

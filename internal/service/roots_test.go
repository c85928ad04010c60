package service

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "golang.org/x/crypto/x509roots/fallback" // as the program has them
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"wxproxy/config"
	"wxproxy/internal/wechattest"
)

// withoutRoots is the variable of the environment that says that the test runs
// where the system has no root certificates.
const withoutRoots = "WXPROXY_TEST_WITHOUT_ROOTS"

func TestRootCertificatesAreCompiledIn(t *testing.T) {
	if os.Getenv(withoutRoots) == "" {
		executable, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		again := exec.Command(executable, "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), withoutRoots+"=1", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("without the system's root certificates: got %v, %s", err, out)
		}
		return
	}
	if main, err := os.ReadFile("../../main.go"); err != nil || !strings.Contains(string(main), `_ "golang.org/x/crypto/x509roots/fallback"`) {
		t.Errorf("got %s, %v; want the program to import them as this test does", main, err)
	}
	simulated, err := wechattest.New().StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	defer simulated.Close()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	mustWrite(t, caFile, string(simulated.CA))
	withCA, err := rootsWith(new(config.Config), caFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, roots := range map[string]*x509.CertPool{"alone": nil, "with ca_file": withCA} {
		verified := 0
		for root := range bundle.Roots() {
			certificate, err := x509.ParseCertificate(root.Certificate)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
				verified++
			}
		}
		if verified < 50 {
			t.Errorf("%s: got %d authorities that are trusted; want more than 50", name, verified)
		}
	}
}

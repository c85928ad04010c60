package expiry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

const day = 24 * time.Hour

func certificate(t *testing.T, from, to time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestTheEndIsThatOfTheFirstOfAChainAndTheLastOfAuthorities(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	year, quarter := certificate(t, begin, begin.Add(365*day)), certificate(t, begin, begin.Add(90*day))
	both := append(append([]byte("a remark\n"), year...), quarter...)
	both = append(both, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("none")})...)
	if got := First(both); !got.At.Equal(begin.Add(90*day)) || !got.Renew.Equal(begin.Add(76*day)) {
		t.Errorf("a chain: got %v; want the quarter's", got)
	}
	if got := Last(both); !got.At.Equal(begin.Add(365 * day)) {
		t.Errorf("authorities: got %v; want the year's", got)
	}
	for life, want := range map[time.Duration]time.Duration{3 * time.Hour: 2 * time.Hour, 6 * day: 4 * day, 8 * day: -6 * day, 90 * day: 76 * day} {
		if got := First(certificate(t, begin, begin.Add(life))); !got.Renew.Equal(begin.Add(want)) {
			t.Errorf("a life of %v: to be renewed after %v; want %v", life, got.Renew.Sub(begin), want)
		}
	}
}

package front

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
)

func TestOnlyOneCommonNameCounts(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	common, unit := asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.ObjectIdentifier{2, 5, 4, 11}
	for name, row := range map[string]struct {
		subject []pkix.AttributeTypeAndValue
		want    string
	}{
		"one":           {[]pkix.AttributeTypeAndValue{{Type: common, Value: "orders"}}, "orders"},
		"one of others": {[]pkix.AttributeTypeAndValue{{Type: unit, Value: "games"}, {Type: common, Value: "orders"}, {Type: unit, Value: "x"}}, "orders"},
		"two":           {[]pkix.AttributeTypeAndValue{{Type: common, Value: "games"}, {Type: common, Value: "orders"}}, ""},
		"twice":         {[]pkix.AttributeTypeAndValue{{Type: common, Value: "orders"}, {Type: common, Value: "orders"}}, ""},
		"three":         {[]pkix.AttributeTypeAndValue{{Type: common, Value: "games"}, {Type: common, Value: "orders"}, {Type: common, Value: "shop"}}, ""},
		"an empty one":  {[]pkix.AttributeTypeAndValue{{Type: common, Value: ""}, {Type: common, Value: "orders"}}, ""},
		"none":          {[]pkix.AttributeTypeAndValue{{Type: unit, Value: "orders"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{ExtraNames: row.subject}}
			der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if got := onlyCommonName(c.Subject); got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

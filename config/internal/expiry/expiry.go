// Package expiry tells when files of certificates are of no use any more.
package expiry

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

const (
	// soon is how long before its end a certificate should be renewed.
	soon = 14 * 24 * time.Hour

	// brief is the life of certificates that are renewed every few days, or hours: of
	// those a third of it is soon.
	brief = 7 * 24 * time.Hour
)

// An End is when a file of certificates is of no use any more, and since when it should
// have been renewed.
type End struct{ At, Renew time.Time }

// First returns the end of the first certificate of a chain in PEM that expires: without
// it the others are of no use.
func First(data []byte) End {
	return slices.MinFunc(ends(data), End.compare)
}

// Last returns the end of the last of several authorities in PEM. A file in which they
// come and go often has some that have expired.
func Last(data []byte) End { return slices.MaxFunc(ends(data), End.compare) }

func (e End) compare(other End) int { return e.At.Compare(other.At) }

// ends returns the ends of all certificates, of which there is one at least.
func ends(data []byte) (all []End) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			continue
		}
		notice := soon
		if life := c.NotAfter.Sub(c.NotBefore); life <= brief {
			notice = life / 3
		}
		all = append(all, End{c.NotAfter, c.NotAfter.Add(-notice)})
	}
	return all
}

package meanings

import (
	"net/netip"
	"strings"
)

// AddressIn returns the IP address that an issuer names in reason, preferably
// of version 4, as the allow-list knows it, or otherwise the given words.
func AddressIn(reason, otherwise string) string {
	words := strings.FieldsFunc(reason, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) })
	found := otherwise
	for _, word := range words {
		address, err := netip.ParseAddr(word)
		if err != nil {
			address, err = netip.ParseAddr(strings.Trim(word, ".:"))
		}
		if err != nil {
			continue
		}
		if address = address.Unmap(); address.Is4() {
			return address.String()
		}
		found = address.String()
	}
	return found
}

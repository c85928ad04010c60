package meanings

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
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

// WithAddress returns a remedy with an address, or words for one, in the place of "{ip}".
// The spaces around it go where Chinese words meet.
func WithAddress(remedy, address string) string {
	first, _ := utf8.DecodeRuneInString(address)
	last, _ := utf8.DecodeLastRuneInString(address)
	parts := strings.Split(remedy, "{ip}")
	for i := range parts {
		if before, ok := strings.CutSuffix(parts[i], " "); ok && i < len(parts)-1 && unicode.Is(unicode.Han, first) {
			parts[i] = before
		}
		if behind, ok := strings.CutPrefix(parts[i], " "); ok && i > 0 && unicode.Is(unicode.Han, last) {
			parts[i] = behind
		}
	}
	return strings.Join(parts, address)
}

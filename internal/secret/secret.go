package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
)

// Mask stands in the place of a credential: printing a Secret yields nothing else.
const Mask = "[hidden]"

// A Secret is a string that cannot be printed, only revealed: an AppSecret, a
// key, an access token. The string is behind a pointer because fmt prints unexported
// fields without calling their methods. The zero value is an empty Secret. Two
// Secrets are compared with Equal, since == compares their pointers.
type Secret struct{ value *string }

// New returns a Secret that holds value.
func New(value string) Secret { return Secret{&value} }

// Reveal returns the string itself. Every call is a place to review.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether the string is empty.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal reports whether s holds other, in a time that depends on nothing but
// their lengths. An empty Secret equals nothing, not even the empty string, so
// that a key without a value opens no door.
func (s Secret) Equal(other string) bool {
	return !s.Empty() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other)) == 1
}

// Format implements [fmt.Formatter] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Mask) }

// MarshalText implements [encoding.TextMarshaler], so that JSON, TOML and slog do not
// show the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mask), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that a Secret can be
// decoded without ever being a plain string.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// Invisible reports whether r can be in no key and no token: it is a blank, a control
// character or not ASCII.
func Invisible(r rune) bool { return r <= ' ' || r > '~' }

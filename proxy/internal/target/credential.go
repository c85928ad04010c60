package target

import (
	"bytes"
	"net/url"

	"wxproxy/proxy/internal/wire"
)

// Parts yields what may be the names and values of a query, as they stand there,
// also to those who take a ';' for an '&'.
func Parts(query []byte) func(yield func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
		for len(query) > 0 {
			part := query[1:]
			if end := bytes.IndexAny(part, "&;"); end >= 0 {
				part = part[:end]
			}
			query = query[1+len(part):]
			if name, value, _ := bytes.Cut(part, []byte("=")); !yield(name, value) {
				return
			}
		}
	}
}

// IsCredentialName reports whether a parameter's name says that it is a credential.
func IsCredentialName(name []byte) bool {
	if bytes.IndexByte(name, '%') >= 0 {
		plain, err := url.QueryUnescape(string(name))
		if err != nil {
			return true // whatever that is
		}
		name = []byte(plain)
	}
	for i := range name {
		for _, word := range credentialWords {
			if wire.Lower(name[i]) == word[0] && len(name)-i >= len(word) && wire.IsFold(name[i:i+len(word)], word) {
				return true
			}
		}
	}
	return false
}

// credentialWords are parts of the names of credentials.
var credentialWords = [...]string{"secret", "key", "token", "auth", "pass", "pwd", "credential"}

// NamesCredential reports whether a parameter that is not removed has the name of a
// credential.
func NamesCredential(query []byte, removed []string) bool {
	for name := range Parts(query) {
		if IsCredentialName(name) && !IsNamedAny(name, removed) {
			return true
		}
	}
	return false
}

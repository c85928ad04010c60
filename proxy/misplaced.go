package proxy

import (
	"bytes"
	"net/url"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
)

// errMisplacedSecret refuses a request that would show WeChat what is not meant for it.
var errMisplacedSecret = refuse(badRequest, `the query would carry a key, an AppSecret or a token of this proxy's to WeChat; `+
	`send a client's key as "Authorization: Bearer KEY", and leave the rest out: the proxy adds it where WeChat wants it`)

// removed returns the query parameters that requests of this class lose.
func removed(c accountkind.Credential) []string {
	switch c {
	case accountkind.CredentialApp, accountkind.CredentialTicket:
		return accountkind.WeChat.TokenParameters
	case accountkind.CredentialSecret:
		return accountkind.WeChat.SecretParameters
	}
	return accountkind.WeChat.OwnParameters
}

// carriesSecret reports whether a parameter that reaches WeChat is called like a
// credential, and is one. A stranger's is not looked at.
func (p *Proxy) carriesSecret(x *exchange) bool {
	if !x.reading.named || x.route.Credential == credentialLocal {
		return false
	}
	removed := removed(x.route.Credential)
	for name, value := range parts(x.target.Query) {
		if isCredentialName(name) && !target.IsNamedAny(name, removed) && p.holdsSecret(value) {
			return true
		}
	}
	return false
}

// namesCredential reports whether a parameter that is not removed is called like a
// credential.
func namesCredential(query []byte, removed []string) bool {
	for name := range parts(query) {
		if isCredentialName(name) && !target.IsNamedAny(name, removed) {
			return true
		}
	}
	return false
}

// parts yields what may be the names and values of a query, as they stand there,
// also to those who take a ';' for an '&'.
func parts(query []byte) func(yield func(name, value []byte) bool) {
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

// isCredentialName reports whether a parameter's name says that it is a credential.
func isCredentialName(name []byte) bool {
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

// holdsSecret reports whether one of the words of a parameter's value is a secret.
func (p *Proxy) holdsSecret(value []byte) bool {
	if plain, err := url.QueryUnescape(string(value)); err == nil {
		value = []byte(plain)
	}
	for word := range bytes.FieldsSeq(value) {
		if p.hides(word) {
			return true
		}
	}
	return false
}

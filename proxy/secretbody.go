package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// given is what a request to a path of class "secret" has in the places of the appid
// and the AppSecret.
type given struct{ appID, secret givenValue }

// errUnreadableBody refuses a body that WeChat could read differently.
var errUnreadableBody = errors.New("where the AppSecret goes, the body must be a JSON object or a form (application/x-www-form-urlencoded), in UTF-8 and not compressed, " +
	"with appid and secret at its top level, not behind a ';'; multipart/form-data is not read (in PHP, give curl http_build_query($fields) or json_encode($fields))")

// admitByBody decides who calls, for which account, and whether they may, after the
// body is read, and puts the account's credential in the place of what it shows.
func (p *Proxy) admitByBody(x *exchange) error {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return err
	}
	if x.fields.packed && len(body) > 0 {
		return refuse(badRequest, errUnreadableBody.Error())
	}
	rest, err := members.Rewrite(body, x.kind.Table.SecretMembers, func(name, value string) (string, bool) {
		x.addGiven(name, value)
		return "", true
	})
	if err != nil {
		return refuse(badRequest, errUnreadableBody.Error())
	}
	if x.account == nil { // and no virtual token
		if err := p.admitNamed(x); err != nil {
			return err
		}
		if x.account.kind != x.kind {
			return errOtherKind
		}
	} else if err := p.mustAgree(x); err != nil {
		return err
	}
	x.admitted = true
	if err := p.checkRest(x, rest); err != nil {
		return err
	}
	return p.fillIn(x, body)
}

// errOtherKind refuses a body that names an account to whose kind the path does not
// belong.
var errOtherKind = refuse(badRequest, "the body's appid is that of an account of another kind, which has no such API; name the account by the path prefix /@NAME/")

// addGiven takes what is sent under one of the names of SecretMembers.
func (x *exchange) addGiven(name, value string) {
	if name == x.kind.Table.SecretNames.AppID {
		x.given.appID.add(value)
		return
	}
	x.given.secret.add(value)
}

// errStraySecret refuses a body that would show WeChat what is not meant for it.
var errStraySecret = refuse(badRequest, "the body would carry a key, an AppSecret or a token of this proxy's to WeChat; "+
	`send a client's key as "Authorization: Bearer KEY", or as secret at the body's top level, where the proxy replaces it`)

// checkRest refuses a body whose rest, without what is replaced, holds a credential, or
// an appid inside something else where there is none that picks the account. A
// stranger's is not looked at.
func (p *Proxy) checkRest(x *exchange, rest []byte) (err error) {
	own := p.ownKey(x)
	members.EachText(rest, func(text string, isInnerName bool) {
		switch {
		case own != "" && strings.Contains(text, own), p.holdsSecret([]byte(text)):
			err = errStraySecret
		case isInnerName && err == nil && x.given.appID.text == "" && strings.EqualFold(text, x.kind.Table.SecretNames.AppID):
			err = refuse(badRequest, errUnreadableBody.Error())
		}
	})
	return err
}

// ownKey returns the key by which the caller proved itself, empty if it did not.
func (p *Proxy) ownKey(x *exchange) string {
	_, key, _ := bytes.Cut(x.fields.authorization, []byte(" "))
	for _, key := range []string{string(bytes.TrimSpace(key)), strings.TrimSpace(x.given.secret.text)} {
		if _, isKey := p.clients.withKey([]byte(key), &x.key); isKey {
			return key
		}
	}
	return ""
}

// fillIn puts the account's appid and AppSecret in the place of what the body shows.
// It may be the caller's key, which goes no further, also where WeChat wants none.
func (p *Proxy) fillIn(x *exchange, body []byte) error {
	secret := ""
	if x.route.Names.Secret != "" {
		var err error
		if secret, err = x.account.Secret(); err != nil {
			return secretUnreadable(x.account)
		}
	}
	body, err := members.Rewrite(body, x.kind.Table.SecretMembers, func(name, _ string) (string, bool) {
		if name == x.kind.Table.SecretNames.AppID {
			return x.account.AppID, true
		}
		return secret, true
	})
	x.body.Replace(body)
	return err
}

// errMisplacedSecret refuses a request that would show WeChat what is not meant for it.
var errMisplacedSecret = refuse(badRequest, `the query would carry a key, an AppSecret or a token of this proxy's to WeChat; `+
	`send a client's key as "Authorization: Bearer KEY", and leave the rest out: the proxy adds it where WeChat wants it`)

// carriesSecret reports whether a parameter that reaches WeChat is called like a
// credential, and is one. A stranger's is not looked at.
func (p *Proxy) carriesSecret(x *exchange) bool {
	if !x.last.hasCredentialName || x.route.traits.hasNoBody {
		return false
	}
	removed := x.route.class.removes(x.kind.Table)
	for name, value := range target.Parts(x.target.Query) {
		if target.IsCredentialName(name) && !target.IsNamedAny(name, removed) && p.holdsSecret(value) {
			return true
		}
	}
	return false
}

// holdsSecret reports whether one of the words of a parameter's value is a secret.
func (p *Proxy) holdsSecret(value []byte) bool {
	if plain, err := url.QueryUnescape(string(value)); err == nil {
		value = []byte(plain)
	}
	for word := range bytes.FieldsSeq(value) {
		if p.isSecret(word) {
			return true
		}
	}
	return false
}

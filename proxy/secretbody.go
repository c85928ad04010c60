package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// given is what a request to a path of class "secret" holds in the places of the appid and
// the AppSecret.
type given struct{ appID, secret givenValue }

// errUnreadableBody refuses a body that WeChat could read in another way than the proxy.
var errUnreadableBody = errors.New("where the AppSecret goes, the body must be a JSON object or a form (application/x-www-form-urlencoded), in UTF-8 and not compressed, " +
	"with appid and secret at its top level, not behind a ';'; multipart/form-data is not read (in PHP, give curl http_build_query($fields) or json_encode($fields))")

// admitByBody decides by the body who calls, for which account, and whether the caller may
// do so, and puts the account's credential in the place of the caller's.
func (p *Proxy) admitByBody(x *exchange) error {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return err
	}
	if x.fields.packed && len(body) > 0 {
		return refuse(badRequest, errUnreadableBody.Error())
	}
	rest, err := members.Rewrite(body, x.secretMembers(), func(name, value string) (string, bool) {
		x.addGiven(name, value)
		return "", true
	})
	if err != nil {
		return refuse(badRequest, errUnreadableBody.Error())
	}
	if x.account == nil { // there was no virtual token
		if x.client, err = p.client(x); err != nil {
			return err
		}
	}
	if err := p.chooseAccount(x); err != nil {
		return err
	}
	if x.account.kind != x.kind {
		return errOtherKind
	}
	if err := p.permit(x); err != nil {
		return err
	}
	x.admitted = true
	if err := p.checkRest(x, rest); err != nil {
		return err
	}
	return p.fillIn(x, body)
}

// errOtherKind refuses a body that names an account of another kind than the one to which
// the path belongs. Other than in admit it is too late to begin again with that kind: the
// body was read by the rules of the first one.
var errOtherKind = refuse(badRequest, "the body's appid is that of an account of another kind, which has no such API; name the account by the path prefix /@NAME/")

// addGiven adds the value of a parameter or member that is one of SecretMembers.
func (x *exchange) addGiven(name, value string) {
	if name == x.appIDName() {
		x.given.appID.add(value)
		return
	}
	x.given.secret.add(value)
}

// errStraySecret refuses a body that would give WeChat a secret that is not meant for it.
var errStraySecret = refuse(badRequest, "the body would carry a key, an AppSecret or a token of this proxy's to WeChat; "+
	`send a client's key as "Authorization: Bearer KEY", or as secret at the body's top level, where the proxy replaces it`)

// checkRest refuses a body that holds a credential outside the members that are replaced.
// It also refuses one whose only appid is an inner member, since the caller probably meant
// that to choose the account. It runs after the caller is known, so that nobody else can
// find out by it which words are secrets.
func (p *Proxy) checkRest(x *exchange, rest []byte) (err error) {
	own := p.ownKey(x)
	members.EachText(rest, func(text string, isInnerName bool) {
		switch {
		case own != "" && strings.Contains(text, own), p.holdsSecret([]byte(text)):
			err = errStraySecret
		case isInnerName && err == nil && x.given.appID.text == "" && strings.EqualFold(text, x.appIDName()):
			err = refuse(badRequest, errUnreadableBody.Error())
		}
	})
	return err
}

// ownKey returns the key by which the caller proved who it is, or "" without one.
func (p *Proxy) ownKey(x *exchange) string {
	_, key, _ := bytes.Cut(x.fields.authorization, []byte(" "))
	for _, key := range []string{string(bytes.TrimSpace(key)), strings.TrimSpace(x.given.secret.text)} {
		if _, isKey := p.clients.withKey([]byte(key), &x.key); isKey {
			return key
		}
	}
	return ""
}

// readPlatformRequest reads the body of a request that names an account or a code.
func (x *exchange) readPlatformRequest() (ask component.Request, err error) {
	if x.body.Len() > body.MemorySize {
		return ask, refuse(bodyTooLarge, "a body that says which account it is about is at most 64 KiB long")
	}
	ask, isGood, err := x.readPlatformMembers()
	table := &x.kind.Table.Platform.TokenRequest
	switch {
	case err != nil:
		return ask, err
	case string(x.message.Method) != fasthttp.MethodPost:
		return ask, refuseAsWeChat(table.NotPOST, "require POST method")
	case !isGood:
		return ask, refuseAsWeChat(table.BadData, "data format error (wxproxy: the body is no JSON object that can be read in one way only)")
	}
	return ask, x.checkPlatform(&ask)
}

// secretMembers are the members of a body that callers may send in the place of appid and
// AppSecret.
func (x *exchange) secretMembers() []string {
	if x.route.InBody {
		return []string{x.route.Names.AppID, x.route.Names.Secret}
	}
	return x.kind.Table.SecretMembers
}

// appIDName is the one among them that holds the appid.
func (x *exchange) appIDName() string {
	if x.route.InBody {
		return x.route.Names.AppID
	}
	return x.kind.Table.SecretNames.AppID
}

// fillIn puts the account's appid and AppSecret in the place of the body's. A path that
// takes no AppSecret gets an empty one, because the body's may be the caller's key.
func (p *Proxy) fillIn(x *exchange, body []byte) error {
	secret := ""
	if x.route.Names.Secret != "" && !x.account.isAuthorizer() {
		var err error
		if secret, err = x.account.Secret(); err != nil {
			return secretUnreadable(x.account)
		}
	}
	body, err := members.Rewrite(body, x.secretMembers(), func(name, _ string) (string, bool) {
		if name == x.appIDName() {
			return x.account.AppID, true
		}
		return secret, true
	})
	x.body.Replace(body)
	return err
}

// errMisplacedSecret refuses a query that would give WeChat a secret that is not meant for
// it.
var errMisplacedSecret = refuse(badRequest, `the query would carry a key, an AppSecret or a token of this proxy's to WeChat; `+
	`send a client's key as "Authorization: Bearer KEY", and leave the rest out: the proxy adds it where WeChat wants it`)

// carriesSecret reports whether a parameter that reaches WeChat has the name of a
// credential and holds one. It runs after the caller is known, as checkRest does.
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

package proxy

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/target"
)

// answerSignature answers what the page that x names gives to wx.config.
func (p *Proxy) answerSignature(x *exchange) error {
	page, err := signedPage(x.target.Query)
	if err != nil {
		return err
	}
	ticket, err := x.account.Ticket("jsapi", p.config.TokenWait)
	if err != nil {
		return asRefused(err)
	}
	body, err := json.Marshal(sign(x.account.AppID, ticket, page, time.Now()))
	if err != nil {
		return err
	}
	x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	x.answerJSON(body)
	return nil
}

// Reasons to sign nothing: of an address that was not, or not as a whole,
// percent-encoded another one would be signed, and the page would only learn that
// its signature is invalid.
var (
	errForeignParameter = refuse(badRequest, "only url, and from_appid to name an account, can stand in the query: percent-encode the whole url parameter, its '&' as %26, as encodeURIComponent does")
	errHalfEncoded      = refuse(badRequest, "url holds escapes although its own ':', '/', '?' or '=' are not: percent-encode the whole url parameter, its '%' as %25, as encodeURIComponent does")
	errNoPage           = refuse(badRequest, "url must be the page's own, as location.href has it, percent-encoded, as in ?url=https%3A%2F%2Fshop.example%2F")
	errNotAsBrowsers    = refuse(badRequest, "url decodes to a blank, a control character or one beyond ASCII, which no page's location.href has: percent-encode the whole url parameter, its '%' as %25 and its '+' as %2B, as encodeURIComponent does")
	errHTML             = refuse(badRequest, "url holds \"&amp;\", as HTML writes an \"&\": send the page's own, as location.href has it, percent-encoded")
)

// signedPage returns the address of the page that query asks to sign, without its
// fragment, which is not signed.
func signedPage(query []byte) (string, error) {
	var raw []byte
	found := false
	for len(query) > 0 {
		var segment []byte
		segment, query = target.CutSegment(query)
		switch isPage := target.IsNamed(segment, "url"); {
		case isPage && found, !isPage && !target.IsNamedAny(segment, accountkind.WeChat.TokenParameters), bytes.IndexByte(raw, '?') >= 0:
			return "", errForeignParameter // or what stands behind it is the page's own
		case isPage:
			_, raw, _ = bytes.Cut(segment, []byte("="))
			found = true
		}
	}
	if !isEncodedWhole(raw) {
		return "", errHalfEncoded
	}
	page, err := url.QueryUnescape(string(raw))
	if err != nil {
		return "", errNoPage
	}
	return asBrowsersHaveIt(page)
}

// isEncodedWhole reports whether what an address holds that has to be encoded is
// encoded as a whole, or nothing is: of an address as it is, its own escapes would
// be undone.
func isEncodedWhole(raw []byte) bool {
	return bytes.IndexByte(raw, '%') < 0 || !bytes.Contains(raw, []byte("://")) && !bytes.ContainsAny(raw, "?=")
}

// asBrowsersHaveIt returns the address of a page without its fragment, unless no
// browser knows a page by it.
func asBrowsersHaveIt(page string) (string, error) {
	if strings.ContainsFunc(page, secret.Invisible) {
		return "", errNotAsBrowsers
	}
	lower := strings.ToLower(page)
	for _, entity := range []string{"&amp;", "&#38;", "&#x26;", "&#038;"} {
		if strings.Contains(lower, entity) {
			return "", errHTML
		}
	}
	page, _, _ = strings.Cut(page, "#")
	_, rest, hasScheme := strings.Cut(page, "://")
	isWeb := strings.HasPrefix(page, "http://") || strings.HasPrefix(page, "https://")
	if !isWeb || !hasScheme || rest == "" || strings.IndexByte("/?@:", rest[0]) >= 0 {
		return "", errNoPage
	}
	return page, nil
}

// A jsapiSignature is what a page gives to wx.config, in its words.
type jsapiSignature struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	NonceStr  string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// sign signs page as WeChat says:
// https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html
func sign(appID, ticket, page string, now time.Time) jsapiSignature {
	s := jsapiSignature{AppID: appID, Timestamp: now.Unix(), NonceStr: rand.Text()}
	s.Signature = signature(ticket, s.NonceStr, s.Timestamp, page)
	return s
}

func signature(ticket, nonce string, timestamp int64, page string) string {
	signed := fmt.Sprintf("jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket, nonce, timestamp, page)
	sum := sha1.Sum([]byte(signed))
	return hex.EncodeToString(sum[:])
}

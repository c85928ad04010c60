// Package jsapi signs pages for wx.config as WeChat says:
// https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/JS-SDK.html
package jsapi

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// Reasons to sign nothing: of an address that was not, or not as a whole,
// percent-encoded another one would be signed, and the page would only learn that
// its signature is invalid.
var (
	errForeignParameter = errors.New("only url, and from_appid to name an account, can stand in the query: percent-encode the whole url parameter, its '&' as %26, as encodeURIComponent does")
	errHalfEncoded      = errors.New("url is not encoded as a whole, its own \"://\", '?', '=' or '#' stand in it as they are: percent-encode the whole url parameter, its '%' as %25, as encodeURIComponent does")
	errType             = errors.New("type is either left out, for wx.config, or agent_config, for wx.agentConfig")
	errNoAgent          = errors.New("type=agent_config takes an account with an agent_id; add it to the [[account]]")
	errNoPage           = errors.New("url must be the page's own, as location.href has it, percent-encoded, as in ?url=https%3A%2F%2Fshop.example%2F")
	errNotAsBrowsers    = errors.New("url decodes to a blank, a control character or one beyond ASCII, which no page's location.href has: percent-encode the whole url parameter, its '%' as %25 and its '+' as %2B, as encodeURIComponent does")
	errHTML             = errors.New("url holds \"&amp;\", as HTML writes an \"&\": send the page's own, as location.href has it, percent-encoded")
)

// Page returns the address of the page that query asks to sign, without its fragment,
// which is not signed. Parameters called by a name in others may stand beside it.
func Page(query []byte, others []string) (string, error) {
	var raw []byte
	found := false
	for len(query) > 0 {
		var segment []byte
		segment, query = target.CutSegment(query)
		switch isPage := target.IsNamed(segment, "url"); {
		case isPage && found, !isPage && !target.IsNamedAny(segment, others), bytes.IndexByte(raw, '?') >= 0:
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

// isEncodedWhole reports whether an address is encoded as a whole. Axios leaves ':' as it
// is, and Python's quote '/', but no encoder leaves both. An address as it is would be
// signed rightly only until it has an '&' or an escape of its own.
func isEncodedWhole(raw []byte) bool {
	return !bytes.Contains(raw, []byte("://")) && !bytes.ContainsAny(raw, "?=#")
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

// A Signer says what pages can be signed with for an account.
type Signer struct {
	AppID       string
	PageTicket  string // the type of the ticket for wx.config
	AgentTicket string // that for wx.agentConfig; empty: there is none
	Agent       any    // the agentid for it; nil: the account has none
}

// A Question is what a program asks to have signed.
type Question struct {
	Ticket string // the type of the ticket
	page   string
	signer *Signer
}

// Read returns what a query asks for. Parameters called by a name in others may stand beside
// url and, where there is a ticket for wx.agentConfig, type.
func (s *Signer) Read(query []byte, others []string) (q Question, err error) {
	q = Question{Ticket: s.PageTicket, signer: s}
	if s.AgentTicket != "" {
		var kind members.Value
		given := false
		target.EachNamed(query, []string{"type"}, func(_, value string) {
			kind.Add(value)
			given = true
		})
		switch {
		case given && (kind.Text != s.AgentTicket || kind.Conflicts):
			return q, errType
		case given && s.Agent == nil:
			return q, errNoAgent
		case given:
			q.Ticket = s.AgentTicket
		}
		others = append([]string{"type"}, others...)
	}
	q.page, err = Page(query, others)
	return q, err
}

// A Signature is what a page gives to wx.config, in its words.
type Signature struct {
	AppID     string `json:"appId"`
	Timestamp int64  `json:"timestamp"`
	NonceStr  string `json:"nonceStr"`
	Signature string `json:"signature"`
}

// An AgentSignature is what a page gives to wx.agentConfig, in its words.
type AgentSignature struct {
	Signature
	CorpID  string `json:"corpid"`
	AgentID any    `json:"agentid"`
}

// Sign signs the page: the result is a Signature or an AgentSignature.
func (q *Question) Sign(ticket string, now time.Time) any {
	s := Sign(q.signer.AppID, ticket, q.page, now)
	if q.Ticket == q.signer.PageTicket {
		return s
	}
	return AgentSignature{s, q.signer.AppID, q.signer.Agent}
}

// Sign signs page.
func Sign(appID, ticket, page string, now time.Time) Signature {
	s := Signature{AppID: appID, Timestamp: now.Unix(), NonceStr: rand.Text()}
	s.Signature = signature(ticket, s.NonceStr, s.Timestamp, page)
	return s
}

func signature(ticket, nonce string, timestamp int64, page string) string {
	signed := fmt.Sprintf("jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket, nonce, timestamp, page)
	sum := sha1.Sum([]byte(signed))
	return hex.EncodeToString(sum[:])
}

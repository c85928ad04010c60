// Package component has what programs read and write that manage a third-party
// platform's tokens themselves: WeChat's answers with the proxy's tokens in the place of
// WeChat's, and the address of the page where an authorization begins.
package component

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// RefreshToken is what programs get in the place of every refresh token.
const RefreshToken = "refreshtoken@@@wxproxy"

// Token returns the answer to a request for the platform's token.
func Token(token string, life time.Duration) ([]byte, error) {
	return json.Marshal(struct {
		Token     string `json:"component_access_token"`
		ExpiresIn int64  `json:"expires_in"`
	}{token, int64(life / time.Second)})
}

// AuthorizerToken returns the answer to a request for an account's token.
func AuthorizerToken(token string, life time.Duration) ([]byte, error) {
	return json.Marshal(struct {
		Token     string `json:"authorizer_access_token"`
		ExpiresIn int64  `json:"expires_in"`
		Refresh   string `json:"authorizer_refresh_token"`
	}{token, int64(life / time.Second), RefreshToken})
}

// Redeemed returns the answer to a program that shows an authorization code.
func Redeemed(appID, token string, life time.Duration, funcInfo json.RawMessage) ([]byte, error) {
	if len(funcInfo) == 0 {
		funcInfo = json.RawMessage("[]")
	}
	type info struct {
		AppID     string          `json:"authorizer_appid"`
		Token     string          `json:"authorizer_access_token"`
		ExpiresIn int64           `json:"expires_in"`
		Refresh   string          `json:"authorizer_refresh_token"`
		FuncInfo  json.RawMessage `json:"func_info"`
	}
	return json.Marshal(struct {
		Info info `json:"authorization_info"`
	}{info{appID, token, int64(life / time.Second), RefreshToken, funcInfo}})
}

// A matcher finds tokens in an answer.
type matcher struct {
	named   *regexp.Regexp // by the name of a member, which has a value
	nested  *regexp.Regexp // the same in JSON that is itself a string of JSON
	looking *regexp.Regexp // what looks like a refresh token, wherever it stands
}

// The matchers of answers without a backslash, which nearly all are, and of the others.
var (
	plain   = newMatcher(func(name string) string { return name })
	escaped = newMatcher(spelled)
)

// newMatcher returns a matcher of names that are written so.
func newMatcher(spell func(string) string) matcher {
	name := "(?:" + spell("authorizer_") + ")?(?:(" + spell("refresh") + ")|" + spell("access") + ")" + spell("_token")
	return matcher{
		named:   regexp.MustCompile(`(?i)("` + name + `"\s*:\s*)"(?:[^"\\]|\\.)+"`),
		nested:  regexp.MustCompile(`(?i)(\\+"` + name + `\\+"\s*:\s*\\+")(?:[^"\\]|\\[^"\\])+`),
		looking: regexp.MustCompile(`(?i)` + spell("refreshtoken") + `(?:@|\\u0040|%40){3}(?:[^"'\s,<>&{}\[\]\\]|\\u[0-9a-f]{4}|\\/)*`),
	}
}

// spelled returns what matches a name, letters of which may be written as JSON's escapes.
func spelled(name string) string {
	var pattern strings.Builder
	for _, c := range name {
		fmt.Fprintf(&pattern, `(?:%c|\\u00%02x|\\u00%02x)`, c, c, unicode.ToUpper(c))
	}
	return pattern.String()
}

// Mask returns an answer of WeChat's with the placeholder in the place of every refresh
// token, and mask in that of every account's token. It makes no difference whether the
// answer is valid JSON.
func Mask(answer []byte, mask string) []byte {
	m := plain
	if bytes.IndexByte(answer, '\\') >= 0 {
		m = escaped
		answer = replaceValues(m.nested, answer, mask, "")
	} else if !mentionsToken(answer) {
		return answer // the usual case, without an allocation
	}
	answer = replaceValues(m.named, answer, mask, `"`)
	return m.looking.ReplaceAll(answer, []byte(RefreshToken))
}

// mentionsToken reports whether an answer without a backslash may hold a token: all names
// of members that do, and refresh tokens themselves, have this word.
func mentionsToken(answer []byte) bool {
	const word = "token"
	for i := range max(len(answer)-len(word)+1, 0) {
		if answer[i]|0x20 == word[0] && bytes.EqualFold(answer[i:i+len(word)], []byte(word)) {
			return true
		}
	}
	return false
}

// replaceValues replaces what stands behind the first group of a pattern, whose second one
// tells a refresh token.
func replaceValues(pattern *regexp.Regexp, answer []byte, mask, quote string) []byte {
	return pattern.ReplaceAllFunc(answer, func(member []byte) []byte {
		parts := pattern.FindSubmatch(member)
		value := mask
		if len(parts[2]) > 0 {
			value = RefreshToken
		}
		return []byte(string(parts[1]) + quote + value + quote)
	})
}

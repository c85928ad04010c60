// Package component has what programs read and write that manage a third-party
// platform's tokens themselves: WeChat's answers with the proxy's tokens in the place of
// WeChat's, and the address of the page where an authorization begins.
package component

import (
	"encoding/json"
	"regexp"
	"time"
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

var (
	// named matches a token in an answer by the name of its member, which has a value.
	named = regexp.MustCompile(`(?i)("(?:authorizer_)?(refresh|access)(?:_|\\u005f)token"\s*:\s*)"(?:[^"\\]|\\.)+"`)

	// looking matches what looks like a refresh token, wherever it stands.
	looking = regexp.MustCompile(`(?i)refreshtoken(?:@|\\u0040|%40){3}[^"'\s,<>&{}\[\]]*`)
)

// Mask returns an answer of WeChat's with the placeholder in the place of every refresh
// token, and mask in that of every account's token. It makes no difference whether the
// answer is valid JSON.
func Mask(answer []byte, mask string) []byte {
	answer = named.ReplaceAllFunc(answer, func(member []byte) []byte {
		parts := named.FindSubmatch(member)
		value := mask
		if parts[2][0] == 'r' || parts[2][0] == 'R' {
			value = RefreshToken
		}
		return append(append(append(append([]byte{}, parts[1]...), '"'), value...), '"')
	})
	return looking.ReplaceAll(answer, []byte(RefreshToken))
}

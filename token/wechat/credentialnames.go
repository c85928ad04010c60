package wechat

import (
	"slices"
	"strings"
)

// isPlainName reports whether a name is one that may be shown.
func isPlainName(name string) bool {
	return name != "" && len(name) < 40 && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_.-[]") == ""
}

// What the names of credentials have in them, end with and are, in small letters alone; and
// those that end like one and are none.
const (
	inCredentials = "token secret ticket passw signature encrypteddata"
	endCredential = "key keys code codes"
	areCredential = "iv sig sign pwd paysign"
	noCredential  = "errcode errorcode suberrcode retcode returncode resultcode statuscode countrycode areacode zipcode postcode"
)

// isCredential reports whether name, however it is spelled, is that of something secret, those
// included that callers of the proxy get in their answers, such as a user's session_key.
func isCredential(name string) bool {
	if !isPlainName(name) {
		return false
	}
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "", "[", "", "]", "").Replace(name))
	has := func(words string, matches func(name, word string) bool) bool {
		return slices.ContainsFunc(strings.Fields(words), func(word string) bool { return matches(name, word) })
	}
	same := func(name, word string) bool { return name == word }
	return !has(noCredential, same) && (has(inCredentials, strings.Contains) || has(endCredential, strings.HasSuffix) || has(areCredential, same))
}

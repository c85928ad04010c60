package words

import (
	"encoding/hex"
	"strings"
)

// wecomSecret is how long WeCom's secrets are.
const wecomSecret = 43

// CorpProblem says what is wrong with the id of a corp at WeCom, "" if nothing is.
func CorpProblem(id string) string {
	switch {
	case id == "":
		return `missing; write the corp id that WeCom's console shows for the corp, as "ww0123456789abcdef"`
	case len(id) == wecomSecret:
		return "looks like an application's secret; are the two swapped?"
	case !IsName(id):
		return "must be 1 to 64 letters, digits, '-' or '_'"
	case strings.Trim(id, "0123456789") == "":
		return "looks like an agent_id; are the two swapped?"
	case IsPlaceholder(strings.TrimPrefix(id, "ww")):
		return "is a placeholder; write the corp id that WeCom's console shows for the corp"
	}
	return ""
}

// AgentProblem says what is wrong with the id of an application at WeCom, "" if nothing is.
func AgentProblem(id string) string {
	const longest = 18 // of a number that fits anywhere
	switch {
	case IsCorpID(id):
		return "looks like a corp_id; are the two swapped?"
	case id == "" || len(id) > longest || strings.Trim(id, "0123456789") != "" || id[0] == '0':
		return "must be what WeCom's pages call AgentId, as 1000002; leave it out for applications that have none"
	}
	return ""
}

// IsCorpID reports whether id looks like that of a corp at WeCom, and like no AppID.
func IsCorpID(id string) bool {
	rest, isCorp := strings.CutPrefix(id, "ww")
	_, err := hex.DecodeString(rest)
	return isCorp && len(rest) == 16 && err == nil
}

// LooksLikeSecret reports whether a name looks like an AppSecret of WeChat's, or like a secret
// of WeCom's: letters of both kinds and digits, which no name has at that length.
func LooksLikeSecret(name string) bool {
	_, err := hex.DecodeString(name)
	return len(name) == 32 && err == nil ||
		len(name) == wecomSecret && strings.ContainsAny(name, "0123456789") && strings.ToLower(name) != name && strings.ToUpper(name) != name
}

// WeComSecretDoubt says why a text is probably no secret of WeCom's, "" if it may be one. It
// says nothing of the text itself.
func WeComSecretDoubt(text string) string {
	const where = "WeCom's console shows one of 43 characters on the application's page"
	_, err := hex.DecodeString(text)
	switch {
	case text == "" || len(text) == wecomSecret:
		return ""
	case IsCommon(text):
		return "is a word that stands in examples; " + where
	case len(text) == 32 && err == nil:
		return "looks like an AppSecret of WeChat's; " + where
	}
	return "is not as long as WeCom's secrets: " + where + "; copy it again, unless it is the permanent_code of a service provider's application"
}

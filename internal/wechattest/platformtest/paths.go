package platformtest

import "strings"

// A kind is which credential a path takes.
type kind int

const (
	authorizers    kind = iota // an account's token, which every path takes that is not in the table
	bySecret                   // the platform's secret, in the body
	components                 // the platform's token, under either name
	componentsOnly             // the same, as component_access_token alone
	eithers                    // one or the other
	users                      // the token of a user
)

// kinds are the paths that take something else than an account's token. A path may end in
// '*'; the longest that fits counts.
var kinds = map[string]kind{
	"/cgi-bin/component/api_component_token":   bySecret,
	"/cgi-bin/component/api_start_push_ticket": bySecret,
	"/cgi-bin/component/clear_quota/v2":        bySecret,

	"/sns/component/*":        componentsOnly,
	"/sns/oauth2/component/*": componentsOnly,
	"/cgi-bin/component/*":    components,

	"/cgi-bin/component/setprivacysetting":     authorizers,
	"/cgi-bin/component/getprivacysetting":     authorizers,
	"/cgi-bin/component/uploadprivacyextfile":  authorizers,
	"/cgi-bin/component/get_authorizer_option": authorizers,
	"/cgi-bin/component/set_authorizer_option": authorizers,

	"/wxa/gettemplatedraftlist":                         components,
	"/wxa/addtotemplate":                                components,
	"/wxa/gettemplatelist":                              components,
	"/wxa/deletetemplate":                               components,
	"/wxa/component/fastregisterbetaweapp":              components,
	"/wxa/component/fastregisterpersonalweapp":          components,
	"/componenttcb/*":                                   components,
	"/tcb/modifyenv":                                    components,
	"/tcb/invokecloudfunction":                          components,
	"/tcb/usecloudaccesstoken":                          components,
	"/wedata/wedata_get_login_config":                   components,
	"/wedata/wedata_set_login_config":                   components,
	"/wxa/security/applysetorderpathinfo":               components,
	"/wxa/servicemarket/service/get_service_buyer_list": components,
	"/wxa/servicemarket/service/get_service_buyer":      components,
	"/wxa/servicemarket/service/login_auth":             components,
	"/wxa/servicemarket/get_paid_order_list":            components,

	"/cgi-bin/clear_quota":       eithers,
	"/cgi-bin/openapi/quota/get": eithers,
	"/cgi-bin/openapi/rid/get":   eithers,
	"/cgi-bin/getcallbackip":     eithers,
	"/cgi-bin/get_api_domain_ip": eithers,
	"/cgi-bin/callback/check":    eithers,

	"/sns/userinfo":             users,
	"/sns/auth":                 users,
	"/sns/jscode2session":       users,
	"/sns/oauth2/access_token":  users,
	"/sns/oauth2/refresh_token": users,
}

// kindOf returns which credential path takes.
func kindOf(path string) kind {
	if k, ok := kinds[path]; ok {
		return k
	}
	best, found := "", authorizers
	for pattern, k := range kinds {
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		if isPrefix && strings.HasPrefix(path, prefix) && len(prefix) > len(best) {
			best, found = prefix, k
		}
	}
	return found
}

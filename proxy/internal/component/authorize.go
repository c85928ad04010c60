package component

import (
	"bytes"
	"errors"
	"net/url"
	"strings"

	"wxproxy/proxy/internal/target"
)

// Reasons to refuse a question for the address of the page where an authorization begins.
var (
	errParameter = errors.New("the parameters are redirect_uri, platform, auth_type, biz_appid and device, each at most once; a redirect_uri with a query must be percent-encoded as a whole")
	errRedirect  = errors.New("redirect_uri is missing: where WeChat sends the merchant's browser, with auth_code")
	errAuthType  = errors.New("auth_type must be one of WeChat's numbers: 1 official accounts, 2 mini programs, 3 both, and further ones")
	errDevice    = errors.New("device must be pc or mobile")
)

// A Question is what a program says of the authorization that is to begin.
type Question struct {
	Platform string // its name; empty: none was given
	redirect string
	authType string
	bizAppID string
	device   string
}

// ReadQuestion reads a query. Parameters with a name in ignored are passed over.
func ReadQuestion(query []byte, ignored []string) (q Question, err error) {
	places := map[string]*string{
		"redirect_uri": &q.redirect, "platform": &q.Platform, "auth_type": &q.authType, "biz_appid": &q.bizAppID, "device": &q.device,
	}
	for len(query) > 1 {
		var segment []byte
		segment, query = target.CutSegment(query)
		if len(segment) == 0 || target.IsNamedAny(segment, ignored) {
			continue
		}
		name, raw, _ := bytes.Cut(segment, []byte("="))
		value, err := url.QueryUnescape(string(raw))
		place := places[string(name)]
		if place == nil || err != nil {
			return q, errParameter
		}
		*place = value
		delete(places, string(name))
	}
	return q, q.check()
}

func (q *Question) check() error {
	switch {
	case q.redirect == "":
		return errRedirect
	case len(q.authType) > 2 || strings.Trim(q.authType, "0123456789") != "" || q.authType != "" && q.authType[0] == '0':
		return errAuthType
	case q.device != "" && q.device != "pc" && q.device != "mobile":
		return errDevice
	}
	return nil
}

// URL returns the address of the page, for a platform and its pre_auth_code.
func (q *Question) URL(appID, code string) string {
	page, fragment := "https://mp.weixin.qq.com/cgi-bin/componentloginpage?", ""
	if q.device == "mobile" {
		page, fragment = "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&", "#wechat_redirect"
	}
	address := page + "component_appid=" + url.QueryEscape(appID) + "&pre_auth_code=" + url.QueryEscape(code) + "&redirect_uri=" + url.QueryEscape(q.redirect)
	switch {
	case q.authType != "":
		address += "&auth_type=" + q.authType
	case q.bizAppID == "": // which says what kind of account it is, too
		address += "&auth_type=3"
	}
	if q.bizAppID != "" {
		address += "&biz_appid=" + url.QueryEscape(q.bizAppID)
	}
	return address + fragment
}

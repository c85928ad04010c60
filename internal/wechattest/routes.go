package wechattest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// A payload is what an API wants in the body of a request.
type payload int

const (
	anything payload = iota // with any method
	postJSON
	postFile
)

// A route is what WeChat knows about a path.
type route struct {
	serve   func(*WeChat, *call) answer
	open    bool // needs no token of an app
	payload payload
	plain   bool // its JSON is labelled text/plain
}

// routes are the APIs, by path.
var routes = map[string]route{
	"/cgi-bin/token":          {serve: (*WeChat).classicToken, open: true},
	"/cgi-bin/stable_token":   {serve: (*WeChat).stableToken, open: true, payload: postJSON},
	"/cgi-bin/clear_quota":    {serve: (*WeChat).clearQuota, payload: postJSON},
	"/cgi-bin/clear_quota/v2": {serve: (*WeChat).clearQuotaBySecret, open: true},

	"/cgi-bin/message/custom/send":    {serve: (*WeChat).send, payload: postJSON},
	"/cgi-bin/message/template/send":  {serve: (*WeChat).sendTemplate, payload: postJSON},
	"/cgi-bin/message/subscribe/send": {serve: (*WeChat).sendTemplate, payload: postJSON},

	"/cgi-bin/user/info":         {serve: (*WeChat).userInfo},
	"/cgi-bin/user/get":          {serve: (*WeChat).userGet},
	"/cgi-bin/menu/create":       {serve: (*WeChat).menuCreate, payload: postJSON},
	"/cgi-bin/menu/get":          {serve: (*WeChat).menuGet},
	"/cgi-bin/qrcode/create":     {serve: (*WeChat).qrCreate, payload: postJSON},
	"/cgi-bin/getcallbackip":     {serve: (*WeChat).addresses},
	"/cgi-bin/get_api_domain_ip": {serve: (*WeChat).addresses},
	"/cgi-bin/callback/check":    {serve: (*WeChat).callbackCheck, payload: postJSON},
	"/cgi-bin/ticket/getticket":  {serve: (*WeChat).getTicket},
	"/cgi-bin/openapi/rid/get":   {serve: (*WeChat).ridGet, payload: postJSON},

	"/cgi-bin/express/business/order/batchget": {serve: (*WeChat).orders, payload: postJSON},

	"/cgi-bin/media/upload":     {serve: (*WeChat).mediaUpload, payload: postFile},
	"/cgi-bin/media/get":        {serve: (*WeChat).mediaGet, plain: true},
	"/wxa/getwxacodeunlimit":    {serve: (*WeChat).codeUnlimit, payload: postJSON},
	"/sns/jscode2session":       {serve: (*WeChat).codeToSession, open: true, plain: true},
	"/sns/oauth2/access_token":  {serve: (*WeChat).userToken, open: true, plain: true},
	"/sns/oauth2/refresh_token": {serve: (*WeChat).refreshUserToken, open: true, plain: true},
	"/sns/userinfo":             {serve: (*WeChat).snsUserInfo, open: true, plain: true},
	"/sns/auth":                 {serve: (*WeChat).snsAuth, open: true, plain: true},
}

// dispatch executes what c asks for. WeChat looks at the token before anything
// else, so that a request with a refused token has no effect.
func (w *WeChat) dispatch(c *call) answer {
	r, ok := routes[c.path]
	c.plain = r.plain
	c.params, _ = url.ParseQuery(c.query) // parameters that cannot be decoded are left out
	if a, answered := w.extended(c); answered {
		return a
	}
	if !ok {
		return w.refuse(c, unknownPath(c.path))
	}
	if !r.open && c.app == nil {
		if errcode := w.authorize(c); errcode != 0 {
			return w.refuse(c, errcode)
		}
	}
	if errcode := r.payload.problem(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return r.serve(w, c)
}

// unknownPath returns the error of a path that is not in routes. Those of
// third-party platforms need a credential that no App has.
func unknownPath(path string) (errcode int) {
	for _, prefix := range []string{"/cgi-bin/component/", "/sns/component/", "/sns/oauth2/component/"} {
		if strings.HasPrefix(path, prefix) {
			return 40094
		}
	}
	return 40066
}

// problem returns what is wrong with the method or the body of c; 0 is nothing.
func (p payload) problem(c *call) (errcode int) {
	switch {
	case p == anything:
		return 0
	case c.Method != http.MethodPost:
		return 43002
	case len(c.Body) == 0:
		return 44002
	case p == postJSON && !json.Valid(c.Body):
		return 47001
	}
	return 0
}

// decode reads the JSON body of c into v and reports whether it fits.
func (c *call) decode(v any) bool {
	return json.Unmarshal(c.Body, v) == nil
}

package platformtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"wxproxy/internal/wechattest"
)

// A call is a request while a platform works on it.
type call struct {
	wechattest.Call
	body members // of the JSON in the body
}

// members are those of the JSON in a body.
type members struct {
	ComponentAppID    string  `json:"component_appid"`
	Secret            string  `json:"component_appsecret"`
	StartSecret       string  `json:"component_secret"`
	QuotaSecret       string  `json:"appsecret"`
	Ticket            *string `json:"component_verify_ticket"`
	AuthorizationCode string  `json:"authorization_code"`
	AuthorizerAppID   string  `json:"authorizer_appid"`
	RefreshToken      string  `json:"authorizer_refresh_token"`
	Offset            int     `json:"offset"`
	Count             int     `json:"count"`
	OptionName        string  `json:"option_name"`
	OptionValue       string  `json:"option_value"`
}

// Serve implements [wechattest.Extension].
func (s *platforms) Serve(asked wechattest.Call) wechattest.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{Call: asked}
	switch k := kindOf(c.Path); k {
	case users:
		return wechattest.Result{}
	case bySecret:
		return s.serveSecret(c)
	case components, componentsOnly:
		return s.serveComponent(c, k)
	default:
		return s.serveAuthorizer(c, k)
	}
}

// serveSecret serves a path that takes the platform's secret.
func (s *platforms) serveSecret(c *call) wechattest.Result {
	if errcode := c.read(); errcode != 0 {
		return refused("", errcode)
	}
	p, errcode := s.named(c.body.ComponentAppID)
	if errcode != 0 {
		return refused("", errcode)
	}
	switch c.Path {
	case "/cgi-bin/component/api_component_token":
		return p.componentToken(c)
	case "/cgi-bin/component/api_start_push_ticket":
		return p.startPushTicket(c)
	default:
		return p.clearQuota(c)
	}
}

// serveComponent serves a path that takes the platform's token.
func (s *platforms) serveComponent(c *call, k kind) wechattest.Result {
	value := c.Query.Get("component_access_token")
	missing := 41021
	if k == components {
		missing = 41001
		if value == "" {
			value = c.Query.Get("access_token")
		}
	}
	if value == "" {
		return refused("", missing)
	}
	t, ok := s.tokens[value]
	if !ok {
		return refused("", 40014)
	}
	if errcode := t.admit(c); errcode != 0 {
		return refused(t.owner, errcode)
	}
	if !t.isComponents() {
		if k == componentsOnly {
			return refused(t.owner, 48001)
		}
		return refused(t.owner, 61014)
	}
	return t.platform.serve(c)
}

// serveAuthorizer serves a path that takes an account's token. Tokens that no platform has
// issued are those of apps, which are WeChat's own affair.
func (s *platforms) serveAuthorizer(c *call, k kind) wechattest.Result {
	t, ok := s.tokens[c.Query.Get("access_token")]
	if !ok {
		return wechattest.Result{}
	}
	if errcode := t.admit(c); errcode != 0 {
		return refused(t.owner, errcode)
	}
	if t.isComponents() && k != eithers {
		return refused(t.owner, 61015)
	}
	if strings.HasPrefix(c.Path, "/cgi-bin/component/") {
		return t.platform.serveOption(c, t.owner)
	}
	result := wechattest.Result{Owner: t.owner}
	if url := t.platform.settings.EventURL; url != "" && t.isComponents() {
		result.Pushed = t.platform.settings.callback(url)
	}
	return result
}

// admit returns why c may not use t; 0: it may.
func (t *accessToken) admit(c *call) (errcode int) {
	if errcode := t.platform.admit(c); errcode != 0 {
		return errcode
	}
	return t.problem(c.Now)
}

// admit returns why c may not come from where it does; 0: it may.
func (p *Platform) admit(c *call) (errcode int) {
	if allowed := p.settings.AllowIPs; len(allowed) > 0 && !slices.Contains(allowed, c.From) {
		return 61004
	}
	return 0
}

// named returns the platform with this appid.
func (s *platforms) named(appID string) (p *Platform, errcode int) {
	if appID == "" {
		return nil, 41018
	}
	if p = s.byID[appID]; p == nil {
		return nil, 61011
	}
	return p, 0
}

// read reads the body of c.
func (c *call) read() (errcode int) {
	switch {
	case c.Method != http.MethodPost:
		return 43002
	case len(c.Body) == 0:
		return 44002
	case json.Unmarshal(c.Body, &c.body) != nil:
		return 47001
	}
	return 0
}

func refused(owner string, errcode int) wechattest.Result {
	return wechattest.Result{Owner: owner, Errcode: errcode}
}

// answered returns the answer v.
func (p *Platform) answered(v any) wechattest.Result {
	return wechattest.Result{Owner: p.settings.AppID, Answer: v}
}

// An outcome has the members that nearly every answer of WeChat begins with.
type outcome struct {
	Errcode int    `json:"errcode"`
	Errmsg  string `json:"errmsg"`
}

func done() outcome { return outcome{0, "ok"} }

package platformtest

import (
	"net/http"
	"strings"
	"time"

	"wxproxy/internal/wechattest"
)

// serve serves c, which has shown the platform's token.
func (p *Platform) serve(c *call) wechattest.Result {
	if strings.HasPrefix(c.Path, "/sns/") {
		return p.serveSNS(c)
	}
	serve, ok := map[string]func(*call) wechattest.Result{
		"api_create_preauthcode":  p.createPreAuthCode,
		"api_query_auth":          p.queryAuth,
		"api_authorizer_token":    p.authorizerToken,
		"api_get_authorizer_info": p.authorizerInfo,
		"api_get_authorizer_list": p.authorizerList,
	}[strings.TrimPrefix(c.Path, "/cgi-bin/component/")]
	if !ok {
		// What the others do is of no interest, but that they are done once.
		result := p.answered(done())
		result.Effect = c.Method == http.MethodPost
		return result
	}
	if errcode := c.read(); errcode != 0 {
		return refused(p.settings.AppID, errcode)
	}
	switch c.body.ComponentAppID {
	case "":
		return refused(p.settings.AppID, 41018)
	case p.settings.AppID:
		return serve(c)
	default:
		return refused(p.settings.AppID, 61011)
	}
}

// componentToken answers api_component_token: each call issues a new token.
func (p *Platform) componentToken(c *call) wechattest.Result {
	errcode := p.secretProblem(c, c.body.Secret)
	if errcode == 0 {
		errcode = p.ticketProblem(c)
	}
	if errcode != 0 {
		p.counts.RefusedComponentTokens++
		return refused(p.settings.AppID, errcode)
	}
	p.counts.ComponentTokens++
	t := p.issue(&p.token, p.settings.AppID, c.Now)
	return p.answered(struct {
		Token     string `json:"component_access_token"`
		ExpiresIn int    `json:"expires_in"`
	}{t.value, seconds(p.settings.Life)})
}

// secretProblem returns what is wrong with the address or the secret of c.
func (p *Platform) secretProblem(c *call, secret string) (errcode int) {
	switch {
	case p.admit(c) != 0:
		return p.admit(c)
	case secret == "":
		return 41004
	case secret != p.settings.Secret:
		return 40125
	}
	return 0
}

// ticketProblem returns what is wrong with the ticket of c.
func (p *Platform) ticketProblem(c *call) (errcode int) {
	if c.body.Ticket == nil {
		return 61006
	}
	since, known := p.tickets[*c.body.Ticket]
	switch {
	case !known:
		return 61006
	case c.Now.Sub(since) >= p.settings.TicketLife:
		return 61005
	}
	return 0
}

// clearQuota answers /cgi-bin/component/clear_quota/v2.
func (p *Platform) clearQuota(c *call) wechattest.Result {
	if errcode := p.secretProblem(c, c.body.QuotaSecret); errcode != 0 {
		return refused(p.settings.AppID, errcode)
	}
	result := p.answered(done())
	result.Effect = true
	return result
}

// A preAuthCode is one that an authorization page is opened with.
type preAuthCode struct {
	until time.Time
	used  bool // an account has authorized by it
}

// createPreAuthCode answers api_create_preauthcode.
func (p *Platform) createPreAuthCode(c *call) wechattest.Result {
	value := "preauthcode@@@" + random(2)
	p.preAuth[value] = &preAuthCode{until: c.Now.Add(p.settings.PreAuthLife)}
	p.counts.PreAuthCodes++
	return p.answered(struct {
		Code      string `json:"pre_auth_code"`
		ExpiresIn int    `json:"expires_in"`
	}{value, seconds(p.settings.PreAuthLife)})
}

// seconds returns d as WeChat writes lifetimes.
func seconds(d time.Duration) int { return int(d / time.Second) }

package platformtest

import (
	"slices"
	"time"

	"wxproxy/internal/wechattest"
)

// A ListFault is what is wrong with the list of authorizers.
type ListFault struct {
	Without []string      // accounts that it does not have, although they authorize the platform
	Too     []string      // accounts that it has, although they do not
	Extra   int           // how much total_count is larger than the list
	Earlier time.Duration // how much earlier than the events' CreateTime auth_time is
}

// SpoilList has the list be wrong in this way, from now on.
func (p *Platform) SpoilList(fault ListFault) {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.list = fault
}

// maxCount is how many accounts a page of the list may have.
const maxCount = 500

// A listed is an account in the list. Its refresh token is absent until a code was redeemed.
type listed struct {
	AppID    string `json:"authorizer_appid"`
	Refresh  string `json:"refresh_token,omitempty"`
	AuthTime int64  `json:"auth_time"`
}

// authorizerList answers api_get_authorizer_list.
func (p *Platform) authorizerList(c *call) wechattest.Result {
	p.counts.Lists++
	if c.body.Count > maxCount || c.body.Count <= 0 || c.body.Offset < 0 {
		return refused(p.settings.AppID, 40170)
	}
	all := p.order
	if len(p.list.Without)+len(p.list.Too) > 0 {
		all = slices.DeleteFunc(slices.Clone(p.order), func(id string) bool { return slices.Contains(p.list.Without, id) })
		all = append(all, p.list.Too...)
	}
	page := []listed{}
	for _, id := range all[min(c.body.Offset, len(all)):min(c.body.Offset+c.body.Count, len(all))] {
		one := listed{AppID: id}
		if a := p.accounts[id]; a != nil {
			one.Refresh, one.AuthTime = a.listed(), a.since.Add(-p.list.Earlier).Unix()
		}
		page = append(page, one)
	}
	return p.answered(struct {
		Total int      `json:"total_count"`
		List  []listed `json:"list"`
	}{len(all) + p.list.Extra, page})
}

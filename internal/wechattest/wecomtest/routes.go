package wecomtest

import (
	"net/http"
	"slices"
	"strings"
)

// A credential is what a path takes.
type credential int

const (
	tokens credential = iota // an application's token
	open                     // none, or one that it checks itself
	suites                   // the token of a suite, which nobody has here
)

// A payload is what an API wants in the body of a request.
type payload int

const (
	anything payload = iota // with any method
	postJSON
	postFile
)

// A route is what WeCom knows about a path.
type route struct {
	serve      func(*WeCom, *call) answer
	credential credential
	payload    payload
	anywhere   bool // addresses are not checked
}

const pathGetToken = "/cgi-bin/gettoken"

// routes are the APIs, by path. A path may end in '*'; the longest that fits counts.
var routes = map[string]route{
	pathGetToken: {serve: (*WeCom).getToken, credential: open, anywhere: true},

	"/cgi-bin/user/get":                              {serve: (*WeCom).userGet},
	"/cgi-bin/agent/get":                             {serve: (*WeCom).agentGet},
	"/cgi-bin/message/send":                          {serve: (*WeCom).send, payload: postJSON},
	"/cgi-bin/media/upload":                          {serve: (*WeCom).mediaUpload, payload: postFile},
	"/cgi-bin/media/get":                             {serve: (*WeCom).mediaGet},
	"/cgi-bin/get_jsapi_ticket":                      {serve: (*WeCom).corpTicket},
	"/cgi-bin/ticket/get":                            {serve: (*WeCom).appTicket},
	"/cgi-bin/miniprogram/jscode2session":            {serve: (*WeCom).codeToSession},
	"/cgi-bin/get_api_domain_ip":                     {serve: (*WeCom).addresses, anywhere: true},
	"/cgi-bin/getcallbackip":                         {serve: (*WeCom).addresses},
	"/cgi-bin/webhook/send":                          {serve: (*WeCom).robotSend, credential: open, payload: postJSON, anywhere: true},
	"/cgi-bin/webhook/upload_media":                  {serve: (*WeCom).robotUpload, credential: open, payload: postFile, anywhere: true},
	"/cgi-bin/service/*":                             {credential: suites},
	"/cgi-bin/corpgroup/corp/gettoken":               {serve: (*WeCom).downstreamToken, payload: postJSON},
	"/cgi-bin/*":                                     {serve: (*WeCom).other},
	"/cgi-bin/idconvert/upgrade_chatid_for_new_corp": {credential: suites},
}

// routeOf returns the route of path.
func routeOf(path string) (r route, ok bool) {
	if r, ok = routes[path]; ok {
		return r, true
	}
	best := ""
	for pattern, candidate := range routes {
		if strings.HasSuffix(pattern, "*") && matches(pattern, path) && len(pattern) > len(best) {
			best, r, ok = pattern, candidate, true
		}
	}
	return r, ok
}

// dispatch executes what c asks for. The token and the address are looked at before
// anything else, so that a request that is refused has no effect.
func (w *WeCom) dispatch(c *call) answer {
	r, ok := routeOf(c.path)
	switch {
	case !ok:
		return answer{status: http.StatusNotFound, header: http.Header{"Content-Type": {"text/html"}}}
	case c.Chunked: // not seen, but so api.weixin.qq.com does it
		return answer{status: http.StatusPreconditionFailed, header: http.Header{"Content-Type": {"text/html"}}}
	case w.isBanned(c):
		return w.refuse(c, 45009)
	}
	for _, check := range []func(*call, route) int{w.credentialProblem, w.addressProblem, w.usageProblem} {
		if errcode := check(c, r); errcode != 0 {
			return w.refuse(c, errcode)
		}
	}
	if a, refused := w.badPayload(c, r.payload); refused {
		return a
	}
	if errcode := w.agentProblem(c); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return r.serve(w, c)
}

// credentialProblem returns why what c shows is refused; 0: it is good.
func (w *WeCom) credentialProblem(c *call, r route) (errcode int) {
	if n := c.shownTokens(); n > 1 {
		w.doubled++
		return 40014
	}
	switch r.credential {
	case open:
		return 0
	case suites:
		return 41022
	}
	value := c.params.Get("access_token") // in the URL: one in the body does not count
	if value == "" {
		return 41001
	}
	t := w.tokens[value]
	if t == nil {
		return 40014
	}
	if errcode := t.problem(w.now()); errcode != 0 {
		return errcode
	}
	if t.app.disabled {
		return 50003
	}
	return 0
}

// shownTokens returns how many tokens c shows, of whatever kind.
func (c *call) shownTokens() int {
	n := 0
	for name, values := range c.params {
		switch strings.ToLower(name) {
		case "access_token", "suite_access_token", "provider_access_token":
			n += len(values)
		}
	}
	return n
}

// addressProblem returns why c may not come from where it does; 0: it may.
func (w *WeCom) addressProblem(c *call, r route) (errcode int) {
	if r.credential != tokens || r.anywhere && !w.rules.CheckAll {
		return 0
	}
	if trusted := c.app.trusted(); len(trusted) > 0 && !slices.Contains(trusted, c.From) {
		return 60020
	}
	if c.app.ContactsSync && readsDetails(c.path) && !slices.Contains(c.app.DetailIPs, c.From) {
		return 48009
	}
	return 0
}

// readsDetails reports whether path has details of contacts.
func readsDetails(path string) bool {
	return path == "/cgi-bin/user/get" || path == "/cgi-bin/user/list"
}

// badPayload returns the answer to a method or a body that is not as the API wants it.
func (w *WeCom) badPayload(c *call, p payload) (a answer, refused bool) {
	switch {
	case p == anything:
		return answer{}, false
	case c.Method != http.MethodPost, len(c.Body) == 0:
		return w.refuse(c, 40063), true
	case p == postJSON && !c.hasJSON():
		return w.complain(c, 40058, " Warning: wrong json format. "), true
	}
	return answer{}, false
}

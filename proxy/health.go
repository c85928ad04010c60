package proxy

import (
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
)

// answerHealth tells a load balancer, which has no key, what the admin listener
// tells everybody: whether the process works, and whether to send it requests. It
// names nobody.
func (p *Proxy) answerHealth(x *exchange) error {
	if method := string(x.message.Method); method != fasthttp.MethodGet && method != fasthttp.MethodHead {
		return refuse(badRequest, "health is asked for with GET or HEAD")
	}
	resp, body := &x.ctx.Response, `{"status":"ok"}`
	if string(x.target.Policy) == accountkind.ReadinessPath {
		all, err := asksForAll(x.target.Query)
		switch {
		case err != nil:
			return err
		case p.door.draining.Load():
			resp.SetStatusCode(fasthttp.StatusServiceUnavailable)
			body = `{"ready":false,"draining":true}`
		case p.config.Ready != nil && !p.config.Ready(all):
			resp.SetStatusCode(fasthttp.StatusServiceUnavailable)
			body = `{"ready":false}`
		default:
			body = `{"ready":true}`
		}
	}
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.SetContentType("application/json; charset=utf-8")
	resp.SetBodyString(body)
	return nil
}

// Questions about readiness that have no answer here.
var (
	errAllOf     = refuse(badRequest, "all=1 asks whether every account has a token; without it one of them is enough")
	errOfAccount = refuse(badRequest, "whether one account has a token is told by the admin listener alone: /readyz?account=NAME")
)

// asksForAll reports whether the query asks whether every account is ready. It
// cannot ask about one: who has no key would learn by that which names there are.
func asksForAll(query []byte) (bool, error) {
	asked, err := url.ParseQuery(strings.TrimPrefix(string(query), "?"))
	switch all, found := asked["all"]; {
	case err != nil, found && (len(all) > 1 || all[0] != "1"):
		return false, errAllOf
	case asked.Has("account"):
		return false, errOfAccount
	default:
		return found, nil
	}
}

package proxy

import "github.com/valyala/fasthttp"

// answerHealth tells a load balancer, which has no key, what the admin listener
// tells everybody: whether the process works, and whether to send it requests. It
// names nobody.
func (p *Proxy) answerHealth(x *exchange) error {
	if method := string(x.message.Method); method != fasthttp.MethodGet && method != fasthttp.MethodHead {
		return refuse(badRequest, "health is asked for with GET or HEAD")
	}
	resp, body := &x.ctx.Response, `{"status":"ok"}`
	if string(x.target.policy) == "/wxproxy/readyz" {
		switch {
		case p.draining.Load():
			resp.SetStatusCode(fasthttp.StatusServiceUnavailable)
			body = `{"ready":false,"draining":true}`
		case p.config.Ready != nil && !p.config.Ready():
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

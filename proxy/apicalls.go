package proxy

import (
	"bytes"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/traffic/apis"
)

// apisOf returns what counts the calls of a kind's APIs, nil if nothing is counted.
func (p *Proxy) apisOf(table *accountkind.Kind) *apis.Kind {
	if p.config.Counts == nil {
		return nil
	}
	return p.config.Counts.APIs.Kind(strings.ToLower(table.Name), table.DocumentedPaths())
}

// countCall counts a call by its API. Of a caller who is not known, or of no account, nothing
// is counted here: anybody could send such requests.
func (p *Proxy) countCall(x *exchange, took time.Duration, err error) {
	if x.account == nil || !p.isAuthenticated(x.client) {
		return
	}
	api := x.last.api
	if api == nil || api.IsGone() || x.last.kind != x.account.kind {
		api = p.findAPI(x)
	}
	api.Count(took)
	if x.errcode != 0 || x.ctx.Response.StatusCode() >= fasthttp.StatusBadRequest {
		p.noteFailedCall(x, api, err)
	}
}

// findAPI returns what counts the calls of the request's path. One that is not documented has
// counts of its own from when WeChat first takes it, and if it could be one of WeChat's:
// paths that somebody tries are counted together.
func (p *Proxy) findAPI(x *exchange) *apis.API {
	policy, k := x.target.Policy, x.account.kind.apis
	api := k.Of(policy)
	if api == nil && x.attempts > 0 && x.ctx.Response.StatusCode() < fasthttp.StatusBadRequest && p.loggedPath(policy) == string(policy) {
		api = k.Enter(policy)
	}
	if api == nil || api == k.Rest() {
		return k.Rest() // it is looked up again when it is called again
	}
	if x.last.kind == x.account.kind {
		x.last.api = api
	}
	return api
}

// maxFailedPath is how many bytes of a path are kept of a call that failed.
const maxFailedPath = 200

// noteFailedCall keeps what an operator needs to know of a call that failed, and counts it.
func (p *Proxy) noteFailedCall(x *exchange, api *apis.API, err error) {
	failed := apis.FailedCall{
		At: time.Now(), Kind: strings.ToLower(x.account.kind.Table.Name), Path: api.Path(), HTTP: x.ctx.Response.StatusCode(),
		Failure: apis.Failure{Errcode: x.errcode}, RequestID: p.idOf(x),
	}
	failed.Account, failed.Client = names(x.account, x.client)
	if x.errcode == 0 {
		failed.Status = failed.HTTP
	}
	if failed.Path == apis.Other {
		path := p.loggedPath(x.target.Path)
		failed.Path = strings.ToValidUTF8(path[:min(len(path), maxFailedPath)], "?")
	}
	if err != nil {
		failed.Reason = x.asFailure(err).reason()
	} else if x.errcode != 0 {
		failed.Rid = apis.RidIn(errcode.Text(&x.ctx.Response))
	}
	api.Fail(failed.Failure)
	p.config.Counts.APIs.Failed(failed)
}

// idOf returns the request's id: the one that it was given, or without one the caller's own,
// if that can be shown.
func (p *Proxy) idOf(x *exchange) string {
	if x.fields.wantsRequestID {
		return x.requestID
	}
	ids := x.ctx.Request.Header.PeekAll(requestID)
	if len(ids) != 1 || len(ids[0]) > maxRequestID || bytes.ContainsFunc(ids[0], secret.Invisible) || p.isSecretAsSent(ids[0]) {
		return ""
	}
	return string(ids[0])
}

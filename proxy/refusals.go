package proxy

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// maxRefusals bounds how many different refusals of clients' requests the log
	// tells of in a minute.
	maxRefusals = 200

	// maxStrangers bounds the same for callers that are no client, who can make up
	// paths.
	maxStrangers = 20

	// maxPathKey is how many bytes of a path tell refusals apart.
	maxPathKey = 256
)

// reason returns what a failure is called: by its slug, or if it is told in WeChat's
// words by its errcode.
func (f *failure) reason() string {
	if f.slug == "" {
		return strconv.Itoa(f.errcode)
	}
	return f.slug
}

// tokenExpired is the errcode of a virtual token that has lived out its time, which
// happens to every program.
const tokenExpired = 42001

// noteFailure counts a request that the proxy did not forward, or not to the end, and
// has the log tell of one that it refused: callers often show no more than the
// status to anybody. Failures of another kind are in the log anyway.
func (p *Proxy) noteFailure(x *exchange, err error) {
	f := asFailure(err)
	account, client := names(x.account, x.client)
	p.config.Counts.failure(client, f.reason())
	if f.status >= fasthttp.StatusInternalServerError || f.errcode == tokenExpired {
		return
	}
	lines := p.refused
	if client == "" {
		lines = p.unknown
	}
	policy := string(x.target.policy[:min(len(x.target.policy), maxPathKey)])
	unsaid, ok := lines.allows(strings.Join([]string{client, f.reason(), policy}, "\n"), time.Now())
	if !ok {
		return
	}
	p.config.Log.Warn("a request was refused", "client", client, "account", account, "reason", f.reason(), "path", p.loggedPath(x.target.path),
		"status", f.status, "address", x.ctx.RemoteAddr().String(), "err", f.detail, "unsaid", unsaid)
}

package proxy

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
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

// noteFailure counts a request that the proxy did not forward, or not to the end, and
// has the log tell of one that it refused: callers often show no more than the
// status to anybody. Failures of another kind are in the log anyway.
func (p *Proxy) noteFailure(x *exchange, err error) {
	f := asFailure(err)
	account, client := names(x.account, x.client)
	p.config.Counts.Failure(client, f.reason())
	if f.status >= fasthttp.StatusInternalServerError || f.errcode == accountkind.WeChat.ExpiredToken {
		return
	}
	lines := p.door.refused
	if client == "" {
		lines = p.door.unknown
	}
	policy := string(x.target.Policy[:min(len(x.target.Policy), maxPathKey)])
	unsaid, ok := lines.allows(strings.Join([]string{client, f.reason(), policy}, "\n"), time.Now())
	if !ok {
		return
	}
	said := []any{"client", client, "account", account, "reason", f.reason(), "path", p.loggedPath(x.target.Path),
		"status", f.status, "address", x.ctx.RemoteAddr().String(), "err", f.detail, "unsaid", unsaid}
	p.config.Log.Warn("a request was refused", append(said, p.alsoSaid(x, err)...)...)
}

// maxLoggedHost is how long the name of a host can be.
const maxLoggedHost = 255

// alsoSaid returns what else the log tells of a refusal: which client the refused
// virtual token names, and which Host is not answered to.
func (p *Proxy) alsoSaid(x *exchange, err error) (said []any) {
	if x.claimed != nil && x.claimed != &p.anyone {
		said = append(said, "token_of", x.claimed.Name)
	}
	if errors.Is(err, errOtherHost) || errors.Is(err, errOtherSecureHost) {
		said = append(said, "host", p.loggedHost(x.fields.host))
	}
	return said
}

// loggedHost returns a host that a caller named as a log may show it.
func (p *Proxy) loggedHost(host []byte) string {
	host = host[:min(len(host), maxLoggedHost)]
	return strings.Map(visible, p.loggedPath(host))
}

// visible returns c, and in the place of one that no host has a question mark.
func visible(c rune) rune {
	if secret.Invisible(c) {
		return '?'
	}
	return c
}

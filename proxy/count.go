package proxy

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/audit"
	"wxproxy/proxy/traffic"
)

// count counts an answered request and its duration.
func (p *Proxy) count(x *exchange) {
	if p.config.Counts != nil {
		p.series(x.account, x.client).Count(x.ctx.Response.StatusCode())
		x.durations.Observe(time.Since(x.began))
	}
}

// series returns the counters of a client's requests to an account. Both may be nil.
func (p *Proxy) series(account *Account, client *Client) *traffic.Series {
	seen := &p.withoutAccount
	if account != nil {
		seen = account.seen
	}
	s := seen.seriesOf(client)
	if s == nil {
		s = p.config.Counts.Series(names(account, client))
		seen.add(client, s)
	}
	return s
}

// names returns the configured names of an account and a client, and "" for nil.
func names(a *Account, c *Client) (account, client string) {
	if a != nil {
		account = a.Name
	}
	if c != nil {
		client = c.Name
	}
	return account, client
}

// A seenClients has the counters of each client that has called for one account. The other
// pairs of accounts and clients, which are most, take no memory.
type seenClients struct {
	first  atomic.Pointer[Client]                      // the first to call, and often the only one; never replaced
	series atomic.Pointer[traffic.Series]              // of the first; nil: not known yet
	others atomic.Pointer[map[*Client]*traffic.Series] // replaced when there is one more; nil: none yet
}

// seriesOf returns the series of client, nil if it was not seen.
func (m *seenClients) seriesOf(client *Client) *traffic.Series {
	if s := m.series.Load(); s != nil && m.first.Load() == client {
		return s
	}
	if known := m.others.Load(); known != nil {
		return (*known)[client]
	}
	return nil
}

// add adds the counters of a client. A nil client is never stored as the first, whose
// place is empty as long as it is nil.
func (m *seenClients) add(client *Client, s *traffic.Series) {
	if client != nil && m.first.CompareAndSwap(nil, client) {
		m.series.Store(s)
		return
	}
	for {
		known := m.others.Load()
		more := map[*Client]*traffic.Series{}
		if known != nil {
			more = maps.Clone(*known)
		}
		more[client] = s
		if m.others.CompareAndSwap(known, &more) {
			return
		}
	}
}

const (
	// maxClientRefusals is how many different refusals of clients' requests have a line in
	// the log in one minute.
	maxClientRefusals = 200

	// maxUnknownRefusals is the same for callers that are no client, which can make up any
	// number of paths.
	maxUnknownRefusals = 20

	// maxPathKey is how many bytes of a path tell refusals apart.
	maxPathKey = 256
)

const (
	// maxFailureLines limits how many accounts and reasons the log tells apart when
	// requests fail with 5xx.
	maxFailureLines = 200

	// firstFailures is how many requests of an account that failed for one reason have a
	// line each in a minute. The others are counted: in an outage all fail.
	firstFailures = 10
)

// reason returns what the log and the metrics call a failure: its slug, or its errcode if
// it has WeChat's words.
func (f *failure) reason() string {
	if f.slug == "" {
		return strconv.Itoa(f.errcode)
	}
	return f.slug
}

// noteFailure counts a request that the proxy did not forward to its end, and logs those
// that it refused: many callers hide all but the status from their users. The other
// failures have their line in the log already.
func (p *Proxy) noteFailure(x *exchange, err error) {
	f := x.asFailure(err)
	account, client := names(x.account, p.refusedClient(x, err))
	p.config.Counts.Failure(client, f.reason())
	if f.status >= fasthttp.StatusInternalServerError || x.kind != nil && f.errcode == x.kind.Table.ExpiredToken {
		return
	}
	p.noteWrongKey(x, err)
	lines := p.door.refused
	if client == "" {
		lines = p.door.unknown
	}
	policy := string(x.target.Policy[:min(len(x.target.Policy), maxPathKey)])
	unsaid, ok := lines.Allows(strings.Join([]string{client, f.reason(), policy}, "\n"), time.Now())
	if !ok {
		return
	}
	said := []any{"client", client, "account", account, "reason", f.reason(), "path", p.loggedPath(x.target.Path),
		"status", f.status, "address", p.addressOf(x), "err", f.detail, "unsaid", unsaid}
	p.config.Log.Warn("a request was refused", append(said, p.refusalDetails(x, err)...)...)
}

// noteWrongKey has the log say who showed a key that is nobody's.
func (p *Proxy) noteWrongKey(x *exchange, err error) {
	f, isKey := x.asFailure(err), errors.Is(err, errUnknownKey) || errors.Is(err, errUnknownSecret)
	if x.kind != nil && x.route.traits.callerInBody && f.slug == "" { // as SDKs show it
		isKey = f.errcode == x.kind.Table.TokenRequest.BadSecret
	}
	if isKey && p.config.Audit != nil {
		account, _ := names(x.account, nil)
		p.config.Audit.Often(audit.Entry{Action: audit.WrongKey, Account: account, Address: p.addressOf(x), Outcome: audit.Refused, Listener: audit.Proxy})
	}
}

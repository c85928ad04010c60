package proxy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/component"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/logged"
	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/upstream"
)

const (
	// maxSearched is how long a body may be that is passed on only after it was searched
	// for credentials. Errors have some hundred bytes.
	maxSearched = 64 << 10

	// maxQuoted is the same for an answer of QuotingPath, which quotes a whole request and
	// its answer.
	maxQuoted = 256 << 10

	// maxListed is the same for a page of a platform's accounts with their refresh tokens:
	// 500 of them take some 100 KiB.
	maxListed = 1 << 20
)

// errAnswerRoom is the error of a body that cannot be searched because there is no memory
// left for it.
var errAnswerRoom = errors.New("the answer may hold credentials, and there is no room to search it for them: the bodies under way leave none to answers")

// redactBody puts *** in the place of credentials in the body of WeChat's answer. There
// are three cases. An answer of QuotingPath may hold any credential, so what looks like one
// is redacted. Errors, which may repeat the URL of the request, and answers to requests
// with an AppSecret are likely to hold a credential: they are read as a whole, and one that
// cannot be searched is not passed on. All other bodies are searched if they are in memory
// as a whole, and pass if they stream.
func (p *Proxy) redactBody(x *exchange) error {
	resp := &x.ctx.Response
	if string(x.target.Policy) == x.kind.Table.QuotingPath {
		return p.redactWhole(x, maxQuoted, secret.Redact)
	}
	if x.route.HoldsRefreshTokens {
		return p.redactWhole(x, maxListed, x.withoutRefreshTokens)
	}
	if resp.StatusCode() >= fasthttp.StatusMultipleChoices || x.route.traits.getsSecret {
		return p.redactWhole(x, maxSearched, x.replaced)
	}
	if resp.IsBodyStream() {
		return nil
	}
	body := resp.Body()
	if errcode.IsPacked(body) || len(resp.Header.ContentEncoding()) > 0 {
		// A body that cannot be unpacked may be plain in spite of its header.
		if plain, err := errcode.Unpack(body, string(resp.Header.ContentEncoding()), maxSearched); err == nil {
			body = plain
		}
	}
	if x.holder().filter.MayHold(body) {
		p.redact(x, body, x.replaced)
	}
	return nil
}

// A redaction returns text with replacement in the place of credentials.
type redaction func(text []byte, replacement string, values []string) []byte

func (x *exchange) replaced(text []byte, replacement string, values []string) []byte {
	text, _ = x.searcher.Replace(text, replacement, values)
	return text
}

// withoutRefreshTokens does so, and replaces all refresh tokens of a platform's accounts.
func (x *exchange) withoutRefreshTokens(text []byte, replacement string, values []string) []byte {
	return x.replaced(component.Mask(text, replacement), replacement, values)
}

// redact replaces the body, which was unpacked to plain, by plain without credentials. A
// body without any is passed on as it is.
func (p *Proxy) redact(x *exchange, plain []byte, redact redaction) {
	redacted := redact(plain, logged.Masked, x.credentials())
	if !bytes.Equal(redacted, plain) {
		x.ctx.Response.Header.SetContentEncoding("")
		x.ctx.Response.SetBody(redacted)
		if !x.route.HoldsRefreshTokens { // which is no surprise
			p.warnOfQuote(x, "body")
		}
	}
}

// redactWhole reads the body as a whole, at most that many bytes, and redacts it.
func (p *Proxy) redactWhole(x *exchange, most int64, redact redaction) error {
	resp := &x.ctx.Response
	if resp.SkipBody || !wire.MayHaveBody(resp.StatusCode()) {
		return nil
	}
	taken, err := p.readWhole(resp, most)
	var plain []byte
	if err == nil && len(resp.Body()) > 0 {
		plain, err = errcode.Unpack(resp.Body(), string(resp.Header.ContentEncoding()), most)
	}
	if err == nil {
		p.redact(x, plain, redact)
		p.releaseWhenWritten(resp, taken)
		return nil
	}
	p.door.bodies.ReleaseAnswer(taken)
	switch {
	case !errors.Is(err, errcode.ErrLong) && !errors.Is(err, errcode.ErrPacked) && !errors.Is(err, errAnswerRoom):
		return err
	case resp.StatusCode() < fasthttp.StatusMultipleChoices:
		return refuse(upstreamUnreachable, err.Error()+"; it is withheld, and the request may have taken effect")
	}
	p.dropBody(x, err)
	return nil
}

// dropBody removes the body of an error of WeChat's and logs why. The caller still gets
// the status.
func (p *Proxy) dropBody(x *exchange, why error) {
	resp := &x.ctx.Response
	resp.Header.SetContentEncoding("")
	resp.SetBody(nil)
	account, path := x.account.Name, p.loggedPath(x.target.Path)
	if unsaid, ok := p.door.quotes.Allows(strings.Join([]string{"withheld", account, path}, "\n"), time.Now()); ok {
		p.config.Log.Warn("the body of "+x.kind.Table.Name+"'s answer is withheld from the caller", //nolint:sloglint // it is constant for each kind
			"account", account, "path", path, "status", resp.StatusCode(), "err", why, "unsaid", unsaid)
	}
}

// uncountedSize is how much of an answer may be in memory without counting in the budget
// of bodies. Nearly all answers that can quote a credential are shorter.
const uncountedSize = errcode.MaxPacked

// readWhole reads the body of the answer into memory, at most that many bytes. It returns
// how much of the budget that takes, which the caller has to give back.
func (p *Proxy) readWhole(resp *fasthttp.Response, most int64) (taken int64, err error) {
	if !resp.IsBodyStream() {
		return 0, nil
	}
	body := resp.BodyStream()
	if s := upstream.StreamOf(resp); s != nil {
		s.AwaitWhole()
	}
	whole, err := io.ReadAll(io.LimitReader(body, uncountedSize+1))
	if err == nil && len(whole) > uncountedSize {
		if !p.door.bodies.HoldAnswer(most) {
			return 0, errAnswerRoom
		}
		taken = most
		rest := bytes.NewBuffer(whole)
		_, err = rest.ReadFrom(io.LimitReader(body, most+1-uncountedSize))
		whole = rest.Bytes()
	}
	switch {
	case err != nil:
		return taken, broken(err)
	case int64(len(whole)) > most:
		return taken, errcode.ErrLong
	}
	resp.SetBody(whole)
	return taken, nil
}

// releaseWhenWritten has the answer give back what it takes of the budget when it has been
// written.
func (p *Proxy) releaseWhenWritten(resp *fasthttp.Response, taken int64) {
	if taken > 0 {
		body := slices.Clone(resp.Body())
		resp.SetBodyStream(&countedAnswer{bytes.NewReader(body), p.door.bodies, taken}, len(body))
	}
}

// A countedAnswer is a body that counts in the budget until it is closed.
type countedAnswer struct {
	io.Reader
	budget *body.Budget
	taken  int64
}

// Close gives back what the answer takes.
func (h *countedAnswer) Close() error {
	h.budget.ReleaseAnswer(h.taken)
	h.taken = 0
	return nil
}

package proxy

import (
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/target"
	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/upstream"
)

// addressWith sets the target that WeChat will read, with the account's token. The
// target that the message has already stays if path, query and token are as before.
func (x *exchange) addressWith(token string) {
	if x.sent = token; token != x.lastInFilter {
		x.holder().filter.Add(token)
		x.lastInFilter = token
	}
	switch {
	case x.platform != nil || x.route.OAuth:
		x.addressOAuth(token)
	case token == "" || token != x.last.token:
		x.address(x.kind.Table.TokenParameters, target.Parameter{Name: x.kind.Table.TokenParameter, Value: token})
		x.last.token = token
	}
}

// address sets the target that WeChat will read: the caller's path, its query without
// the parameters in remove, and then those in add.
func (x *exchange) address(remove []string, add ...target.Parameter) {
	x.addressAt(x.target.Path, remove, add...)
}

// addressAt does that with another path.
func (x *exchange) addressAt(path []byte, remove []string, add ...target.Parameter) {
	line := append(x.message.Target[:0], path...)
	query := len(line)
	line = target.AppendQuery(line, x.target.Query, remove)
	for _, p := range add {
		line = target.AppendParameter(line, query, p)
	}
	x.message.Target, x.last.token = line, ""
}

// send sends the request to its target, and reads the errcode of the answer. A step that
// has to see each request just before it is sent belongs into seal, one that has to see
// each answer first into open.
func (p *Proxy) send(x *exchange) error {
	p.seal(x)
	began := x.span.Now()
	err := x.kind.Upstream.Send(&x.message, &x.ctx.Response)
	x.span.AddAtWeChat(began)
	if err != nil {
		return err
	}
	if err := p.open(x); err != nil {
		return err
	}
	if x.errcode = errcode.Of(&x.ctx.Response); x.errcode != 0 {
		p.countErrcode(x)
	}
	return nil
}

// seal makes the request ready to be sent. Its target and body do not change after it.
func (p *Proxy) seal(x *exchange) {
	x.attempts++
	x.errcode = 0
	x.message.Head.Reset()
	if x.attempts > 1 && x.message.Head != nil {
		x.ctx.Response.Header.Reset() // of the refused answer: an answer with raw lines would be added to it
	}
}

// attemptNames are the values of Wxproxy-Attempts.
var attemptNames = [...]string{"0", "1", "2"}

// open removes from WeChat's answer what callers must not see, adds the proxy's own
// headers, and prepares a body that streams.
func (p *Proxy) open(x *exchange) error {
	resp := &x.ctx.Response
	if head := x.message.Head; head.IsRaw() {
		p.redactRaw(x)
		head.Add("Wxproxy-Account", x.account.Name)
		head.Add("Wxproxy-Attempts", attemptNames[x.attempts])
	} else {
		if err := p.filterHeader(x); err != nil {
			return err
		}
		resp.Header.Set("Wxproxy-Account", x.account.Name)
		resp.Header.Set("Wxproxy-Attempts", attemptNames[x.attempts])
	}
	if err := p.redactBody(x); err != nil {
		return err
	}
	return p.prepareStream(x)
}

// prepareStream prepares the caller's connection for an answer that streams. Its request
// counts as in flight, and in the client's quota, until the stream ends.
func (p *Proxy) prepareStream(x *exchange) error {
	resp := &x.ctx.Response
	if !resp.IsBodyStream() {
		return nil
	}
	if resp.Header.ContentLength() < 0 && !x.ctx.Request.Header.IsHTTP11() {
		if complete, err := p.bufferAnswer(resp); complete || err != nil {
			return err
		}
	}
	x.caller.LimitSendBuffer(resp.Header.ContentLength())
	s := upstream.StreamOf(resp)
	if s == nil {
		return nil
	}
	account, path, log := x.account.Name, p.loggedPath(x.target.Path), p.config.Log
	cut := x.kind.Table.Name + "'s answer was cut, and so is the caller's"
	x.streams = true
	quota, caller := x.client.quota, x.caller
	caller.OnCut(func() {
		log.Warn("drain_timeout is over; an answer under way is cut", "account", account, "path", path)
	})
	s.OnEnd(func(err error) {
		p.inFlight.Add(-1)
		quota.Leave()
		switch {
		case caller.EndCut(): // it has its line
		case errors.Is(err, upstream.ErrLeftAnswer):
			log.Debug("a caller left before the end of its answer", "account", account, "path", path)
		case err != nil:
			log.Warn(cut, "account", account, "path", path, "err", err) //nolint:sloglint // it is constant for each kind
		}
	})
	return nil
}

// maxBuffered is how long an answer may be that is read as a whole before it is passed on.
const maxBuffered = 16 << 20

// bufferAnswer reads the whole body of an answer to HTTP/1.0, so that the answer has a
// Content-Length: without one, a caller that speaks HTTP/1.0, as nginx does to its
// upstreams, cannot tell a complete answer from one that was cut. It returns false if the
// body is too long or there is no room for it: then the body streams until the connection
// ends, and the connection is reset if the answer is cut.
func (p *Proxy) bufferAnswer(resp *fasthttp.Response) (complete bool, err error) {
	whole := body.NewAnswer(p.door.bodies)
	err = whole.Fill(resp.BodyStream(), maxBuffered)
	s := upstream.StreamOf(resp)
	switch {
	case err == nil:
		resp.SetBodyStream(&bufferedAnswer{whole.Reader(), whole}, int(whole.Len()))
		return true, nil
	case s != nil && (errors.Is(err, body.ErrNoRoom) || errors.Is(err, body.ErrTooLarge)):
		s.PutBack(&bufferedAnswer{whole.Reader(), whole})
		resp.Header.Del(fasthttp.HeaderTransferEncoding)
		resp.Header.SetContentLength(wire.NoLength)
		return false, nil
	}
	whole.Release()
	return false, broken(err)
}

// broken returns err, by which the body of an answer ended, as one that says so. Those of
// upstream do already.
func broken(err error) error {
	if errors.Is(err, upstream.ErrBroken) || errors.Is(err, upstream.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: %w", upstream.ErrBroken, err)
}

// bufferedAnswer is a stream that gives the Body that it reads from back when it is closed.
type bufferedAnswer struct {
	io.Reader
	body *body.Body
}

// Close gives the body back.
func (k *bufferedAnswer) Close() error {
	k.body.Release()
	return nil
}

// mustBeAuthorized returns why an account that has authorized a platform is not served; nil:
// it is.
func (a *Account) mustBeAuthorized() error {
	if a.Authorized == nil {
		return nil
	}
	return a.Authorized()
}

package proxy

import (
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/wire"
	"wxproxy/proxy/upstream"
)

// maxLearned bounds an answer that is complete before it is passed on.
const maxLearned = 16 << 20

// learnLength reads the whole body: HTTP/1.0, which nginx speaks to those behind
// it, knows no other way to tell a complete answer from one that was cut. It
// reports whether the body was so short, and there was room for it: a longer one
// ends with the connection, which is reset if it is cut.
func (p *Proxy) learnLength(resp *fasthttp.Response) (learned bool, err error) {
	whole := body.NewAnswer(p.door.bodies)
	err = whole.Fill(resp.BodyStream(), maxLearned)
	s := upstream.StreamOf(resp)
	switch {
	case err == nil:
		resp.SetBodyStream(&kept{whole.Reader(), whole}, int(whole.Len()))
		return true, nil
	case s != nil && (errors.Is(err, body.ErrNoRoom) || errors.Is(err, body.ErrTooLarge)):
		s.PutBack(&kept{whole.Reader(), whole})
		resp.Header.Del(fasthttp.HeaderTransferEncoding)
		resp.Header.SetContentLength(wire.NoLength)
		return false, nil
	}
	whole.Release()
	return false, fmt.Errorf("%w: %w", upstream.ErrBroken, err)
}

// kept is a stream of a Body that ends with it.
type kept struct {
	io.Reader
	body *body.Body
}

// Close gives the body back.
func (k *kept) Close() error {
	k.body.Release()
	return nil
}

package proxy

import (
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"
)

// maxLearned bounds an answer that is complete before it is passed on.
const maxLearned = 16 << 20

// learnLength reads the whole body: HTTP/1.0, which nginx speaks to those behind
// it, knows no other way to tell a complete answer from one that was cut. It
// reports whether the body was so short, and there was room for it: a longer one
// ends with the connection, which is reset if it is cut.
func (p *Proxy) learnLength(resp *fasthttp.Response) (learned bool, err error) {
	whole := newAnswerBody(p.door.bodies)
	err = whole.fill(resp.BodyStream(), maxLearned)
	s := streamOf(resp)
	switch {
	case err == nil:
		resp.SetBodyStream(&kept{whole.Reader(), whole}, int(whole.Len()))
		return true, nil
	case s != nil && (errors.Is(err, errNoRoom) || errors.Is(err, errBodyTooLarge)):
		s.PutBack(&kept{whole.Reader(), whole})
		resp.Header.Del(fasthttp.HeaderTransferEncoding)
		resp.Header.SetContentLength(noLength)
		return false, nil
	}
	whole.release()
	return false, fmt.Errorf("%w: %w", ErrBroken, err)
}

// kept is a stream of a Body that ends with it.
type kept struct {
	io.Reader
	body *Body
}

// Close gives the body back.
func (k *kept) Close() error {
	k.body.release()
	return nil
}

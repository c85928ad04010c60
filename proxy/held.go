package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/upstream"
)

// heldFreely is how much of an answer is held without counting in the budget of
// bodies. Those that can quote a credential are shorter but for a few.
const heldFreely = errcode.MaxPacked

// hold makes the body of the answer, of at most that many bytes, one that is here as
// a whole. It returns how much that takes of the budget, for charge or releaseAnswer.
func (p *Proxy) hold(resp *fasthttp.Response, most int64) (taken int64, err error) {
	if !resp.IsBodyStream() {
		return 0, nil
	}
	body := resp.BodyStream()
	if s := upstream.StreamOf(resp); s != nil {
		s.AwaitWhole()
	}
	whole, err := io.ReadAll(io.LimitReader(body, heldFreely+1))
	if err == nil && len(whole) > heldFreely {
		if !p.door.bodies.HoldAnswer(most) {
			return 0, errAnswerRoom
		}
		taken = most
		rest := bytes.NewBuffer(whole)
		_, err = rest.ReadFrom(io.LimitReader(body, most+1-heldFreely))
		whole = rest.Bytes()
	}
	switch {
	case errors.Is(err, upstream.ErrTimeout):
		return taken, err
	case err != nil:
		return taken, fmt.Errorf("%w: %w", upstream.ErrBroken, err)
	case int64(len(whole)) > most:
		return taken, errAnswerLong
	}
	resp.SetBody(whole)
	return taken, nil
}

// charge has what the answer takes of the budget be given back when it is written.
func (p *Proxy) charge(resp *fasthttp.Response, taken int64) {
	if taken > 0 {
		body := slices.Clone(resp.Body())
		resp.SetBodyStream(&heldAnswer{bytes.NewReader(body), p.door.bodies, taken}, len(body))
	}
}

// A heldAnswer is an answer that counts in the budget until it is closed.
type heldAnswer struct {
	io.Reader
	budget *body.Budget
	taken  int64
}

// Close gives back what the answer takes.
func (h *heldAnswer) Close() error {
	h.budget.ReleaseAnswer(h.taken)
	h.taken = 0
	return nil
}

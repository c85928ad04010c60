package proxy

import "bytes"

// A reading is what became of the last request target that could be read. Programs
// ask for the same one again and again: the token, which changes, is not theirs to
// write.
type reading struct {
	raw    []byte
	target target // within raw
	route  Route
	good   bool
	token  string // the message's target is this one with token; empty: it is another
}

// read takes the request's target apart and finds its route.
func (p *Proxy) read(x *exchange) error {
	r, raw := &x.reading, x.ctx.Request.Header.RequestURI()
	if !r.good || !bytes.Equal(raw, r.raw) {
		r.good, r.token = false, ""
		r.raw = append(r.raw[:0], raw...)
		if err := r.target.parse(r.raw, p.config.OwnHosts); err != nil {
			x.target = r.target
			return refuse(badRequest, err.Error())
		}
		r.route, r.good = p.credentialOf(r.target.policy), true
	}
	x.target, x.route = r.target, r.route
	return nil
}

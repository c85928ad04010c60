package proxy

// mayStay reports whether the caller's connection may stay open: not after a
// refusal, if it has never shown who the client is. Strangers would hold
// max_connections with that.
func (p *Proxy) mayStay(x *exchange, err error) bool {
	c := x.caller
	if c == nil || c.IsProven() {
		return true
	}
	asks := p.asksForKeys()
	if p.knows(x.client) && (asks || err == nil) && !c.IsSurplus() {
		c.Prove()
		return true
	}
	return err == nil || !asks
}

// knows reports whether c, which may be nil, is who the caller had to prove to be.
func (p *Proxy) knows(c *Client) bool { return c != nil && (c != &p.anyone || !p.asksForKeys()) }

// asksForKeys reports whether callers have to prove who they are.
func (p *Proxy) asksForKeys() bool { return len(p.clients.byName) > 0 }

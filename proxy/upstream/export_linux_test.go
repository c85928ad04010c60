package upstream

import "sync/atomic"

// Lack is lacking, for tests of the whole proxy.
func (h *Hosts) Lack(lack *atomic.Value) { lacking(h, lack) }

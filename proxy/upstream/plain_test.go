package upstream

import (
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// All that is promised is true with fasthttp's server and package net's
// connections, too. That runs each test of this package twice; and over real sockets,
// which know no simulated time, hosts that fall silent are waited for. So these tests
// take more than five seconds, on a busy machine half a minute.
func TestAllTheseTestsPassWithPlainIO(t *testing.T) { rawtest.RunPlain(t) }

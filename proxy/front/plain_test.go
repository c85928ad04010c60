package front

import (
	"testing"

	"wxproxy/proxy/internal/rawtest"
)

// All that is promised is true with fasthttp's server and package net's
// connections, too.
func TestAllTheseTestsPassWithPlainIO(t *testing.T) { rawtest.RunPlain(t) }

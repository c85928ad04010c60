package wire

import (
	"testing"

	"github.com/valyala/fasthttp"
)

func TestConnectionThatEndsIsRecognized(t *testing.T) {
	for value, want := range map[string]bool{
		"close": true, "Close": true, "x, CLOSE": true, "close, X-Named": true, "keep-alive": false, "closed": false, "": false,
	} {
		for _, name := range []string{"Connection", "connection"} {
			var h fasthttp.ResponseHeader
			h.DisableNormalizing()
			h.Add(name, value)
			if got := EndsConnection(&h); got != want {
				t.Errorf("%s: %s: got %v; want %v", name, value, got, want)
			}
		}
	}
}

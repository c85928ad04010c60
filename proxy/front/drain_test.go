package front

import (
	"net"
	"testing"
)

// otherListener is neither a TCP nor a Unix listener.
type otherListener struct{ net.Listener }

func TestListenerMustHaveADeadline(t *testing.T) {
	if _, err := NewListener(otherListener{}); err == nil {
		t.Error("got no error")
	}
}

type timeoutError struct{}

func (timeoutError) Error() string   { return "CANARY" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

package rawtest

import (
	"net"
	"testing"
	"time"
)

// ClosedPort returns the URL of a port on which nobody listens or can begin to: it is the
// caller's end of a connection.
func ClosedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		ln.Close()
	})
	return "http://" + conn.LocalAddr().String()
}

// WaitUntil waits until done reports true, and fails the test after 10 s. what says what
// it waits for.
func WaitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

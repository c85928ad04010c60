package socket

import (
	"net"
	"testing"
)

func TestConnectionThatCannotBeLookedIntoCountsAsSilent(t *testing.T) {
	in, out := net.Pipe()
	defer out.Close()
	defer in.Close()
	if !IsSilent(in) {
		t.Error("got a pipe that is not silent; want it used")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if !IsSilent(c) {
		t.Error("got an open connection that is not silent")
	}
	c.Close()
	if IsSilent(c) {
		t.Error("got a closed connection that is silent")
	}
}

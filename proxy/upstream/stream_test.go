package upstream

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

func TestUploadThatWeChatDoesNotReadIsATimeout(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and nothing else
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	h := provenAt(t, func(c *HostsConfig) { c.Timeout = 200 * time.Millisecond }, "http://"+ln.Addr().String())
	if err := sendError(h, message("POST", "/p", string(rawtest.Noise(32<<20)))); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v; want %v", err, ErrTimeout)
	}
}

func TestStreamThatIsOverSaysSo(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Once("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nab"))
	h := provenAt(t, nil, w.URL)
	var resp fasthttp.Response
	if err := h.Send(message("GET", "/p", ""), &resp); err != nil {
		t.Fatal(err)
	}
	s := resp.BodyStream().(*Stream)
	s.Close()
	s.Close()
	if n, err := s.Read(make([]byte, 9)); n != 0 || !errors.Is(err, errOver) {
		t.Errorf("got %d bytes, %v; want %v", n, err, errOver)
	}
	if inUse(h) != 0 {
		t.Errorf("got %d slots in use; want none", inUse(h))
	}
}

// The host has nothing to do with it, and neither has a rest that was too long.
func TestABodyThatCannotBeReadAgainIsNoFaultOfTheHost(t *testing.T) {
	c := &conn{reused: true}
	unread := &bodyError{errors.New("input/output error")}
	if err := c.unanswered(unread); !errors.Is(err, ErrBroken) || !errors.Is(err, unread) || errors.Is(err, errStale) {
		t.Errorf("got %v; want %v, and that it is our own body", err, ErrBroken)
	}
}

// inUse returns how many connections to WeChat have a request.
func inUse(h *Hosts) int {
	active, _ := h.Connections()
	return active
}

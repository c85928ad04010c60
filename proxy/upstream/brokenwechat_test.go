package upstream

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/proxy/internal/rawtest"
)

// A second answer that came in the same segment waits within the TLS layer, where
// a look at the socket does not find it.
func TestAnswerThatWaitsWithinTLSIsDropped(t *testing.T) {
	t.Parallel()
	authority := httptest.NewTLSServer(nil)
	defer authority.Close()
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			socket, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { answerTwice(socket, authority.TLS) })
		}
	})
	h := provenAt(t, func(c *HostsConfig) { c.Roots = roots }, "https://"+ln.Addr().String())
	for i := range 5 {
		want := fmt.Sprintf("/%d", i)
		if got := mustSend(t, h, message("GET", want, "")); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// answerTwice answers each request with its target and then, in a TLS record of
// its own but in the same write, with poison.
func answerTwice(socket net.Conn, config *tls.Config) {
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(20 * time.Second))
	held := &holdingConn{Conn: socket}
	secure := tls.Server(held, config)
	r := bufio.NewReader(secure)
	for {
		request, err := rawtest.ReadRequest(r)
		if err != nil {
			return
		}
		held.hold = true
		io.WriteString(secure, rawtest.Answered(strings.SplitN(request, " ", 3)[1]))
		io.WriteString(secure, rawtest.Answered("poison"))
		held.hold = false
		socket.Write(held.buffer.Bytes())
		held.buffer.Reset()
	}
}

// A holdingConn keeps what is written to it while hold is set.
type holdingConn struct {
	net.Conn
	hold   bool
	buffer bytes.Buffer
}

func (c *holdingConn) Write(p []byte) (int, error) {
	if c.hold {
		return c.buffer.Write(p)
	}
	return c.Conn.Write(p)
}

// A connection reads more ahead than a head may have.
func TestAHeadHasItsLimitHoweverMuchIsReadAhead(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		line   string // one that fasthttp reads, or that stays raw
		length int    // of the head
		want   bool
	}{
		"just so, raw":      {"Server", maxHead, true},
		"just over, raw":    {"Server", maxHead + 1, false},
		"just under":        {"Content-Encoding", maxHead - 1, true},
		"just over":         {"Content-Encoding", maxHead + 1, false},
		"far over":          {"Content-Encoding", 3 * maxHead, false},
		"over what is here": {"Content-Encoding", 8 * maxHead, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + row.line + ": "
			head += strings.Repeat("x", row.length-len(head)-len("\r\n\r\n")) + "\r\n\r\n"
			w := rawtest.StartRaw(t, rawtest.Once(head+"ab"))
			err := sendError(provenAt(t, nil, w.URL), message("POST", "/p", ""))
			if row.want && err != nil || !row.want && !errors.Is(err, ErrBroken) {
				t.Errorf("got %v; want it to pass: %t", err, row.want)
			}
		})
	}
}

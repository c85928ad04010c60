package upstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/internal/wechattest"
	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/rawtest"
)

// listenNarrow listens for connections whose kernel takes little before it is read.
func listenNarrow(t *testing.T) net.Listener {
	t.Helper()
	narrow := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlled := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
		})
		if controlled != nil {
			return controlled
		}
		return err
	}}
	ln, err := narrow.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// A hesitant WeChat reads a request's body only after a pause, and answers with
// status.
type hesitant struct {
	status atomic.Int32
	conns  atomic.Int32           // that a request came over
	sums   chan [sha256.Size]byte // of the bodies; nil: nobody wants to know
}

const hesitation = 150 * time.Millisecond

func (h *hesitant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(hesitation)
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if h.sums != nil {
		h.sums <- [sha256.Size]byte(sum.Sum(nil))
	}
	if err != nil || n != r.ContentLength {
		h.status.Store(http.StatusTeapot)
	}
	w.WriteHeader(int(h.status.Load()))
	io.WriteString(w, rawtest.OKBody)
}

// A message that the kernel does not take at once waits for as long as every other
// one, whatever was sent over its connection before it.
func TestNoDeadlineOfAnUploadIsLeftForTheNextMessage(t *testing.T) {
	t.Parallel()
	const timeout = 1500 * time.Millisecond
	for _, row := range []struct {
		name   string
		status int // of the upload's answer
		rest   time.Duration
	}{
		{"accepted, and its time is over", 200, timeout + timeout/5},
		{"refused when all of it was there", 400, 0},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, TLS %v", row.name, secure), func(t *testing.T) {
				t.Parallel()
				far := new(hesitant)
				h := far.start(t, timeout, secure)
				far.status.Store(int32(row.status))
				upload(t, h, 300_000, row.status)
				time.Sleep(row.rest)
				narrowIdle(t, h)
				far.status.Store(200)
				upload(t, h, 60_000, 200)
				upload(t, h, 60_000, 200)
				if n := far.conns.Load(); n != 1 {
					t.Errorf("got %d connections; want 1 for all", n)
				}
			})
		}
	}
}

// start starts h behind narrow connections, and returns the Hosts that lead there.
func (h *hesitant) start(t *testing.T, timeout time.Duration, secure bool) *Hosts {
	t.Helper()
	roots, ln := x509.NewCertPool(), listenNarrow(t)
	scheme := "http://"
	server := &http.Server{Handler: h, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			h.conns.Add(1)
		}
	}}
	if secure {
		certificate, ca, err := wechattest.NewCertificate()
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(ca)
		scheme, ln = "https://", tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	return provenAt(t, func(c *HostsConfig) { c.Timeout, c.Roots = timeout, roots }, scheme+ln.Addr().String())
}

// narrowIdle has the kernel hold little of what is written over the idle connection.
func narrowIdle(t *testing.T, h *Hosts) {
	t.Helper()
	idle := &h.hosts[0].idle
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if len(idle.conns) != 1 {
		t.Fatalf("got %d idle connections; want 1", len(idle.conns))
	}
	if err := idle.conns[0].socket.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
}

func upload(t *testing.T, h *Hosts, size, status int) {
	t.Helper()
	var resp fasthttp.Response
	start := time.Now()
	err := h.Send(message("POST", "/p", string(rawtest.Noise(size))), &resp)
	if err != nil || resp.StatusCode() != status {
		t.Fatalf("%d bytes: got %d, %v after %v; want %d", size, resp.StatusCode(), err, time.Since(start), status)
	}
}

// Success that comes before the request is complete may be all that WeChat has read
// of it: nothing more is sent over that connection.
func TestAConnectionEndsThatWasAnsweredBeforeItsUploadWasComplete(t *testing.T) {
	t.Parallel()
	early := make(chan struct{})
	ln := listenNarrow(t)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 100))
			io.WriteString(conn, rawtest.Answered(rawtest.OKBody))
			time.Sleep(hesitation)
			go func() {
				io.Copy(io.Discard, conn)
				early <- struct{}{}
			}()
		}
	}()
	h := provenAt(t, nil, "http://"+ln.Addr().String())
	upload(t, h, 8<<20, 200)
	select {
	case <-early:
	case <-time.After(10 * time.Second):
		t.Error("the connection stays; want its end")
	}
}

// What the kernel takes only in part at once comes whole, in one piece of memory or more,
// and the connection serves the next message.
func TestABodyInPiecesComesWholeOverANarrowConnection(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			t.Parallel()
			far := &hesitant{sums: make(chan [sha256.Size]byte, 1)}
			h := far.start(t, 20*time.Second, secure)
			far.status.Store(200)
			upload(t, h, 100, 200)
			<-far.sums
			narrowIdle(t, h)
			for _, size := range []int{20_000, body.MemorySize, body.MemorySize + 1, 400_000, body.LongestInMemory, body.LongestInMemory + 1, 5} {
				m, content := message("POST", "/p", ""), rawtest.Noise(size)
				m.Fields = fmt.Appendf(nil, "Content-Length: %d\r\n", size)
				if err := m.Body.Fill(bytes.NewReader(content), int64(size)); err != nil {
					t.Fatal(err)
				}
				var resp fasthttp.Response
				if err := h.Send(m, &resp); err != nil || resp.StatusCode() != 200 {
					t.Fatalf("%d bytes: got %d, %v; want 200", size, resp.StatusCode(), err)
				}
				if <-far.sums != sha256.Sum256(content) {
					t.Errorf("%d bytes: got other ones", size)
				}
				m.Body.Release()
			}
			if n := far.conns.Load(); n != 1 {
				t.Errorf("got %d connections; want 1 for all", n)
			}
		})
	}
}

package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"wxproxy/proxy/internal/buffer"
	"wxproxy/proxy/internal/rawtest"
)

// pair returns both ends of a TCP connection, one of them a socket.
func pair(t *testing.T) (*Socket, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return New(near, nil), far.(*net.TCPConn)
}

func TestASocketWritesAllThatASlowPeerTakes(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writeStallTimeout = 10 * time.Second
	sent := rawtest.Noise(8 << 20)
	go func() {
		n, err := s.Write(sent)
		if n != len(sent) || err != nil {
			t.Errorf("got %d, %v; want %d", n, err, len(sent))
		}
		s.Close()
	}()
	time.Sleep(50 * time.Millisecond) // until the kernels hold all they can
	got, err := io.ReadAll(far)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes, %v; want the %d that were written", len(got), err, len(sent))
	}
}

func TestASocketGivesUpOnAPeerThatTakesNothing(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writeStallTimeout = 100 * time.Millisecond
	if _, err := s.Write(rawtest.Noise(32 << 20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v; want the end of the patience", err)
	}
	go io.Copy(io.Discard, far)
	s.writeStallTimeout = 10 * time.Second
	if _, err := s.Write(rawtest.Noise(1 << 20)); err != nil {
		t.Errorf("got %v; want no deadline left of the last time", err)
	}
}

func TestADeferredWriteGoesOutBeforeTheAnswerIsAwaited(t *testing.T) {
	t.Parallel()
	s, far := pair(t)
	s.writeStallTimeout = 10 * time.Second
	request := rawtest.Noise(4 << 20) // more than the kernels take at once
	s.deferred, s.pool = new(buffer.Buffer), new(buffer.Pool)
	if n, err := s.Write(request); n != len(request) || err != nil {
		t.Fatalf("got %d, %v; want all of it kept", n, err)
	}
	go func() {
		if _, err := io.ReadFull(far, make([]byte, len(request))); err != nil {
			t.Errorf("got %v; want the request", err)
		}
		far.Write([]byte("answer"))
	}()
	answer := make([]byte, 100)
	if err := s.Await(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(answer); string(answer[:n]) != "answer" || err != nil || s.unsent != nil {
		t.Errorf("got %q, %v, unsent %v; want the answer", answer[:n], err, s.unsent)
	}
}

// A body is sent from where it is, as far as the kernel takes it at once; the rest is for
// somebody who can listen meanwhile.
func TestADeferredBodyIsSentAsFarAsItGoesAtOnce(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100_000, 32 << 20} { // in how many pieces does not matter
		s, far := pair(t)
		s.pool = new(buffer.Pool)
		head, body := []byte("head"), rawtest.Noise(size)
		s.Defer(&buffer.Buffer{Bytes: slices.Clone(head)})
		first := min(size, 64<<10)
		s.DeferBody(body[:first], slices.Collect(slices.Chunk(body[first:], 64<<10)))
		got := make(chan []byte, 1)
		go func() {
			var all []byte
			if size < 32<<20 { // Await hears of what arrives once it has begun
				all = make([]byte, len(head)+size)
				io.ReadFull(far, all)
				far.Write([]byte("answer"))
			}
			rest, _ := io.ReadAll(far)
			got <- append(all, rest...)
		}()
		if err := s.Await(); err != nil {
			t.Fatal(err)
		}
		sent := len(head) + size
		if size == 32<<20 {
			if sent = s.Sent(); !errors.Is(s.Unsent(), ErrPartly) || sent == 0 || sent >= len(head)+size {
				t.Errorf("%d bytes: got %d sent, %v; want a part", size, sent, s.Unsent())
			}
		} else if answer := make([]byte, 6); s.Unsent() != nil {
			t.Errorf("%d bytes: got %v; want all sent", size, s.Unsent())
		} else if _, err := io.ReadFull(s, answer); string(answer) != "answer" {
			t.Errorf("%d bytes: got %q, %v; want the answer", size, answer, err)
		}
		s.CloseWrite()
		if all := <-got; !bytes.Equal(all, append(head, body...)[:sent]) {
			t.Errorf("%d bytes: got %d other bytes; want the first %d", size, len(all), sent)
		}
		if s.deferred != nil || s.body.first != nil || s.body.more != nil {
			t.Errorf("%d bytes: the socket keeps the body", size)
		}
	}
}

func TestADeferredWriteThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "body"} {
		s, far := pair(t)
		far.SetLinger(0)
		far.Close() // by a reset
		rawtest.WaitUntil(t, "the reset", func() bool { return !s.IsSilent() })
		s.Conn.SetDeadline(time.Now().Add(10 * time.Second))
		s.deferred, s.pool = new(buffer.Buffer), new(buffer.Pool)
		s.DeferBody([]byte(body), nil)
		s.Write([]byte("request"))
		if err := s.Await(); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Read(make([]byte, 100)); n != 0 || err == nil || s.unsent == nil || errors.Is(s.unsent, ErrPartly) {
			t.Errorf("%q: got %d bytes, %v, unsent %v; want two reasons", body, n, err, s.unsent)
		}
	}
}

func TestASocketWaitsAsLongAsItIsAllowed(t *testing.T) {
	t.Parallel()
	s, _ := pair(t)
	const d = 200 * time.Millisecond
	for range 3 {
		start := time.Now()
		if err := s.Allow(start, d); err != nil {
			t.Fatal(err)
		}
		_, err := s.Read(make([]byte, 1))
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took < d || took > 20*d {
			t.Errorf("got %v after %v; want the end after %v, or a little more", err, took, d)
		}
	}
	set := s.until
	if s.Allow(time.Now(), time.Minute); !s.until.After(set) {
		t.Errorf("got the deadline %v again; want a later one", set)
	}
	set = s.until
	if s.Allow(time.Now(), time.Minute); !s.until.Equal(set) {
		t.Errorf("got %v; want the deadline that is still good", s.until)
	}
}

func TestClosingASocketEndsItsRead(t *testing.T) {
	t.Parallel()
	s, _ := pair(t)
	time.AfterFunc(20*time.Millisecond, func() { s.Close() })
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want the end", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want the end", err)
	}
}

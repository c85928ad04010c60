//go:build linux

package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	tests := []struct {
		name   string
		sorted []time.Duration
		share  float64
		want   time.Duration
	}{
		{"of none", nil, 0.5, 0},
		{"of one", []time.Duration{7}, 0.999, 7},
		{"half of two is the first", []time.Duration{1, 2}, 0.5, 1},
		{"median of a hundred", hundred, 0.5, 50},
		{"99 of a hundred", hundred, 0.99, 99},
		{"beyond the resolution is the last", hundred, 0.999, 100},
		{"none of them is the first", hundred, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Percentile(test.sorted, test.share); got != test.want {
				t.Errorf("got %d; want %d", got, test.want)
			}
		})
	}
}

func TestParseWrk(t *testing.T) {
	const said = `Running 2s test @ http://127.0.0.1:1
  1 threads and 64 connections
  84912 requests in 2.00s, 17.41MB read
Requests/sec:  42455.31
bench 84912 3 2000031 1243 3786 5986
`
	got, err := parseWrk(said)
	want := Result{84912, 3, 2000031 * time.Microsecond, 1243 * time.Microsecond, 3786 * time.Microsecond, 5986 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for name, said := range map[string]string{
		"no result":         "unable to connect to 127.0.0.1:1 Connection refused\n",
		"too few numbers":   "\nbench 1 2 3\n",
		"something else":    "\nbench 1 2 3 4 5 nan\n",
		"cut in the middle": "\nbench 84912 3 2000",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := parseWrk(said); err == nil {
				t.Errorf("got %+v; want an error", got)
			}
		})
	}
}

func TestBodyIsJSONOfThatLength(t *testing.T) {
	for _, length := range []int{476, 64 << 10} {
		body := Body(length)
		if !json.Valid(body) || len(body) != length {
			t.Errorf("got %d bytes, valid: %v; want %d", len(body), json.Valid(body), length)
		}
	}
}

func TestCallIsARequest(t *testing.T) {
	call := Call{Path: "/cgi-bin/message/custom/send", Key: "k"}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(call.bytes("host:1", []byte("body")))))
	if err != nil {
		t.Fatal(err)
	}
	if r.Host != "host:1" || r.URL.Path != call.Path || r.Header.Get("Authorization") != "Bearer k" || r.ContentLength != 4 {
		t.Errorf("got %+v", r)
	}
}

func TestCallerTakesAnAnswerInPieces(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length: 5\r\n\r\nhello"
	tests := []struct {
		name         string
		answer       string
		complete, ok bool
	}{
		{"200", ok, true, true},
		{"500", strings.Replace(ok, "200 OK", "500 no", 1), true, false},
		{"incomplete head", ok[:30], false, false},
		{"incomplete body", ok[:len(ok)-1], false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c caller
			complete := false
			for i := range len(test.answer) {
				var err error
				if complete, err = c.take([]byte{test.answer[i]}); err != nil {
					t.Fatal(err)
				}
			}
			if complete != test.complete || c.ok != test.ok {
				t.Errorf("got complete %v, ok %v; want %v, %v", complete, c.ok, test.complete, test.ok)
			}
		})
	}
	if _, err := new(caller).take([]byte("HTTP/1.1 200 OK\r\n\r\n")); err == nil {
		t.Error("an answer without a length: got no error; want one")
	}
}

// A server that stalls once delays all that were due meanwhile, though there is
// only one caller, who could not ask.
func TestConstantRateCountsFromWhenARequestWasDue(t *testing.T) {
	const stall, rate = 300 * time.Millisecond, 200
	target := serveTarget(t, func(n int) {
		if n == 20 {
			time.Sleep(stall)
		}
	})
	began := 0
	r, err := Constant{Rate: rate, Callers: 1, Duration: time.Second}.Run(t.Context(), target, func() error { began++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests != rate || r.Failed != 0 || began != 1 {
		t.Errorf("got %d requests, %d failed, began %d times; want %d, 0, 1", r.Requests, r.Failed, began, rate)
	}
	// 60 requests were due during the stall; only one was under way.
	if r.P99 < stall/2 {
		t.Errorf("got a p99 of %v; want at least %v", r.P99, stall/2)
	}
	if r.P50 >= stall/2 {
		t.Errorf("got a p50 of %v; want less than %v", r.P50, stall/2)
	}
}

func TestConstantRateEndsWithItsContext(t *testing.T) {
	target := serveTarget(t, func(int) {})
	ctx, stop := context.WithCancel(t.Context())
	_, err := Constant{Rate: 10, Callers: 1, Duration: time.Hour}.Run(ctx, target, func() error { stop(); return nil })
	if err == nil {
		t.Error("got no error; want one")
	}
}

func TestLingerTellsWhoWasSentAway(t *testing.T) {
	target := serveTarget(t, func(int) {})
	leave, err := Linger(t.Context(), target, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := leave(); err != nil {
		t.Errorf("got %v; want nobody sent away", err)
	}
	hasty := &http.Server{IdleTimeout: time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) })}
	target.Addr = serveOn(t, hasty)
	if leave, err = Linger(t.Context(), target, 5); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if err := leave(); err == nil {
		t.Error("got no error; want one")
	}
}

// serveTarget returns a server that calls before with the number of each request.
func serveTarget(t *testing.T, before func(n int)) Target {
	requests := make(chan int, 1)
	requests <- 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := <-requests
		requests <- n + 1
		before(n)
		w.Write([]byte("{}"))
	})
	return Target{Addr: serveOn(t, &http.Server{Handler: handler}), Calls: []Call{{Path: "/", Key: "k"}}, Body: []byte("{}")}
}

func serveOn(t *testing.T, s *http.Server) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func TestAHeldUploadIsOneByteShort(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	leave, err := Hold(t.Context(), Target{Addr: ln.Addr().String(), Calls: []Call{{Path: "/x"}}, Body: Body(100)}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil || request.ContentLength != 100 {
			t.Fatalf("got %+v, %v; want a request of 100 bytes", request, err)
		}
		if n, err := io.ReadFull(request.Body, make([]byte, 99)); err != nil {
			t.Errorf("got %d bytes, %v; want 99 before the connection ends", n, err)
		}
		if n, err := readSoon(conn); err == nil {
			t.Errorf("got %d bytes more; want none while it is held", n)
		}
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
}

// readSoon reads what comes within a moment.
func readSoon(conn net.Conn) (int, error) {
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		return 0, err
	}
	return conn.Read(make([]byte, 1))
}

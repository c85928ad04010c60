//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	connections = 64
	pushes      = 20_000
	warmPushes  = 2_000
)

// A capture keeps requests as they would be sent, and answers them.
type capture struct{ sent [][]byte }

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		return nil, err
	}
	c.sent = append(c.sent, wire.Bytes())
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("success"))}, nil
}

// requests returns so many pushes, each another one, as they are on the wire.
func (c *contestant) requests(ctx context.Context, number int) [][]byte {
	var kept capture
	callback := c.callback
	callback.Transport = &kept
	for n := range number {
		callback.Push(ctx, callback.Text("oBench", fmt.Sprintf("message %d of many, as long as people write them", n)))
	}
	return kept.sent
}

// push sends all requests over its connections, and returns how long each answer took,
// the quickest first. Any answer but success is an error.
func push(addr string, all [][]byte) ([]time.Duration, error) {
	var pushing sync.WaitGroup
	took, failed := make([][]time.Duration, connections), make([]error, connections)
	share := (len(all) + connections - 1) / connections
	for n, part := range slices.Collect(slices.Chunk(all, share)) {
		pushing.Go(func() { took[n], failed[n] = pushOver(addr, part) })
	}
	pushing.Wait()
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	return sorted, errors.Join(failed...)
}

// pushOver sends requests over one connection, one after the other.
func pushOver(addr string, requests [][]byte) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for _, request := range requests {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || string(body) != "success" {
			return nil, fmt.Errorf("a push was answered %s %q: %w", response.Status, body, err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// startProgram starts the program that gets what is forwarded: it reads a request and
// answers "success" at once.
func startProgram() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the program behind: %w", err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // it was closed
			}
			go answer(conn)
		}
	}()
	return ln, nil
}

// answer answers all requests of a connection.
func answer(conn net.Conn) {
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return // the other side has closed it
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsuccess"); err != nil {
			return
		}
	}
}

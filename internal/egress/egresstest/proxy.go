// Package egresstest has proxies for tests, HTTP and SOCKS, that lead out of a network
// without DNS: they alone know the names of hosts. They can fail in each way that real ones
// do.
package egresstest

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
)

// Options say how a proxy is.
type Options struct {
	SOCKS       bool              // version 5 instead of HTTP
	Certificate *tls.Certificate  // nil: it is spoken to in the clear
	Names       map[string]string // the address behind each target, host:port; others are unknown
	User        string            // whoever asks has to show it, with Password; empty: nobody has
	Password    string

	// Answer is written instead of what the proxy would answer to CONNECT, and the
	// connection then closed, if that is not empty. It is called for each target that is
	// asked for.
	Answer func(target string) string
	// Hold is waited for before an answer is written; nil: nothing is.
	Hold <-chan struct{}
	// Pass passes bytes on in a tunnel until one side has ended; nil: all of them.
	Pass func(caller, target net.Conn)
}

// A Proxy is a running one.
type Proxy struct {
	Address string
	options Options

	mu    sync.Mutex // guards what follows
	asked []string
	shown []string
	open  map[net.Conn]bool
}

// Start starts a proxy, which ends with the test.
func Start(t testing.TB, o Options) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, ln, o)
}

// Serve starts a proxy that listens already.
func Serve(t testing.TB, ln net.Listener, o Options) *Proxy {
	p := &Proxy{Address: ln.Addr().String(), options: o, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		ln.Close()
		p.CutAll()
	})
	go p.accept(ln)
	return p
}

func (p *Proxy) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer p.note(conn)()
			p.serve(conn)
		}()
	}
}

// note keeps a connection until the function that it returns is called.
func (p *Proxy) note(conn net.Conn) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
	return func() {
		conn.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, conn)
	}
}

// URL returns the proxy's, with user and password.
func (p *Proxy) URL() string {
	o := p.now()
	scheme, user := "http://", ""
	switch {
	case o.SOCKS:
		scheme = "socks5://"
	case o.Certificate != nil:
		scheme = "https://"
	}
	if o.User != "" {
		user = o.User + ":" + o.Password + "@"
	}
	return scheme + user + p.Address
}

// Change changes how the proxy is, for those who connect from now on.
func (p *Proxy) Change(change func(*Options)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.options)
}

func (p *Proxy) now() Options {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.options
}

// Asked returns the targets that were asked for.
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Shown returns what was shown of users and passwords, "USER:PASSWORD" or empty each time.
func (p *Proxy) Shown() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// CutAll ends all connections that are open.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		conn.Close()
	}
}

func (p *Proxy) serve(conn net.Conn) {
	o := p.now()
	if o.Certificate != nil {
		conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*o.Certificate}})
		defer conn.Close()
	}
	target, answer := p.listen(conn, o)
	if answer == nil {
		return
	}
	if o.Hold != nil {
		<-o.Hold
	}
	if o.Answer != nil {
		if text := o.Answer(target); text != "" {
			io.WriteString(conn, text)
			return
		}
	}
	address, known := o.Names[target]
	if !known {
		answer(false)
		return
	}
	behind, err := net.Dial("tcp", address)
	if err != nil {
		answer(false)
		return
	}
	defer p.note(behind)()
	answer(true)
	if o.Pass == nil {
		o.Pass = PassAll
	}
	o.Pass(conn, behind)
}

// PassAll passes on all bytes, until one side has ended.
func PassAll(caller, target net.Conn) {
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{caller, target}, {target, caller}} {
		go func() {
			io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
	caller.Close()
	target.Close()
	<-ended
}

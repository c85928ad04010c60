//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"wxproxy/bench/peer"
	"wxproxy/bench/upstream"
)

// openFiles is what 10,000 idle callers need, and some more.
const openFiles = 20_000

// A bench has what all measurements share.
type bench struct {
	out         io.Writer
	dir         string // for files that are removed at the end
	plain, tls  *upstream.Server
	ca          string // the file with the certificate of tls
	callers     string // the file with certificate and key for callers that speak TLS
	standing    string // how this session stands beside others
	contestants []*peer.Peer
	programs    []program // the wxproxies among them
	repeats     int       // how many times, at most, a measurement is made again because something else disturbed it
}

func newBench(ctx context.Context, binaries string, out io.Writer) (_ *bench, err error) {
	b := &bench{out: out}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "wxproxy-bench-"); err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	if err := moreFiles(); err != nil {
		return nil, err
	}
	b.standing = preferred()
	config, ca, key, err := upstream.NewTLS()
	if err != nil {
		return nil, err
	}
	b.ca, b.callers = filepath.Join(b.dir, "ca.pem"), filepath.Join(b.dir, "callers.pem")
	err = errors.Join(os.WriteFile(b.ca, ca, 0o600), os.WriteFile(b.callers, append(ca, key...), 0o600))
	if err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	if b.plain, err = upstream.Start(nil); err != nil {
		return nil, err
	}
	if b.tls, err = upstream.Start(config); err != nil {
		return nil, err
	}
	return b, b.enlist(ctx, binaries)
}

// enlist finds out which proxies are measured. The first is nginx, with which the others
// are compared.
func (b *bench) enlist(ctx context.Context, binaries string) error {
	nginx, err := peer.Nginx()
	if err != nil {
		return err
	}
	haproxy, err := peer.HAProxy()
	if err != nil {
		return err
	}
	b.contestants = []*peer.Peer{nginx, haproxy}
	if b.programs, err = parsePrograms(binaries); err != nil {
		return err
	}
	if len(b.programs) == 0 {
		built, err := build(ctx, b.dir)
		if err != nil {
			return err
		}
		b.programs = []program{built}
	}
	for _, program := range b.programs {
		wxproxy, err := peer.WXProxy(program.name, program.path, peer.Shape{Accounts: 1, Clients: 1})
		if err != nil {
			return err
		}
		b.contestants = append(b.contestants, wxproxy)
	}
	for _, c := range b.contestants {
		fmt.Fprintf(b.out, "%s: %s\n", c.Name, c.Version)
	}
	return nil
}

// site returns the surroundings of a proxy before the plain or the TLS upstream.
func (b *bench) site(up *upstream.Server) peer.Site {
	s := peer.Site{Dir: b.dir, Upstream: up.URL(), Token: upstream.Token}
	if strings.HasPrefix(s.Upstream, "https:") {
		s.CA = b.ca
	}
	return s
}

// close stops the upstreams and removes all files. Whoever starts a proxy stops it.
func (b *bench) close() {
	if b.plain != nil {
		b.plain.Close()
	}
	if b.tls != nil {
		b.tls.Close()
	}
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// moreFiles raises the limit of open files, for this program and what it starts.
func moreFiles() error {
	limit := syscall.Rlimit{Cur: openFiles, Max: openFiles}
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return fmt.Errorf("asking for the limit of open files: %w", err)
	}
	limit.Max = max(now.Max, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raising the limit of open files to %d: %w", openFiles, errors.Join(err, errHard))
	}
	return nil
}

var errHard = errors.New("try `ulimit -Hn`")

//go:build linux

// Package peer starts the proxies that are compared, on a core of their own, and
// measures what they use of the machine.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ProxyCore is the core on which every proxy runs, and LoadCore the core for everything
// else.
const (
	ProxyCore = 0
	LoadCore  = 1
)

const (
	startTime = 60 * time.Second // how long a proxy may take until it is ready
	stopTime  = 15 * time.Second
)

// A Process is a running proxy.
type Process struct {
	Name    string
	Addr    string // where it listens
	Began   time.Time
	command *exec.Cmd
	log     string // the file with what it writes
	ended   chan struct{}
}

// Start runs the proxy on its core. It does not wait until the proxy listens.
func (p *Peer) Start(s Site) (*Process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if s.Dir, err = os.MkdirTemp(s.Dir, p.Name+"-"); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	argv, err := p.prepare(s, addr)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	return p.run(s, addr, argv)
}

func (p *Peer) run(s Site, addr string, argv []string) (*Process, error) {
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	defer log.Close()
	// taskset puts the program in its own place, so the process id is the proxy's.
	command := exec.Command("taskset", append([]string{"-c", s.cores()}, argv...)...)
	command.Dir, command.Stdout, command.Stderr = s.Dir, log, log
	command.Env = append(withoutSettings(os.Environ()), "TMPDIR="+s.Dir)
	if s.Threads > 0 {
		command.Env = append(command.Env, "GOMAXPROCS="+strconv.Itoa(s.Threads))
	}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	process := &Process{Name: p.Name, Addr: addr, Began: time.Now(), command: command, log: log.Name(), ended: make(chan struct{})}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	go func() {
		command.Wait() //nolint:errcheck // Stop and Await look at ended, and the log says why
		close(process.ended)
	}()
	return process, nil
}

// cores returns where the proxy runs.
func (s Site) cores() string {
	if s.Threads > 0 {
		return fmt.Sprintf("%d,%d", ProxyCore, LoadCore)
	}
	return strconv.Itoa(ProxyCore)
}

// withoutSettings returns the environment without the variables that would replace
// settings of the file.
func withoutSettings(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool { return strings.HasPrefix(entry, "WXPROXY_") })
}

// Await waits until ready returns no error.
func (p *Process) Await(ctx context.Context, ready func() error) error {
	ctx, stop := context.WithTimeout(ctx, startTime)
	defer stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at its start: %s", p.Name, p.said())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; it said: %s", p.Name, err, p.said())
		case <-time.After(time.Millisecond):
		}
	}
}

// said returns the last part of what the process has written.
func (p *Process) said() string {
	const most = 2000
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-most):])
}

// Stop asks the process to end, kills it if it does not, and waits for its end.
func (p *Process) Stop() error {
	pids := p.pids()
	if err := p.command.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s had ended: %s", p.Name, p.said())
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTime):
	}
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended meanwhile
	}
	<-p.ended
	return fmt.Errorf("%s did not end within %v", p.Name, stopTime)
}

// freeAddr returns an address of loopback where nobody listens.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

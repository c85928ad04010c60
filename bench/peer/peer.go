//go:build linux

package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Peer is a proxy that can be started any number of times.
type Peer struct {
	Name    string
	Version string
	Checks  bool // it refuses unknown keys and forbidden paths
	// prepare writes the configuration into s.Dir and returns the command line of
	// a process that stays in the foreground and listens on addr.
	prepare func(s Site, addr string) (argv []string, err error)
}

// A Site is the surroundings of a proxy.
type Site struct {
	Dir      string // for its files
	Upstream string // the URL of the upstream
	CA       string // the file with the upstream's certificate
	Token    string // the token that nginx and HAProxy add
	Callers  string // the file with certificate and key for callers that speak TLS; "": all speak plain HTTP
	Log      bool   // a line for each request
	Threads  int    // that answer, on both cores; 0: one, on the proxies' core
	Store    string // the folder or the URL of a Redis where wxproxy keeps tokens; "": each process has its own folder
}

// tls reports whether the upstream wants TLS.
func (s Site) tls() bool { return strings.HasPrefix(s.Upstream, "https://") }

// upstreamAddr returns host:port.
func (s Site) upstreamAddr() string {
	_, addr, _ := strings.Cut(s.Upstream, "://")
	return addr
}

// write puts a file into the site's folder and returns its path.
func (s Site) write(name, content string) (string, error) {
	path := filepath.Join(s.Dir, name)
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// versionOf returns the version that the program prints, between after and before.
func versionOf(after, before string, argv ...string) (string, error) {
	said, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", argv[0], err)
	}
	_, version, found := strings.Cut(string(said), after)
	if !found {
		return "", fmt.Errorf("asking %s for its version: it says %q", argv[0], said)
	}
	version, _, _ = strings.Cut(version, before)
	return strings.TrimSpace(version), nil
}

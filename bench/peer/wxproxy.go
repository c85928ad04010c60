//go:build linux

package peer

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// A Shape is how many accounts and clients a wxproxy is configured with, and how many
// accounts have authorized its platform; without any it has no platform.
type Shape struct{ Accounts, Clients, Authorizers int }

// AppSecret is the secret of every account.
const AppSecret = "0123456789abcdef0123456789abcdef"

// AccountName returns the name of account n, counted from 0.
func AccountName(n int) string { return fmt.Sprintf("account-%d", n) }

// ClientKey returns the key of client n, counted from 0.
func ClientKey(n int) string { return fmt.Sprintf("wxk_bench_%042d", n) }

// WXProxy returns the program at path with all that it does in production: keys,
// a policy, metrics, an admin listener, a token store.
func WXProxy(name, path string, shape Shape) (*Peer, error) {
	version, err := versionOf("wxproxy ", "\n", path, "version")
	if err != nil {
		return nil, err
	}
	prepare := func(s Site, addr string) ([]string, error) {
		admin, err := freeAddr()
		if err != nil {
			return nil, err
		}
		toml := wxproxyTOML(s, shape, addr, admin)
		if shape.Authorizers > 0 {
			more, err := platformTOML(s.Dir)
			if err != nil {
				return nil, err
			}
			toml += more
		}
		file, err := s.write("config.toml", toml)
		if err != nil {
			return nil, err
		}
		return []string{path, "serve", "-config", file}, os.WriteFile(adminFile(s.Dir), []byte(admin), 0o600)
	}
	return &Peer{Name: name, Version: version, prepare: prepare, Checks: true}, nil
}

// adminFile is the file into which the address of the admin listener is written.
func adminFile(dir string) string { return filepath.Join(dir, "admin") }

func wxproxyTOML(s Site, shape Shape, addr, admin string) string {
	var toml strings.Builder
	fmt.Fprintf(&toml, "[proxy]\nlisten = %q\nmax_connections = 16384\ntls_cert = %q\ntls_key = %q\n[admin]\nlisten = %q\nkey = %q\n", addr, s.Callers, s.Callers, admin, adminKey)
	fmt.Fprintf(&toml, "[upstream]\nurl = %q\nca_file = %q\n[token]\nstore = %q\n", s.Upstream, s.CA, s.store())
	if shape.Authorizers > 0 {
		fmt.Fprintf(&toml, "encryption_key = %q\n", encryptionKey)
	}
	if s.Log {
		toml.WriteString("[log]\naccess = true\n")
	}
	for n := range shape.Accounts {
		fmt.Fprintf(&toml, "[[account]]\nname = %q\napp_id = \"wx%016x\"\nsecret = %q\n", AccountName(n), n, AppSecret)
		if n == 0 {
			toml.WriteString("default = true\n")
		}
	}
	for n := range shape.Clients {
		fmt.Fprintf(&toml, "[[client]]\nname = \"client-%d\"\nkey = %q\nallow = [\"/cgi-bin/user/*\", \"/cgi-bin/message/*\"]\ndeny = [\"/cgi-bin/message/mass/*\"]\n", n, ClientKey(n))
	}
	return toml.String()
}

// store returns where tokens are kept: the process's own folder, unless the site says
// another or a Redis.
func (s Site) store() string {
	switch {
	case strings.HasPrefix(s.Store, "redis://"):
		return s.Store
	case s.Store != "":
		return "file:" + s.Store
	default:
		return "file:" + filepath.Join(s.Dir, "tokens")
	}
}

// Ready asks a wxproxy whether all accounts have a token. Other proxies are ready as
// soon as they listen.
func (p *Process) Ready() error { return p.askAdmin("/readyz?all=1") }

// Scrape asks a wxproxy for its metrics, as Prometheus does. Other proxies have none here.
func (p *Process) Scrape() error { return p.askAdmin("/metrics") }

func (p *Process) askAdmin(path string) error {
	_, err := p.readAdmin(path)
	return err
}

// readAdmin returns what the admin listener says, nothing if there is none.
func (p *Process) readAdmin(path string) ([]byte, error) {
	admin, err := os.ReadFile(adminFile(p.command.Dir))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+string(admin)+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s says %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

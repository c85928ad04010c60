//go:build linux

package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/bench/upstream"
	"wxproxy/config"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 2 0 -1 4194560 1 2 3 4 250 75 9 9 20 0 1 0"
	tests := []struct{ name, stat string }{
		{"an ordinary name", "42 (nginx)" + rest},
		{"a name with everything", "42 (a) b (c)" + rest},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			user, system, err := parseStat(test.stat)
			if err != nil || user != 2500*time.Millisecond || system != 750*time.Millisecond {
				t.Errorf("got %v, %v, %v; want 2.5s, 750ms", user, system, err)
			}
		})
	}
	for _, stat := range []string{"", "42 (x) S 1 2", "42 (x)" + strings.Replace(rest, "75", "-", 1)} {
		if _, _, err := parseStat(stat); err == nil {
			t.Errorf("%q: got no error; want one", stat)
		}
	}
}

func TestParseResident(t *testing.T) {
	got, err := parseResident("Name:\tx\nVmHWM:\t 9999 kB\nVmRSS:\t   12816 kB\nRssAnon:\t 1 kB\n")
	if err != nil || got != 12816<<10 {
		t.Errorf("got %d, %v; want %d", got, err, 12816<<10)
	}
	for _, status := range []string{"", "Name:\tx\n", "\nVmRSS:\tmany kB\n"} {
		if _, err := parseResident(status); err == nil {
			t.Errorf("%q: got no error; want one", status)
		}
	}
}

func TestCPUClockOfAnotherProcessRuns(t *testing.T) {
	p := sleeper(t, "dash", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exec sleep 60")
	var u Usage
	for until := time.Now().Add(10 * time.Second); u.CPU < 20*time.Millisecond; {
		if time.Now().After(until) {
			t.Fatalf("got %v after 10 s; want 20 ms at least", u)
		}
		time.Sleep(10 * time.Millisecond)
		var err error
		if u, err = p.Usage(); err != nil {
			t.Fatal(err)
		}
	}
	if m, err := p.Memory(); err != nil || m < 100<<10 {
		t.Errorf("got %d bytes of memory, %v", m, err)
	}
}

func TestProcessThatEndsAtOnceSaysWhy(t *testing.T) {
	p := sleeper(t, "dash", "-c", "echo the port is taken >&2; exit 1")
	err := p.Await(t.Context(), func() error { return os.ErrNotExist })
	if err == nil || !strings.Contains(err.Error(), "the port is taken") {
		t.Errorf("got %v; want what the process said", err)
	}
}

// sleeper runs argv like a proxy.
func sleeper(t *testing.T, argv ...string) *Process {
	t.Helper()
	peer := &Peer{Name: "sleeper", prepare: func(Site, string) ([]string, error) { return argv, nil }}
	p, err := peer.Start(Site{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	return p
}

func TestWXProxysConfigurationIsValid(t *testing.T) {
	dir := t.TempDir()
	s := Site{Dir: dir, Upstream: "https://127.0.0.1:1"}
	_, pem, _, err := upstream.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	if s.CA, err = s.write("ca.pem", string(pem)); err != nil {
		t.Fatal(err)
	}
	path, err := s.write("config.toml", wxproxyTOML(s, Shape{Accounts: 3, Clients: 2}, "127.0.0.1:2", "127.0.0.1:3"))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Accounts) != 3 || len(cfg.Clients) != 2 {
		t.Errorf("got %d accounts, %d clients; want 3, 2", len(cfg.Accounts), len(cfg.Clients))
	}
}

func TestConfigurationsNameWhatTheyNeed(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1", "https://127.0.0.1:1"} {
		s := Site{Dir: t.TempDir(), Upstream: url, CA: "/ca.pem", Token: "THE-TOKEN"}
		for name, prepare := range map[string]func(Site, string) ([]string, error){"nginx.conf": prepareNginx, "haproxy.cfg": prepareHAProxy} {
			t.Run(name+" "+url, func(t *testing.T) {
				argv, err := prepare(s, "127.0.0.1:2")
				if err != nil {
					t.Fatal(err)
				}
				conf, err := os.ReadFile(filepath.Join(s.Dir, name))
				if err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{"127.0.0.1:1", "127.0.0.1:2", "access_token=THE-TOKEN"} {
					if !strings.Contains(string(conf), want) {
						t.Errorf("got no %q", want)
					}
				}
				if secure := strings.Contains(string(conf), "/ca.pem"); secure != s.tls() {
					t.Errorf("got the certificate %v; want %v", secure, s.tls())
				}
				if got := strings.Join(argv, " "); !strings.Contains(got, filepath.Join(s.Dir, name)) {
					t.Errorf("got %q", got)
				}
			})
		}
	}
}

func TestConfigurationsForCallersByTLSAndForALog(t *testing.T) {
	for _, asked := range []bool{false, true} {
		s := Site{Dir: t.TempDir(), Upstream: "http://127.0.0.1:1", Log: asked}
		if asked {
			s.Callers = "/callers.pem"
		}
		prepareWXProxy := func(s Site, addr string) ([]string, error) {
			_, err := s.write("config.toml", wxproxyTOML(s, Shape{Accounts: 1, Clients: 1}, addr, "127.0.0.1:3"))
			return nil, err
		}
		for name, p := range map[string]struct {
			prepare func(Site, string) ([]string, error)
			log     string
		}{"nginx.conf": {prepareNginx, "/access.log"}, "haproxy.cfg": {prepareHAProxy, ""}, "config.toml": {prepareWXProxy, "access = true"}} {
			if _, err := p.prepare(s, "127.0.0.1:2"); err != nil {
				t.Fatal(err)
			}
			conf, err := os.ReadFile(filepath.Join(s.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(conf), "/callers.pem"); got != asked {
				t.Errorf("%s: got the callers' certificate %v; want %v", name, got, asked)
			}
			if got := strings.Contains(string(conf), p.log); p.log != "" && got != asked {
				t.Errorf("%s: got a log %v; want %v", name, got, asked)
			}
			if strings.Contains(string(conf), "SECURE") || strings.Contains(string(conf), "LOG;") {
				t.Errorf("%s: got a mark that nothing replaced: %s", name, conf)
			}
		}
	}
}

func TestAProxyWithThreadsHasBothCores(t *testing.T) {
	for threads, want := range map[int]struct{ cores, workers string }{0: {"0", "worker_processes 1;"}, 1: {"0,1", "worker_processes 1;"}, 2: {"0,1", "worker_processes 2;"}} {
		s := Site{Dir: t.TempDir(), Upstream: "http://127.0.0.1:1", Threads: threads}
		if got := s.cores(); got != want.cores {
			t.Errorf("%d threads: got cores %q; want %q", threads, got, want.cores)
		}
		if _, err := prepareNginx(s, "127.0.0.1:2"); err != nil {
			t.Fatal(err)
		}
		if conf, err := os.ReadFile(filepath.Join(s.Dir, "nginx.conf")); err != nil || !strings.Contains(string(conf), want.workers) {
			t.Errorf("%d threads: got %s, %v; want %q", threads, conf, err, want.workers)
		}
	}
}

func TestParseIdle(t *testing.T) {
	const stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 727148 63424 147763 2441237 2541 0 17974 19716 0 0\ncpu1 1 2 3 40 5 6 7 8 0 0\nintr 1\n"
	for core, want := range map[int]time.Duration{0: 24437780 * time.Millisecond, 1: 450 * time.Millisecond} {
		if got, err := parseIdle(stat, core); err != nil || got != want {
			t.Errorf("core %d: got %v, %v; want %v", core, got, err, want)
		}
	}
	for name, stat := range map[string]string{"no such core": stat[:20], "cut": stat[:50], "no number": "cpu 1\ncpu0 1 2 3 x 5 6\n"} {
		if got, err := parseIdle(stat, 0); err == nil {
			t.Errorf("%s: got %v; want an error", name, got)
		}
	}
	if idle, err := IdleTime(ProxyCore); err != nil || idle == 0 {
		t.Errorf("got %v, %v of this machine", idle, err)
	}
}

func TestFilesWithoutANameAndDescriptorsAreCounted(t *testing.T) {
	p := sleeper(t, "dash", "-c", "exec 8>body; rm body; head -c 1048576 /dev/zero >&8; echo one; echo two; exec sleep 60")
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		bytes, err := p.Nameless()
		logged, lines, errLog := p.Logged()
		files, errFiles := p.Descriptors()
		if err != nil || errLog != nil || errFiles != nil {
			t.Fatal(err, errLog, errFiles)
		}
		if bytes == 1<<20 && logged == len("one\ntwo\n") && lines == 2 && files >= 4 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("got %d bytes, %d bytes and %d lines of the log, %d descriptors; want 1 MiB, 8, 2, at least 4", bytes, logged, lines, files)
		}
	}
}

func TestARedisCountsItsCommands(t *testing.T) {
	p, err := Redis().Start(Site{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	before := 0
	if err := p.Await(t.Context(), func() (err error) { before, err = p.Commands(t.Context()); return err }); err != nil {
		t.Fatal(err)
	}
	if after, err := p.Commands(t.Context()); err != nil || after != before+1 {
		t.Errorf("got %d commands after %d, %v; want the one that asked", after, before, err)
	}
}

func TestWhereTokensAreKept(t *testing.T) {
	for store, want := range map[string]string{"": "file:/site/tokens", "/stored": "file:/stored", "redis://127.0.0.1:1/2": "redis://127.0.0.1:1/2"} {
		if got := (Site{Dir: "/site", Store: store}).store(); got != want {
			t.Errorf("%q: got %q; want %q", store, got, want)
		}
	}
}

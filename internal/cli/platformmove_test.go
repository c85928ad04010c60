package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/config"
	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/redis"
	"wxproxy/token/store/seal"
)

// manyLines returns a file of refresh tokens of so many accounts.
func manyLines(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "wx%016x,refreshtoken@@@canary%d\n", i, i)
	}
	return text.String()
}

// A moving is a SaaS that gives up its own implementation.
type moving struct {
	*platformtest.Platform
	t      *testing.T
	wechat *wechattest.WeChat
}

// aMoving returns one whose accounts have authorized it before.
func aMoving(t *testing.T, appIDs ...string) (m *moving, lines string) {
	m = &moving{t: t, wechat: wechattest.New()}
	m.Platform = platformtest.Add(m.wechat, platformtest.Settings{AppID: component, Secret: "canary-component-secret"})
	own := m.runs(store.NewMemory(), nil)
	for _, appID := range appIDs {
		if _, err := own.Redeem(t.Context(), secret.New(m.Grant(appID).Code)); err != nil {
			t.Fatal(err)
		}
		lines += appID + "," + m.RefreshToken(appID) + "\n"
	}
	own.Stop()
	return m, lines
}

// runs runs a platform, and pushes it a ticket.
func (m *moving) runs(s token.PlatformStore, shared platform.Shared) *platform.Platform {
	m.t.Helper()
	p := platform.New(platform.Options{
		Name: "saas", AppID: component, HTTP: &http.Client{Transport: m.wechat}, URL: "https://api.weixin.qq.com",
		Secret: func() (secret.Secret, error) { return secret.New("canary-component-secret"), nil }, Store: s, Shared: shared,
	})
	p.Start()
	m.t.Cleanup(p.Stop)
	within(m.t, "the store is read", p.Loaded)
	if _, err := p.Event(m.t.Context(), platform.Push{ID: "ticket", Received: time.Now(), ContentType: "text/xml", Body: m.NewTicket().Content}); err != nil {
		m.t.Fatal(err)
	}
	return p
}

// listed returns s, where the list was read lately: a platform that finds it there does not
// read it by itself, which would restore the accounts before they are imported.
func listed(t *testing.T, s token.PlatformStore) token.PlatformStore {
	t.Helper()
	_, err := s.Amend(token.Key{Platform: component, AppID: component}, func(r *token.Record) bool {
		r.ListedAt = time.Now().Truncate(time.Second)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func isServed(p *platform.Platform, appID string) bool {
	a, isKnown := p.Authorizer(appID)
	if !isKnown {
		return false
	}
	_, err := a.Token(5 * time.Second)
	return err == nil
}

const (
	first  = "wx1111111111111111"
	second = "wx2222222222222222"
)

// What the command says of a proxy that runs already is so.
func TestAProxyThatRunsTakesWhatIsImportedIntoFiles(t *testing.T) {
	config, dir := configured(t, "")
	m, lines := aMoving(t, first, second)
	p := m.runs(listed(t, opened(t, dir, "")), nil)
	code, printed := run(t, "platform", "import", "-config", config, fileWith(t, lines))
	if code != 0 || !strings.Contains(printed, "at its next start; those that WeChat's list has, also when it is read: POST /platforms/saas/recover") {
		t.Fatalf("got %d %s; want it imported", code, printed)
	}
	if isServed(p, first) {
		t.Error("the account is served although nobody has told the process of it")
	}
	if done, err := p.Recover(t.Context()); err != nil || done.Listed != 2 || !isServed(p, first) || !isServed(p, second) {
		t.Errorf("recovering: got %+v, %v; want both served", done, err)
	}
	p.Stop()
	if next := m.runs(opened(t, dir, ""), nil); !isServed(next, first) || !isServed(next, second) {
		t.Error("after a restart an account is not served")
	}
	if c := m.Counts(); c.RefusedRefreshes != 0 {
		t.Errorf("got %d refreshes refused; want the refresh tokens used that were imported", c.RefusedRefreshes)
	}
}

func TestProxiesThatRunTakeWhatIsImportedIntoRedis(t *testing.T) {
	server := redistest.Start(t)
	config, _ := configured(t, encryption)
	t.Setenv("WXPROXY_STORE", "redis://"+server.Addr)
	m, lines := aMoving(t, first, second)
	s := inRedis(t, server)
	p := m.runs(listed(t, s), s)
	code, printed := run(t, "platform", "import", "-config", config, fileWith(t, lines+manyLines(5000)))
	if code != 0 || !strings.Contains(printed, "5002 imported") || !strings.Contains(printed, "serve them from now on") || strings.Contains(printed, "recover") {
		t.Fatalf("got %d %s; want it imported", code, printed)
	}
	within(t, "all are known", func() bool { return p.Status().Authorizers[platform.StateReady] == 5002 })
	if !isServed(p, first) || !isServed(p, second) {
		t.Error("an account is not served")
	}
	if value := fmt.Sprint(server.MustDo("HGETALL", "wxproxy:"+component+":"+numberedApp(7)+":token")); strings.Contains(value, "canary") || !strings.Contains(value, "refresh_token") {
		t.Errorf("got %s; want the refresh token encrypted", value)
	}
}

// A proxy with an empty store reads WeChat's list soon after its first ticket. Whichever of the
// two has an account first, the other leaves it as it is.
func TestAnImportBesideTheFirstListLosesNothing(t *testing.T) {
	for _, row := range []struct {
		name    string
		isFirst bool // the list was read before the import
		want    string
	}{
		{"the list first", true, "1 imported, 2 there already, 0 older than what is there, 0 refused"},
		{"the import first", false, "3 imported, 0 there already, 0 older than what is there, 0 refused"},
	} {
		t.Run(row.name, func(t *testing.T) {
			config, dir := configured(t, "")
			m, lines := aMoving(t, first, second)
			p := m.runs(listed(t, opened(t, dir, "")), nil)
			read := func() {
				if done, err := p.Recover(t.Context()); err != nil || done.Listed != 2 {
					t.Fatalf("got %+v, %v; want the list read", done, err)
				}
			}
			if row.isFirst {
				read()
			}
			code, printed := run(t, "platform", "import", "-config", config, fileWith(t, lines+manyLines(1)))
			if code != 0 || !strings.Contains(printed, row.want) {
				t.Fatalf("got %d %s; want %s", code, printed, row.want)
			}
			read()
			if !isServed(p, first) || !isServed(p, second) {
				t.Error("an account that the list has is not served")
			}
			if _, isKnown := p.Authorizer(numberedApp(0)); isKnown {
				t.Error("what the list lacks is known before the next start")
			}
			p.Stop()
			next := m.runs(opened(t, dir, ""), nil)
			if _, isKnown := next.Authorizer(numberedApp(0)); !isKnown || !isServed(next, first) || !isServed(next, second) {
				t.Error("after a restart an account is missing")
			}
			if c := m.Counts(); c.RefusedRefreshes != 0 {
				t.Errorf("got %d refreshes refused; want none", c.RefusedRefreshes)
			}
		})
	}
}

func numberedApp(i int) string { return fmt.Sprintf("wx%016x", i) }

// inRedis opens the store as a proxy does that serves.
func inRedis(t *testing.T, server *redistest.Server) *redis.Store {
	t.Helper()
	opened, err := store.Open(store.Config{Spec: secret.New("redis://" + server.Addr), KeyPrefix: "wxproxy", Key: encryptionKey()})
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*redis.Store)
	s.Start()
	t.Cleanup(func() { s.Close() })
	return s
}

// encryptionKey is what encryption says.
func encryptionKey() secret.Secret {
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	return secret.New(string(key[:]))
}

// An interrupting store ends ctx after some changes.
type interrupting struct {
	token.PlatformStore
	after atomic.Int32
	end   context.CancelFunc
}

func (s *interrupting) Amend(key token.Key, change func(*token.Record) bool) (token.Record, error) {
	if s.after.Add(-1) == 0 {
		s.end()
	}
	return s.PlatformStore.Amend(key, change)
}

func (s *interrupting) Each(platform string, look func(token.Key, token.Record, error) error) error {
	s.end()
	return s.PlatformStore.Each(platform, look)
}

func TestAnImportThatIsInterruptedGoesOnWhenItIsRunAgain(t *testing.T) {
	config, dir := configured(t, "")
	file := fileWith(t, manyLines(200))
	ctx, end := context.WithCancel(t.Context())
	s := &interrupting{PlatformStore: opened(t, dir, ""), end: end}
	s.after.Store(50)
	var out bytes.Buffer
	move := grantMove{store: s, platform: platformOf(t, config), file: file, terminal: terminal{out: &out, err: &out}}
	if err := move.run(ctx); !errors.Is(err, errInterrupted) || !strings.Contains(err.Error(), "not all was imported; run it again") || strings.Contains(out.String(), "canary") {
		t.Fatalf("got %v, %s; want that it is to be run again", err, &out)
	}
	var before int
	if _, err := fmt.Sscanf(out.String(), "saas ("+component+"): %d imported", &before); err != nil || before < 50 || before > 50+2*atATime {
		t.Fatalf("got %s; want about 50 imported", &out)
	}
	want := fmt.Sprintf("%d imported, %d there already, 0 older than what is there, 0 refused", 200-before, before)
	if code, printed := run(t, "platform", "import", "-config", config, file); code != 0 || !strings.Contains(printed, want) {
		t.Errorf("got %d %s; want %s", code, printed, want)
	}
}

func platformOf(t *testing.T, path string) config.Platform {
	t.Helper()
	cfg, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Platforms[0]
}

// A part of an export would look like the whole.
func TestAnExportThatIsInterruptedLeavesNoFile(t *testing.T) {
	config, dir := configured(t, encryption)
	if code, printed := run(t, "platform", "import", "-config", config, fileWith(t, manyLines(3))); code != 0 {
		t.Fatalf("got %d %s", code, printed)
	}
	sealer, err := seal.New(encryptionKey(), secret.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	out := filepath.Join(t.TempDir(), "export")
	move := grantMove{
		store: &interrupting{PlatformStore: opened(t, dir, string([]byte(encryptionKey().Reveal()))), end: end}, platform: platformOf(t, config),
		sealer: sealer, file: out, terminal: terminal{out: &bytes.Buffer{}, err: &bytes.Buffer{}},
	}
	if err := move.export(ctx); !errors.Is(err, errInterrupted) {
		t.Errorf("got %v; want that it was interrupted", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a part of an export is left")
	}
}

func TestNothingIsImportedIntoMemory(t *testing.T) {
	config, _ := configured(t, "")
	t.Setenv("WXPROXY_STORE", "memory:")
	for _, word := range []string{"import", "export"} {
		code, printed := run(t, "platform", word, "-config", config, fileWith(t, manyLines(1)))
		if code == 0 || !strings.Contains(printed, `"memory:" is no place to import into or to export from: it ends with its process`) {
			t.Errorf("%s: got %d %s; want it refused in words", word, code, printed)
		}
	}
}

func TestAnImportReadsTheStandardInput(t *testing.T) {
	config, dir := configured(t, encryption)
	for _, row := range []struct {
		text, want string
		code       int
	}{
		{"\ufeff" + first + ",refreshtoken@@@canary\r\n", "1 imported", 0},
		{"", "-: there is no line in it", 1},
	} {
		file, err := os.Open(fileWith(t, row.text))
		if err != nil {
			t.Fatal(err)
		}
		stdin := os.Stdin
		os.Stdin = file
		code, printed := run(t, "platform", "import", "-config", config, "-")
		os.Stdin = stdin
		file.Close()
		if code != row.code || !strings.Contains(printed, row.want) {
			t.Errorf("got %d %s; want %d, %s", code, printed, row.code, row.want)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, component, first+".json"))
	if err != nil || bytes.Contains(content, []byte("canary")) || !bytes.Contains(content, []byte("refresh_token")) {
		t.Errorf("got %s, %v; want the refresh token encrypted", content, err)
	}
}

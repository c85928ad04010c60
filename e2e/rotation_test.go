package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

const rotationPage = "docs/rotation.md"

// A rotation is some replicas with the files that docs/rotation.md begins with, and
// what the page says about each secret.
type rotation struct {
	t        *testing.T
	w        weChat
	bin      string // has a program wxproxy
	env      []string
	replicas []*rotated
	sections map[string][]block // by heading: the blocks that are run
	key      atomic.Value       // the client's, a string
}

// A rotated is one replica. Callers hold its lock for a request each, and a restart holds it
// alone: whoever waits in the socket of systemd waits so, too.
type rotated struct {
	*program
	mu       sync.RWMutex
	etc, tmp string
}

// The secrets that the page begins with.
const (
	firstAdminKey = "the-first-key-of-operators"
	firstReadKey  = "the-first-key-of-prometheus"
	firstOrderKey = "the-first-key-of-the-program-orders"
	firstPassword = "the-first-password-of-redis"
	billingKey    = "the-key-of-the-program-billing"
)

// startRotation starts n replicas with the page's own configuration and one client more,
// whose key does not change.
func startRotation(t *testing.T, w weChat, n int, redis string, env ...string) *rotation {
	t.Helper()
	r := &rotation{t: t, w: w, bin: t.TempDir(), env: append(env, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL="+w.URL)}
	r.key.Store(firstOrderKey)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, r.bin+"/wxproxy", "#!/bin/sh\nexec '"+executable+"' \"$@\"\n")
	chmod(t, r.bin+"/wxproxy", 0o700)
	toml := ""
	r.sections, toml = rotationSteps(t)
	for range n {
		one := &rotated{etc: t.TempDir(), tmp: t.TempDir()}
		r.replicas = append(r.replicas, one)
		for name, content := range map[string]string{
			"config.toml": strings.ReplaceAll(toml, "/etc/wxproxy", one.etc) + "\n[[client]]\nname = \"billing\"\nkey = \"" + billingKey + "\"\n",
			"admin-key":   firstAdminKey, "read-key": firstReadKey, "orders-key": firstOrderKey, "shop-secret": appSecret,
			"store":     "redis://wxproxy:" + firstPassword + "@" + redis + "/0\n",
			"token-key": base64.StdEncoding.EncodeToString([]byte(appSecret)),
		} {
			writeFile(t, filepath.Join(one.etc, name), content)
		}
		one.program = r.serving(one)
	}
	return r
}

func (r *rotation) serving(one *rotated) *program {
	r.t.Helper()
	p := start(r.t, launch{args: []string{"serve", "-config", one.etc + "/config.toml"}, env: append(slices.Clone(r.env), "TMPDIR="+one.tmp)})
	p.awaitServing()
	p.awaitReady()
	return p
}

// rotationSteps returns the blocks of the page that are run, by heading, and the configuration that
// it begins with.
func rotationSteps(t *testing.T) (sections map[string][]block, toml string) {
	t.Helper()
	sections = map[string][]block{}
	lines := strings.Split(read(t, rotationPage), "\n")
	for _, b := range readBlocks(t, rotationPage) {
		heading := ""
		for _, line := range lines[:b.line] {
			if text, ok := strings.CutPrefix(line, "## "); ok {
				heading = text
			}
		}
		switch {
		case b.info == "toml config":
			toml = b.text
		case strings.HasPrefix(b.info, "sh rotate"):
			sections[heading] = append(sections[heading], b)
		}
	}
	return sections, toml
}

// steps returns the blocks of a section, of which there are so many.
func (r *rotation) steps(heading string, want int) []block {
	r.t.Helper()
	if got := len(r.sections[heading]); got != want {
		r.t.Fatalf("%s: got %d steps below %q; want %d", rotationPage, got, heading, want)
	}
	return r.sections[heading]
}

// run runs a block on one replica and returns what it printed.
func (r *rotation) run(b block, on *rotated, input string) string {
	r.t.Helper()
	text := strings.NewReplacer("/etc/wxproxy", on.etc, "http://127.0.0.1:8081", on.admin).Replace(b.text)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-e", "-c", text)
	shell.Dir, shell.Stdin = r.t.TempDir(), strings.NewReader(input)
	shell.Env = append(slices.Clone(on.cmd.Env), "PATH="+r.bin+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil {
		r.t.Fatalf("line %d: %s\ngot %v: %s", b.line, text, err, out)
	}
	return string(out)
}

// reload takes the files of the first replica to the others and reloads each, as the page
// says to do after each change.
func (r *rotation) reload() {
	r.t.Helper()
	r.distribute()
	for _, one := range r.replicas {
		if out := r.run(r.steps("", 1)[0], one, ""); !strings.Contains(out, "reloaded") || strings.Contains(out, "warning") {
			r.t.Errorf("got %s; want a reload without a remark", out)
		}
	}
	hashes := map[string]bool{}
	for _, one := range r.replicas {
		hashes[one.configHash("Authorization: Bearer "+r.file("admin-key"))] = true
	}
	if len(hashes) != 1 || hashes[""] {
		r.t.Errorf("got the configurations %v; want one for all", hashes)
	}
}

// configHash returns what /status says of the configuration in force.
func (p *program) configHash(headers ...string) string {
	p.t.Helper()
	var status struct {
		Config struct{ Hash string }
	}
	if a := p.mustAsk("GET", p.admin+"/status", "", headers...); json.Unmarshal([]byte(a.body), &status) != nil {
		p.t.Errorf("/status: got %d %s", a.code, a.body)
	}
	return status.Config.Hash
}

// distribute takes the files of the first replica to the others.
func (r *rotation) distribute() {
	r.t.Helper()
	first := r.replicas[0]
	entries, err := os.ReadDir(first.etc)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, other := range r.replicas[1:] {
		old, err := filepath.Glob(other.etc + "/*-old")
		if err != nil {
			r.t.Fatal(err)
		}
		for _, path := range old {
			os.Remove(path)
		}
		for _, entry := range entries {
			content := read(r.t, filepath.Join(first.etc, entry.Name()))
			writeFile(r.t, filepath.Join(other.etc, entry.Name()), strings.ReplaceAll(content, first.etc, other.etc))
		}
	}
}

// file returns the content of a file of the first replica.
func (r *rotation) file(name string) string {
	return strings.TrimSpace(read(r.t, filepath.Join(r.replicas[0].etc, name)))
}

// under runs do while both programs call all replicas. A request that fails fails the test.
func (r *rotation) under(do func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var callers sync.WaitGroup
	var requests atomic.Int64
	for _, one := range r.replicas {
		for n := range 4 {
			callers.Go(func() {
				for ctx.Err() == nil && !r.t.Failed() {
					one.mu.RLock()
					key := billingKey
					if n%2 == 0 {
						key = r.key.Load().(string)
					}
					a, err := one.ask("GET", one.proxy+userInfo, "", "Authorization: Bearer "+key)
					one.mu.RUnlock()
					if err != nil || a.code != http.StatusOK || !strings.Contains(a.body, `"openid"`) {
						r.t.Errorf("got %d %s, %v; want the user", a.code, a.body, err)
					}
					requests.Add(1)
					time.Sleep(2 * time.Millisecond)
				}
			})
		}
	}
	do()
	cancel()
	callers.Wait()
	r.t.Logf("%d requests", requests.Load())
}

// mustBe fails the test unless each replica answers a request with this status.
func (r *rotation) mustBe(what string, want int, method string, url func(p *program) string, key string) {
	r.t.Helper()
	for _, one := range r.replicas {
		if a := one.mustAsk(method, url(one.program), "", "Authorization: Bearer "+key); a.code != want {
			r.t.Errorf("%s: got %d %s; want %d", what, a.code, a.body, want)
		}
	}
}

func callersPage(p *program) string { return p.proxy + userInfo }
func statusPage(p *program) string  { return p.admin + "/status" }
func tokenPage(p *program) string   { return p.admin + "/accounts/shop/token" }

// appSecret has a new AppSecret set at WeChat's and follows the page.
func (r *rotation) appSecret() {
	r.t.Helper()
	const another = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b99"
	steps := r.steps("AppSecret", 2)
	r.w.SetSecret(appID, another)
	r.run(steps[0], r.replicas[0], another+"\n")
	r.distribute()
	for _, one := range r.replicas {
		if out := r.run(steps[1], one, ""); !strings.Contains(out, `"last_error": null`) || !strings.Contains(out, `"state": "fresh"`) || !strings.Contains(out, `"asked": true`) {
			r.t.Errorf("got %s; want WeChat asked, a token and no error", out)
		}
	}
}

// change follows a section in two steps: both keys are good after the first, and then
// the one before is not. between is what is done meanwhile.
func (r *rotation) change(heading, file string, url func(p *program) string, between func(now string)) {
	r.t.Helper()
	steps := r.steps(heading, 2)
	old := r.file(file)
	r.run(steps[0], r.replicas[0], "")
	r.reload()
	now := r.file(file)
	if now == old {
		r.t.Errorf("%s: got the key as it was", heading)
	}
	r.mustBe(heading+", the old key beside the new one", http.StatusOK, "GET", url, old)
	r.mustBe(heading+", the new key", http.StatusOK, "GET", url, now)
	between(now)
	r.run(steps[1], r.replicas[0], "")
	r.reload()
	r.mustBe(heading+", the new key alone", http.StatusOK, "GET", url, now)
	r.mustBe(heading+", the old key", http.StatusUnauthorized, "GET", url, old)
}

// encryptionKey follows the page. No token is fetched for it, and one that starts anew
// meanwhile reads what is stored.
func (r *rotation) encryptionKey(redis *redistest.Server) {
	r.t.Helper()
	steps, old := r.steps("The encryption key", 3), r.file("token-key")
	fetched := func() int { n := r.w.Fetches(appID); return n.Stable + n.Classic }
	before := fetched()
	for i, step := range steps {
		r.run(step, r.replicas[0], "")
		r.reload()
		r.replicas[i].mu.Lock()
		r.replicas[i].stop()
		r.replicas[i].program = r.serving(r.replicas[i])
		r.replicas[i].mu.Unlock()
		if got := fetched(); got != before {
			r.t.Errorf("step %d: got %d tokens fetched; want none", i+1, got-before)
		}
		if i == 1 { // the token is stored anew, as it is within two hours
			generation := func() string {
				return fmt.Sprint(redis.MustDo("HGET", "wxproxy:"+appID+":token", "generation"))
			}
			one, stored := r.replicas[0], generation()
			one.eventually("the token stored anew", func() bool {
				one.mustAsk("POST", one.admin+"/accounts/shop/refresh", "", "Authorization: Bearer "+r.file("admin-key"))
				return generation() != stored
			})
			before = fetched()
		}
	}
	if r.file("token-key") == old {
		r.t.Error("got the encryption key as it was")
	}
}

// password follows the page. The old password is worthless at once, and the others notice that
// none was without the new one.
func (r *rotation) password(redis *redistest.Server) {
	r.t.Helper()
	const another = "another-password-of-redis"
	redis.MustDo("ACL", "SETUSER", "wxproxy", ">"+another)
	url := strings.Replace(r.file("store"), firstPassword, another, 1)
	r.run(r.steps("The password of Redis", 1)[0], r.replicas[0], url+"\n")
	r.reload()
	redis.MustDo("ACL", "SETUSER", "wxproxy", "<"+firstPassword)
	redis.MustDo("CLIENT", "KILL", "USER", "wxproxy")
	time.Sleep(5 * time.Second) // Redis is asked every 3 s
	for _, one := range r.replicas {
		if s := one.storeOf("Authorization: Bearer " + r.file("admin-key")); !s.Up || s.LastError != nil {
			r.t.Errorf("got %+v; want a store that takes the new password", s)
		}
	}
}

// Each secret is changed by the page's own commands, at three replicas that share a Redis,
// and no request fails.
func TestEverySecretIsRotatedAsThePageSays(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	redis := redistest.Start(t)
	redis.MustDo("ACL", "SETUSER", "wxproxy", "on", ">"+firstPassword, "~*", "&*", "+@all")
	r := startRotation(t, w, 3, redis.Addr)
	r.under(func() {
		r.appSecret()
		r.change("A client's key", "orders-key", callersPage, func(now string) {
			r.key.Store(now)
			time.Sleep(100 * time.Millisecond) // until the calls with the old key have ended
		})
		r.change("The operators' key", "admin-key", tokenPage, func(string) {})

		r.run(r.steps("The key for watching", 1)[0], r.replicas[0], "")
		r.reload()
		r.mustBe("the new key for watching", http.StatusOK, "GET", statusPage, r.file("read-key"))

		r.encryptionKey(redis)
		r.password(redis)
	})
	for _, one := range r.replicas {
		one.stop()
		for _, secret := range []string{firstAdminKey, firstReadKey, firstOrderKey, appSecret, r.file("admin-key"), r.file("read-key"), r.file("orders-key"), r.file("token-key"), firstPassword, "another-password-of-redis"} {
			if strings.Contains(one.stderr.String(), secret) {
				t.Error("a log has a secret")
			}
		}
	}
}

// After a leak nothing that was stolen is good any more, and a program whose key was
// not stolen notices nothing.
func TestALeakIsEndedAsThePageSays(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret, Life: 2*time.Hour - time.Minute})
	dir := filepath.Join(t.TempDir(), "tokens")
	r := startRotation(t, w, 1, "", "WXPROXY_STORE=file:"+dir)
	one := r.replicas[0]
	one.stop()
	age(t, filepath.Join(dir, appID+".json"))
	one.program = r.serving(one)

	stolen := w.Tokens(appID)
	r.key.Store(billingKey) // orders is refused meanwhile
	r.under(func() {
		r.appSecret()
		r.change("The operators' key", "admin-key", tokenPage, func(string) {})
		r.change("A client's key", "orders-key", callersPage, func(string) {})
		r.run(r.steps("All of them, after a leak", 1)[0], one, "")
	})
	if now := w.Tokens(appID); len(now) != 1 || slices.Contains(stolen, now[0]) {
		t.Errorf("got a stolen token that WeChat honours; want another one alone")
	}
	one.stop()
}

// A renewed certificate is taken as the page says, and no handshake fails meanwhile.
func TestACertificateIsRenewedAsThePageSays(t *testing.T) {
	t.Parallel()
	r := startRotation(t, startWeChat(t), 1, "", "WXPROXY_STORE=memory:")
	r.key.Store(firstOrderKey)
	one, a := r.replicas[0], newAuthority(t)
	a.leaf("first")
	a.leaf("second")
	place := func(name, as string) {
		writeFile(t, filepath.Join(one.etc, as+".crt"), read(t, a.path(name+".pem")))
		writeFile(t, filepath.Join(one.etc, as+".key"), read(t, a.path(name+".key")))
	}
	place("first", "tls")
	config := filepath.Join(one.etc, "config.toml")
	writeFile(t, config, fmt.Sprintf("[proxy]\ntls_cert = %q\ntls_key = %q\n", one.etc+"/tls.crt", one.etc+"/tls.key")+read(t, config))
	one.stop()
	one.program = r.serving(one)
	one.proxy, one.client = strings.Replace(one.proxy, "http:", "https:", 1), a.client("")
	one.client.Transport.(*http.Transport).DisableKeepAlives = true // each request has a handshake
	r.under(func() {
		place("second", "new")
		r.run(r.steps("TLS certificates", 1)[0], one, "")
		r.reload()
		time.Sleep(100 * time.Millisecond)
	})
	shown, err := tls.Dial("tcp", strings.TrimPrefix(one.proxy, "https://"), one.client.Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	if want, _ := pem.Decode([]byte(read(t, a.path("second.pem")))); !bytes.Equal(shown.ConnectionState().PeerCertificates[0].Raw, want.Bytes) {
		t.Error("got another certificate than the renewed one")
	}
	one.stop()
}

// The page's table names each of its sections, and every step is run by a test.
func TestTheRotationPageIsWhole(t *testing.T) {
	t.Parallel()
	sections, toml := rotationSteps(t)
	if !strings.Contains(toml, "/etc/wxproxy") {
		t.Errorf("got the configuration %q; want one with files", toml)
	}
	followed := map[string]int{"": 1, "AppSecret": 2, "A client's key": 2, "The operators' key": 2, "The key for watching": 1, "The encryption key": 3, "The password of Redis": 1, "TLS certificates": 1, "All of them, after a leak": 1}
	for heading, steps := range sections {
		if followed[heading] != len(steps) {
			t.Errorf("%q: got %d steps; want the %d that tests follow", heading, len(steps), followed[heading])
		}
	}
	page := []byte(read(t, rotationPage))
	table, _, _ := bytes.Cut(page, []byte("\n## "))
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			anchor := strings.ReplaceAll(strings.ToLower(strings.NewReplacer("'", "", ",", "").Replace(strings.TrimSpace(heading))), " ", "-")
			if !bytes.Contains(table, []byte("(#"+anchor+")")) {
				t.Errorf("the table at the top has no link to %q", heading)
			}
		}
	}
}

package service

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"wxproxy/config"
	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
)

const (
	pushKey    = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	pushKeyNew = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// A receiving program notes what it is sent.
type receiving struct {
	*httptest.Server
	mu   sync.Mutex // guards what follows
	got  []string   // contents of messages
	fail bool
}

func (p *receiving) note(content string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, content)
}

func (p *receiving) setFail(fail bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

func (p *receiving) contents() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.got, ",")
}

func between(text, start, end string) string {
	_, text, _ = strings.Cut(text, start)
	text, _, _ = strings.Cut(text, end)
	return text
}

// startProgram starts a program that calls answer for each push, if it does not fail.
func startProgram(t *testing.T, answer func(w http.ResponseWriter, content string)) *receiving {
	t.Helper()
	p := &receiving{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		content := strings.TrimSuffix(strings.TrimPrefix(between(string(body), "<Content>", "</Content>"), "<![CDATA["), "]]>")
		p.mu.Lock()
		fail := p.fail
		p.mu.Unlock()
		if fail {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		p.note(content)
		if answer != nil {
			answer(w, content)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

const pushListen = "[push]\nlisten = \"127.0.0.1:0\"\n"

func pushedShop(keys string) string { return shop + "push_token = \"shop-push-token\"\n" + keys + "\n" }

func forwardTo(url string, lines ...string) string {
	return fmt.Sprintf("[[forward]]\nurl = %q\n%s\n", url, strings.Join(lines, "\n"))
}

func (r *running) callback(key string) wechattest.Callback {
	return wechattest.Callback{AppID: appID, URL: "http://" + r.PushAddress().String() + "/push/shop", Token: "shop-push-token", AESKey: key, Mode: wechattest.Safe}
}

func TestNoListenerStaysOpenIfPushesHaveNone(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	sockets := t.TempDir()
	path := filepath.Join(sockets, "config.toml")
	toml := fmt.Sprintf("[proxy]\nlisten = \"unix:%[1]s/proxy\"\n[admin]\nlisten = \"unix:%[1]s/admin\"\n[push]\nlisten = %[2]q\n", sockets, taken.Addr())
	if err := os.WriteFile(path, []byte(toml+shop), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(cfg, Process{Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "push.listen") {
		t.Fatalf("got %v; want that push.listen is in use", err)
	}
	for _, name := range []string{"proxy", "admin"} {
		if c, err := net.Dial("unix", filepath.Join(sockets, name)); err == nil {
			c.Close()
			t.Errorf("%s is still open", name)
		}
	}
}

func TestAReloadSwapsKeysAndForwardsWithoutLosingAPush(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	reply := func(w http.ResponseWriter, content string) {
		fmt.Fprintf(w, "<xml><Content>%s</Content></xml>", content)
	}
	first, second := startProgram(t, reply), startProgram(t, reply)
	upstream := fmt.Sprintf("[upstream]\nurl = %q\n", w.URL) + pushListen
	r := runService(t, upstream+pushedShop("push_aes_key = \""+pushKey+"\"")+forwardTo(first.URL))
	if err := r.callback(pushKey).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop, pushing := make(chan struct{}), sync.WaitGroup{}
	for n := range 2 {
		pushing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				content := fmt.Sprintf("%d-%d", n, i)
				c := r.callback(pushKey)
				if d := c.Push(t.Context(), c.Text("o1", content)); len(d.Tries) != 1 || d.Fault != "" || !strings.Contains(string(d.Reply), content) {
					t.Errorf("%s: got %+v; want the reply at once", content, d)
					return
				}
			}
		})
	}
	next := upstream + pushedShop("push_aes_key = \""+pushKeyNew+"\"\npush_aes_key_old = \""+pushKey+"\"")
	for range 5 {
		r.mustReload(next + forwardTo(second.URL))
		r.mustReload(next + forwardTo(first.URL))
	}
	r.mustReload(next + forwardTo(second.URL))
	close(stop)
	pushing.Wait()
	c := r.callback(pushKeyNew)
	if d := c.Push(t.Context(), c.Text("o1", "new")); !strings.Contains(string(d.Reply), "new") || !strings.HasSuffix(second.contents(), "new") {
		t.Errorf("got %+v; want a reply of the second program, with the new key", d)
	}
	r.mustReload(upstream + shop)
	if d := c.Push(t.Context(), c.Text("o1", "gone")); d.Tries[0].Status != http.StatusNotFound {
		t.Errorf("without push_token got %d; want 404", d.Tries[0].Status)
	}
}

// A bad configuration changes nothing, and the listener is that of the start.
func TestAMistakeLeavesPushesAsTheyAre(t *testing.T) {
	t.Parallel()
	program := startProgram(t, nil)
	toml := pushListen + pushedShop("") + forwardTo(program.URL)
	r := runService(t, toml)
	r.toml = pushListen + pushedShop("push_aes_key = \"short\"") + forwardTo(program.URL)
	if _, err := r.reload(); err == nil || !strings.Contains(err.Error(), "push_aes_key") {
		t.Fatalf("got %v; want a mistake", err)
	}
	r.toml = strings.Replace(toml, "127.0.0.1:0", "127.0.0.1:1", 1)
	changes, err := r.reload()
	if err != nil || len(changes.AtNextStart) != 1 || changes.AtNextStart[0] != "push.listen" {
		t.Errorf("got %+v, %v; want push.listen at the next start", changes, err)
	}
	c := r.callback("")
	c.Mode = wechattest.Plain
	if d := c.Push(t.Context(), c.Text("o1", "still")); d.Fault != "" || program.contents() != "still" {
		t.Errorf("got %+v, and %s at the program", d, program.contents())
	}
}

func TestPushesUnderWayAreAnsweredAtTheEnd(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	var r *running
	program := startProgram(t, func(rw http.ResponseWriter, _ string) {
		close(arrived)
		<-answer
		resp, err := http.Post("http://"+r.callers[0].Addr().String()+"/cgi-bin/user/get", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Errorf("calling WeChat for a push under way: got %v", err)
			return
		}
		resp.Body.Close()
		_, _ = io.WriteString(rw, "<xml><Content>late</Content></xml>")
	})
	r = runDrained(t, "20s", fmt.Sprintf("[upstream]\nurl = %q\n", w.URL)+pushListen+pushedShop("push_aes_key = \""+pushKey+"\"")+forwardTo(program.URL))
	delivered := make(chan wechattest.Delivery, 1)
	go func() {
		c := r.callback(pushKey)
		delivered <- c.Push(t.Context(), c.Text("o1", "hello"))
	}()
	<-arrived
	ended := make(chan error, 1)
	go func() { ended <- r.end() }()
	eventually(t, "no more connections of pushes", func() bool {
		conn, err := net.Dial("tcp", r.PushAddress().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(answer)
	if d := <-delivered; len(d.Tries) != 1 || !strings.Contains(string(d.Reply), "late") {
		t.Errorf("got %+v; want the reply", d)
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
}

func TestPushesThatWaitOutliveTheProcess(t *testing.T) {
	t.Parallel()
	program := startProgram(t, nil)
	dir := filepath.Join(t.TempDir(), "tokens")
	toml := pushListen + fmt.Sprintf("[token]\nstore = %q\nencryption_key = \"Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njc=\"\n", "file:"+dir) +
		pushedShop("push_aes_key = \""+pushKey+"\"") + forwardTo(program.URL, "async = true", "name = \"crm\"")
	program.setFail(true)
	r := runService(t, toml)
	for i := range 3 {
		c := r.callback(pushKey)
		if d := c.Push(t.Context(), c.Text("o1", fmt.Sprint(i))); d.Fault != "" || len(d.Reply) > 0 || string(d.Tries[0].Answer) != "success" {
			t.Fatalf("got %+v; want success", d)
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if got := program.contents(); got != "" {
		t.Fatalf("got %s; want nothing taken", got)
	}
	program.setFail(false)
	runService(t, toml)
	eventually(t, "the pushes in order", func() bool { return program.contents() == "0,1,2" })
}

// Another replica delivers what the first one took, and knows what became of a push that
// WeChat repeats to it.
func TestReplicasShareWhatWaitsAndWhatWasAnswered(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	program := startProgram(t, nil)
	asked := startProgram(t, func(w http.ResponseWriter, content string) {
		fmt.Fprintf(w, "<xml><Content>%s</Content></xml>", content)
	})
	toml := pushListen + fmt.Sprintf("[token]\nstore = %q\n", "redis://"+redis.Addr) + pushedShop("push_aes_key = \""+pushKey+"\"") +
		forwardTo(program.URL, `match = ["text"]`, "async = true") + forwardTo(asked.URL)
	program.setFail(true)
	first, second := runService(t, toml), runService(t, toml)
	for i := range 3 {
		c := first.callback(pushKey)
		if d := c.Push(t.Context(), c.Text("o1", fmt.Sprint(i))); d.Fault != "" || string(d.Tries[0].Answer) != "success" {
			t.Fatalf("got %+v; want success", d)
		}
	}
	c := first.callback(pushKey)
	event := c.Event("o1", "subscribe")
	if d := c.Push(t.Context(), event); d.Fault != "" || len(d.Reply) == 0 {
		t.Fatalf("got %+v; want a reply", d)
	}
	again := second.callback(pushKey)
	if d := again.Push(t.Context(), event); d.Fault != "" || len(d.Reply) == 0 || strings.Count(asked.contents(), ",") > 0 {
		t.Errorf("got %+v, and %q at the program; want the first one's reply", d, asked.contents())
	}
	if state, err := second.pushes.inbox.State(t.Context()); err != nil || state.Waiting["shop"] != 3 {
		t.Errorf("got %+v, %v; want three that wait, in all replicas together", state, err)
	}
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	program.setFail(false)
	eventually(t, "the pushes in order", func() bool { return program.contents() == "0,1,2" })
}

func TestForwardsTrustTheRootsOfCAFile(t *testing.T) {
	t.Parallel()
	program := startProgram(t, nil)
	overTLS := httptest.NewTLSServer(program.Config.Handler)
	defer overTLS.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	mustWrite(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: overTLS.Certificate().Raw})))
	toml := pushListen + pushedShop("") + forwardTo(overTLS.URL)
	r := runService(t, toml)
	c := r.callback("")
	c.Mode, c.Tries = wechattest.Plain, 1
	if d := c.Push(t.Context(), c.Text("o1", "strange")); d.Tries[0].Status != http.StatusBadGateway {
		t.Errorf("without ca_file got %d; want 502", d.Tries[0].Status)
	}
	r.mustReload(fmt.Sprintf("[upstream]\nca_file = %q\n", ca) + toml)
	if d := c.Push(t.Context(), c.Text("o1", "trusted")); d.Fault != "" || program.contents() != "trusted" {
		t.Errorf("got %+v, and %s at the program", d, program.contents())
	}
}

func TestPushConnectionsHaveTheirShareOfOpenFiles(t *testing.T) {
	cfg := config.Default()
	cfg.Push.Listen = "127.0.0.1:0"
	without := config.Default()
	for _, row := range []struct{ limit, want int }{{0, 1000}, {16, 1}, {1024, 64}, {65536, 1000}, {1 << 20, 1000}} {
		files, others := shareFiles(row.limit, &cfg), shareFiles(row.limit, &without)
		if files.pushes != row.want || row.limit > 0 && (others.pushes != 0 || files.callers < 1 || files.upstream < 1) {
			t.Errorf("%d: got %+v; want %d pushes", row.limit, files, row.want)
		}
		if all := files.callers + files.upstream + files.operators + 2*files.pushes; row.limit > 100 && all > row.limit {
			t.Errorf("%d: got %+v, which is more", row.limit, files)
		}
	}
}

// Whatever somebody else words, the log shows no key of pushes, however many there are.
func TestTheLogHidesTheKeysOfPushes(t *testing.T) {
	cfg := &config.Config{Admin: config.Admin{Key: secret.New("canary-admin-key")}}
	for i := range 100 {
		cfg.Accounts = append(cfg.Accounts, config.Account{PushToken: secret.New(fmt.Sprintf("canary-token-%d", i))})
	}
	cfg.Forwards = []config.Forward{{Token: secret.New("canary-forward"), AESKey: secret.New(pushKey)}}
	var known knownSecrets
	for range 2 { // the second is a reload
		known.addAll(cfg)
	}
	redacted := strings.Join(known.toRedact(), " ")
	for _, want := range []string{"canary-admin-key", "canary-forward", pushKey, "canary-token-99"} {
		if !strings.Contains(redacted, want) || !known.holds([]byte(want)) {
			t.Errorf("got no %s", want)
		}
	}
	if !known.holds([]byte("canary-token-0")) {
		t.Error("got no hash of a token")
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// The keys of pushes: WeChat's, and those of a program that insists on encrypted ones.
const (
	pushToken, programToken = "push-token-0123456789", "program-token-0123456789"
	pushAESKey              = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C" // of WeChat's own sample: no strict decoder reads it
	programAESKey           = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// A receiver is a program that takes pushes with code of others'. See testdata/sdk.
type receiver struct {
	url   string
	lines transcript
}

// startReceiver starts a receiver and waits until it listens.
func startReceiver(t *testing.T, command []string, aesKey, token string) *receiver {
	t.Helper()
	return startReceiverOf(t, appID, command, aesKey, token)
}

// startReceiverOf starts one that takes pushes for an account of this id.
func startReceiverOf(t *testing.T, id string, command []string, aesKey, token string) *receiver {
	t.Helper()
	r := new(receiver)
	c := exec.Command(command[0], append(command[1:], id, token, aesKey)...)
	c.Dir = t.TempDir()
	c.Stdout, c.Stderr = &r.lines, &r.lines
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Logf("%v:\n%s", command, r.lines.String())
		}
	})
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if first, _, isWhole := strings.Cut(r.lines.String(), "\n"); isWhole {
			r.url = first
			return r
		}
	}
	t.Fatalf("got no address from %v within %v", command, patience)
	return nil
}

// times returns how often the receiver got the message that it notes as line.
func (r *receiver) times(line string) int { return strings.Count(r.lines.String(), "\n"+line+"\n") }

// receivers are the programs that take pushes, by name.
func receivers(t *testing.T) map[string][]string {
	t.Helper()
	inGo, script := sdks(t)[0].command[0], filepath.Join("testdata", "sdk", "npm", "receiver.js")
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"silenceper":   {inGo, "receive"},
		"easywechat":   {"node", script, "easywechat"},
		"wecom-crypto": {"node", script, "wecom-crypto"},
	}
}

// startPushed starts a proxy that takes pushes and forwards them to url, with further
// settings of the forward, and returns the callback that WeChat's console would have.
func startPushed(t *testing.T, url, settings string) (*program, wechattest.Callback) {
	t.Helper()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines+fmt.Sprintf("push_token = %q\npush_aes_key = %q\n[[forward]]\nurl = %q\n%s\n", pushToken, pushAESKey, url, settings),
		"WXPROXY_PUSH_LISTEN=127.0.0.1:0")
	c := wechattest.Callback{AppID: appID, URL: p.push + "/push/shop", Token: pushToken, AESKey: pushAESKey, Mode: wechattest.Safe, Transport: p.client.Transport}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p, c
}

// mustReply pushes a text and fails the test unless the user gets it back.
func mustReply(t *testing.T, c wechattest.Callback, words string) wechattest.Delivery {
	t.Helper()
	d := c.Push(t.Context(), c.Text("OPENID", words))
	if d.Fault != "" || !strings.Contains(string(d.Reply), "you said: "+words) {
		t.Errorf("%s: got %q and fault %q; want the words again", words, d.Reply, d.Fault)
	}
	return d
}

// mustSucceedSilently fails the test unless m is answered with "success".
func mustSucceedSilently(t *testing.T, c wechattest.Callback, m wechattest.Pushed) {
	t.Helper()
	d := c.Push(t.Context(), m)
	if last := d.Tries[len(d.Tries)-1]; last.Status != http.StatusOK || string(last.Answer) != "success" {
		t.Errorf("%s: got status %d and %q; want success", m.Content, last.Status, last.Answer)
	}
}

// Each SDK's server takes what wxproxy forwards as it takes what WeChat pushes, and its
// replies reach WeChat.
func TestReceiversOfSDKsWorkBehindTheProxy(t *testing.T) {
	t.Parallel()
	commands := receivers(t)
	both, inXML := []wechattest.Format{wechattest.XML, wechattest.JSON}, []wechattest.Format{wechattest.XML}
	for _, tt := range []struct {
		sdk       string
		encrypted bool
		formats   []wechattest.Format
	}{
		{"silenceper", false, both},
		{"silenceper", true, both},
		{"easywechat", false, both},
		{"easywechat", true, inXML}, // what it has decrypted it reads as XML
		{"wecom-crypto", true, both},
	} {
		t.Run(fmt.Sprintf("%s, encrypted %v", tt.sdk, tt.encrypted), func(t *testing.T) {
			t.Parallel()
			settings, aesKey := fmt.Sprintf("token = %q\n", programToken), ""
			if tt.encrypted {
				settings, aesKey = settings+fmt.Sprintf("aes_key = %q\n", programAESKey), programAESKey
			}
			r := startReceiver(t, commands[tt.sdk], aesKey, programToken)
			p, c := startPushed(t, r.url+"/wechat?its=own", settings)
			for _, c.Format = range tt.formats {
				mustReply(t, c, "hello 你好")
				mustSucceedSilently(t, c, c.Text("OPENID", "nothing"))
				mustSucceedSilently(t, c, c.Event("OPENID", "subscribe"))
			}
			if tt.sdk == "easywechat" && tt.encrypted {
				return // what follows is about the proxy alone
			}
			mustJoin(t, c, r)
			c.Token = "a stranger's"
			if d := c.Push(t.Context(), c.Text("OPENID", "hello")); d.Tries[0].Status != http.StatusForbidden || len(d.Tries[0].Answer) > 0 {
				t.Errorf("got %d %q for a stranger's push; want 403 and nothing", d.Tries[0].Status, d.Tries[0].Answer)
			}
			if refused := strings.Count(r.lines.String(), "refused"); refused > 0 || r.times("text hello") > 0 {
				t.Errorf("got %d pushes that the SDK refused; want none, and no stranger's", refused)
			}
			p.stop()
		})
	}
}

// mustJoin has WeChat push a text again while the program is still at work, and once more
// after it: the program gets it once, and the user one reply.
func mustJoin(t *testing.T, c wechattest.Callback, r *receiver) {
	t.Helper()
	impatient := c
	impatient.Timeout, impatient.Tries = time.Second, 20
	m := c.Text("OPENID", "slow")
	d := impatient.Push(t.Context(), m)
	if len(d.Tries) < 2 || !strings.Contains(string(d.Reply), "you said: slow") {
		t.Errorf("got %d tries, %q and fault %q; want the reply at a repetition", len(d.Tries), d.Reply, d.Fault)
	}
	if again := c.Push(t.Context(), m); string(again.Reply) != string(d.Reply) {
		t.Errorf("got %q later; want %q again", again.Reply, d.Reply)
	}
	if times := r.times("text slow"); times != 1 {
		t.Errorf("got the message %d times; want once", times)
	}
}

// What WeChat gets opens with an implementation that others wrote, too.
func TestEncryptedRepliesOpenWithWecomCrypto(t *testing.T) {
	t.Parallel()
	r := startReceiver(t, receivers(t)["silenceper"], "", programToken)
	p, c := startPushed(t, r.url, fmt.Sprintf("token = %q\n", programToken))
	for _, c.Format = range []wechattest.Format{wechattest.XML, wechattest.JSON} {
		d := mustReply(t, c, "hello 你好")
		open := exec.Command("node", filepath.Join("testdata", "sdk", "npm", "open.js"), pushToken, pushAESKey)
		open.Stdin = strings.NewReader(string(d.Tries[0].Answer))
		out, err := open.CombinedOutput()
		if id, message, _ := strings.Cut(string(out), "\n"); err != nil || id != appID || strings.TrimSpace(message) != string(d.Reply) {
			t.Errorf("got %v and %s; want %s and %s", err, out, appID, d.Reply)
		}
	}
	p.stop()
}

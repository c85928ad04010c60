package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest"
)

// A handled is a program that gets pushes, as a handler of the test.
type handled struct {
	*httptest.Server

	mu     sync.Mutex // guards bodies
	bodies []string
}

// handle starts a program that answers as the handler does, after it has kept the push.
func handle(t *testing.T, answer http.HandlerFunc) *handled {
	t.Helper()
	h := new(handled)
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.bodies = append(h.bodies, string(body))
		h.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// got returns the pushes that came.
func (h *handled) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.bodies...)
}

// aReply is what the programs answer.
const aReply = "<xml><MsgType>text</MsgType><Content>you said: something</Content></xml>"

func replying(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, aReply) }

// pushed returns a configuration of the account of most tests with these settings and a
// forward.
func pushed(settings, url, forward string) string {
	return fourLines + "push_token = \"" + pushToken + "\"\n" + settings + fmt.Sprintf("[[forward]]\nurl = %q\n%s\n", url, forward)
}

// In every mode and format the program gets what WeChat wrote, and the user what the
// program answered.
func TestPushesInEveryModeAndFormatReachTheProgram(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	program := handle(t, replying)
	for _, mode := range []wechattest.Mode{wechattest.Plain, wechattest.Compatible, wechattest.Safe} {
		key := "push_aes_key = \"" + pushAESKey + "\"\n"
		if mode == wechattest.Plain {
			key = ""
		}
		p := serving(t, w.URL, pushed(key, program.URL, ""), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
		c := wechattest.Callback{AppID: appID, URL: p.push + "/push/shop", Token: pushToken, AESKey: pushAESKey, Mode: mode}
		if err := w.SetCallback(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		for _, c.Format = range []wechattest.Format{wechattest.XML, wechattest.JSON} {
			m := c.Text("OPENID", "hello 你好 <&> ]]>")
			d := c.Push(t.Context(), m)
			got := program.got()
			if d.Fault != "" || string(d.Reply) != aReply || got[len(got)-1] != string(m.Content) {
				t.Errorf("mode %d, format %d: got %q, %q and fault %q; want %s", mode, c.Format, got, d.Reply, d.Fault, m.Content)
			}
		}
		for name, change := range map[string]func(*wechattest.Callback){
			"another token":   func(c *wechattest.Callback) { c.Token = "another" },
			"another key":     func(c *wechattest.Callback) { c.AESKey = strings.Repeat("A", 43) },
			"another account": func(c *wechattest.Callback) { c.AppID = "wxfedcba9876543210" },
			"signatures that do not fit": func(c *wechattest.Callback) {
				c.Tamper = func(r *http.Request) {
					r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "signature=", "signature=0", 2)
				}
			},
			"the other kind of mode": func(c *wechattest.Callback) {
				if c.Mode = wechattest.Plain; mode == wechattest.Plain {
					c.Mode = wechattest.Safe
				}
			},
		} {
			stranger, before := c, len(program.got())
			change(&stranger)
			if mode == wechattest.Plain && (stranger.AESKey != c.AESKey || stranger.AppID != c.AppID) {
				continue // nothing is encrypted
			}
			if last := stranger.Push(t.Context(), stranger.Text("OPENID", "hello")).Tries[0]; last.Status != http.StatusForbidden || len(last.Answer) > 0 || len(program.got()) > before {
				t.Errorf("mode %d, %s: got %d %q; want 403, and nothing forwarded", mode, name, last.Status, last.Answer)
			}
		}
		p.stop()
	}
}

// While an EncodingAESKey is being changed, pushes come with the old one and with the new
// one, and each gets its reply with its own.
func TestAPushKeyIsChangedWithoutLosingAPush(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	program := handle(t, replying)
	key := func(now, old string) string {
		return pushed(fmt.Sprintf("push_aes_key = %q\npush_aes_key_old = %q\n", now, old), program.URL, "")
	}
	p := serving(t, w.URL, pushed("push_aes_key = \""+pushAESKey+"\"\n", program.URL, ""), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
	c := wechattest.Callback{AppID: appID, URL: p.push + "/push/shop", Token: pushToken, AESKey: pushAESKey, Mode: wechattest.Safe}
	if err := w.SetCallback(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	must := func(c wechattest.Callback) {
		t.Helper()
		if d := c.Push(t.Context(), c.Text("OPENID", "hello")); len(d.Tries) != 1 || string(d.Reply) != aReply {
			t.Errorf("got %d tries, %q and fault %q; want the reply", len(d.Tries), d.Reply, d.Fault)
		}
	}
	must(c)
	p.mustReload(key(programAESKey, pushAESKey))
	changed := c
	changed.AESKey = programAESKey
	for range 3 {
		must(c)
		must(changed)
	}
	p.mustReload(pushed("push_aes_key = \""+programAESKey+"\"\n", program.URL, ""))
	must(changed)
	if last := c.Push(t.Context(), c.Text("OPENID", "hello")).Tries[0]; last.Status != http.StatusForbidden {
		t.Errorf("got %d with the key that was taken away; want 403", last.Status)
	}
	p.stop()
}

// What a program does not take, WeChat pushes again, unless on_failure says that it counts
// as answered.
func TestWhatAProgramDoesNotTakeIsPushedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		onFailure    string
		tries, times int
		reply        string
	}{{"retry", 3, 3, aReply}, {"success", 1, 1, ""}} {
		var program *handled
		program = handle(t, func(w http.ResponseWriter, r *http.Request) {
			if len(program.got()) < 3 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			replying(w, r)
		})
		p, c := startPushed(t, program.URL, fmt.Sprintf("on_failure = %q\n", tt.onFailure))
		d := c.Push(t.Context(), c.Text("OPENID", "hello"))
		if len(d.Tries) != tt.tries || string(d.Reply) != tt.reply || d.Fault != "" || len(program.got()) != tt.times {
			t.Errorf("%s: got %d tries, %d forwards, %q and fault %q; want %d, %d, %q and none", tt.onFailure, len(d.Tries), len(program.got()), d.Reply, d.Fault, tt.tries, tt.times, tt.reply)
		}
		p.stop()
	}
}

package push

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// callback returns the callback of WeChat as others have written it, so that it does not
// share mistakes of ours.
func (b *bench) callback(mode wechattest.Mode, format wechattest.Format) wechattest.Callback {
	c := wechattest.Callback{AppID: appID, URL: b.base + "/push/shop", Token: token, AESKey: keyText, Mode: mode, Format: format}
	if mode == wechattest.Plain {
		c.AppID, c.URL = "wxplain", b.base+"/push/plain"
	}
	return c
}

func TestWeChatGetsItsReplyInAllModesAndFormats(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL}))
	for _, mode := range []wechattest.Mode{wechattest.Plain, wechattest.Compatible, wechattest.Safe} {
		for format, reply := range map[wechattest.Format]string{
			wechattest.XML:  "<xml><ToUserName><![CDATA[o1]]></ToUserName><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>",
			wechattest.JSON: `{"ToUserName":"o1","MsgType":"text","Content":"hello"}`,
		} {
			c := b.callback(mode, format)
			if err := c.Check(t.Context()); err != nil {
				t.Errorf("%v, %v: the URL check: %v", mode, format, err)
			}
			p.set(replying(200, "", reply))
			message := c.Text("o1", "hi")
			if d := c.Push(t.Context(), message); d.Fault != "" || string(d.Reply) != reply || len(d.Tries) != 1 {
				t.Errorf("%v, %v: got reply %s, fault %q, %d tries", mode, format, d.Reply, d.Fault, len(d.Tries))
			}
			if got := p.last(t); got.body != string(message.Content) || got.query.Get("openid") != "o1" {
				t.Errorf("%v, %v: the program got %s", mode, format, got.body)
			}
			p.set(nil)
			if d := c.Push(t.Context(), c.Event("o1", "subscribe")); d.Fault != "" || len(d.Reply) != 0 || len(d.Tries) != 1 {
				t.Errorf("%v, %v: an event: got reply %s, fault %q, %d tries", mode, format, d.Reply, d.Fault, len(d.Tries))
			}
		}
	}
}

func TestWeChatsRepetitionsReachAProgramThatWasDown(t *testing.T) {
	p := newProgram(t, nil)
	p.set(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Wxproxy-Push-Attempt") != "3" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		io.WriteString(w, "<xml><Content>at last</Content></xml>")
	})
	b := start(t, both(Forward{URL: p.URL}))
	for _, sameBytes := range []bool{false, true} {
		c := b.callback(wechattest.Safe, wechattest.XML)
		c.SameBytes = sameBytes
		before := len(p.got())
		d := c.Push(t.Context(), c.Text("o1", "hi"))
		got := p.got()[before:]
		if d.Fault != "" || !strings.Contains(string(d.Reply), "at last") || len(d.Tries) != 3 || len(got) != 3 {
			t.Fatalf("got reply %s, fault %q, %d tries, %d forwards", d.Reply, d.Fault, len(d.Tries), len(got))
		}
		for _, again := range got[1:] {
			if again.header.Get("Wxproxy-Push-Id") != got[0].header.Get("Wxproxy-Push-Id") {
				t.Error("a repetition has another id")
			}
		}
	}
}

func TestWeChatsRepetitionsOfASlowPushAreForwardedOnce(t *testing.T) {
	p := newProgram(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(500 * time.Millisecond)
		io.WriteString(w, "<xml><Content>slowly</Content></xml>")
	})
	b := start(t, both(Forward{URL: p.URL}))
	c := b.callback(wechattest.Safe, wechattest.XML)
	c.Timeout, c.Tries = 200*time.Millisecond, 20
	d := c.Push(t.Context(), c.Text("o1", "hi"))
	if d.Fault != "" || !strings.Contains(string(d.Reply), "slowly") || len(d.Tries) < 2 || len(p.got()) != 1 {
		t.Errorf("got reply %s, fault %q, %d tries, %d forwards", d.Reply, d.Fault, len(d.Tries), len(p.got()))
	}
}

package wechattest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A program is one that takes pushes: it answers as reply says, and keeps what it got. It
// works in memory.
type program struct {
	reply func(p *program, w http.ResponseWriter, r *http.Request)
	got   []received
}

type received struct {
	method, target, contentType string
	body                        []byte
}

func (p *program) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	p.got = append(p.got, received{r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body})
	w := httptest.NewRecorder()
	p.reply(p, w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func answering(text string) func(*program, http.ResponseWriter, *http.Request) {
	return func(_ *program, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// newCallback returns a callback in safe mode to p.
func newCallback(p *program) Callback {
	return Callback{AppID: "wx0123456789abcdef", URL: "http://proxy/push/shop", Token: "pushtoken",
		AESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", Mode: Safe, Transport: p}
}

type pushVector struct {
	ID, Token, AppID            string
	AESKey                      string `json:"aes_key"`
	Timestamp, Nonce, Signature string
	MsgSignature                string `json:"msg_signature"`
	Random, Msg, Encrypt        string
	MsgLen                      int `json:"msg_len"`
	Get, Post                   struct{ Timestamp, Nonce, Signature string }
}

func TestPushesAreEncryptedAsWeChatsManualSays(t *testing.T) {
	text, err := os.ReadFile("../../push/internal/envelope/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []pushVector
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 6 {
		t.Fatalf("got %d vectors, %v; want 6", len(all), err)
	}
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			for _, plain := range []struct{ Timestamp, Nonce, Signature string }{v.Get, v.Post, {v.Timestamp, v.Nonce, v.Signature}} {
				if got := pushSignature(v.Token, plain.Timestamp, plain.Nonce); plain.Signature != "" && got != plain.Signature {
					t.Errorf("got signature %s; want %s", got, plain.Signature)
				}
			}
			if v.Encrypt == "" {
				return
			}
			if got := pushSignature(v.Token, v.Timestamp, v.Nonce, v.Encrypt); got != v.MsgSignature {
				t.Errorf("got msg_signature %s; want %s", got, v.MsgSignature)
			}
			message, err := pushDecrypt(v.AESKey, v.Encrypt, v.AppID)
			if err != nil || v.Msg != "" && string(message) != v.Msg || v.MsgLen != 0 && len(message) != v.MsgLen {
				t.Errorf("got %q, %v; want the message", message, err)
			}
			if got := pushSeal(v.AESKey, v.Random, message, v.AppID); got != v.Encrypt {
				t.Errorf("got %s; want %s", got, v.Encrypt)
			}
		})
	}
}

func TestTheURLCheckWantsTheEchoAndNothingElse(t *testing.T) {
	echo := func(_ *program, w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if pushSignature("pushtoken", q.Get("timestamp"), q.Get("nonce")) == q.Get("signature") {
			io.WriteString(w, q.Get("echostr"))
		}
	}
	w := New(App{ID: "wx0123456789abcdef"})
	if err := w.SetCallback(t.Context(), newCallback(&program{reply: echo})); err != nil {
		t.Errorf("got %v; want success", err)
	}
	stranger := newCallback(&program{reply: echo})
	stranger.Token = "another"
	for name, c := range map[string]Callback{
		"signed with another token": stranger,
		"success":                   newCallback(&program{reply: answering("success")}),
		"404":                       newCallback(&program{reply: func(_ *program, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }}),
	} {
		if err := w.SetCallback(t.Context(), c); !errors.Is(err, errCheck) {
			t.Errorf("%s: got %v; want a failed check", name, err)
		}
	}
}

func TestAPushIsWhatTheModeSays(t *testing.T) {
	for _, mode := range []Mode{Plain, Compatible, Safe} {
		for _, format := range []Format{XML, JSON} {
			t.Run(fmt.Sprint(mode, format), func(t *testing.T) {
				p := &program{reply: answering("success")}
				c := newCallback(p)
				c.Mode, c.Format, c.URL = mode, format, c.URL+"?own=1"
				m := c.Text("OPENID", `a ]]> "b"`)
				if d := c.Push(t.Context(), m); d.Fault != "" || len(d.Tries) != 1 || len(d.Reply) != 0 {
					t.Errorf("got %+v; want one try that is answered", d)
				}
				members, err := readMembers(p.got[0].body, format)
				if err != nil {
					t.Fatal(err)
				}
				target := p.got[0].target
				if clear := members["Content"] == `a ]]> "b"`; clear != (mode != Safe) || !strings.HasPrefix(target, "/push/shop?own=1&signature=") || !strings.Contains(target, "&openid=OPENID") {
					t.Errorf("got %s and %s; want them as in mode %d", target, p.got[0].body, mode)
				}
				opened, err := pushDecrypt(c.AESKey, members["Encrypt"], c.AppID)
				if isEncrypted := err == nil && string(opened) == string(m.Content); isEncrypted != (mode != Plain) || strings.Contains(target, "encrypt_type=aes&msg_signature=") != isEncrypted {
					t.Errorf("got %s, %q and %v; want them as in mode %d", target, opened, err, mode)
				}
				if want := []string{"text/xml", "application/json"}[format]; p.got[0].contentType != want {
					t.Errorf("got %s; want %s", p.got[0].contentType, want)
				}
			})
		}
	}
}

// sealed is an encrypted reply as it must be, in XML.
func sealed(c Callback, id, message string) map[string]string {
	encrypted := pushEncrypt(c.AESKey, []byte(message), id)
	return map[string]string{"Encrypt": encrypted, "MsgSignature": pushSignature(c.Token, "1", "2", encrypted), "TimeStamp": "1", "Nonce": "2"}
}

func inXML(members map[string]string) string {
	text := "<xml>"
	for name, value := range members {
		text += "<" + name + ">" + value + "</" + name + ">"
	}
	return text + "</xml>"
}

func without(members map[string]string, name string) map[string]string {
	delete(members, name)
	return members
}

func with(members map[string]string, name, value string) map[string]string {
	members[name] = value
	return members
}

func TestRepliesAreJudgedAsWeChatDoes(t *testing.T) {
	const message = "<xml><MsgType>text</MsgType></xml>"
	c := newCallback(&program{})
	plain, compatible, inJSON := c, c, c
	plain.Mode, compatible.Mode, inJSON.Format = Plain, Compatible, JSON
	good := func() map[string]string { return sealed(c, c.AppID, message) }
	renamed := with(without(good(), "TimeStamp"), "Timestamp", "1")
	asJSON, _ := json.Marshal(good())
	for name, tt := range map[string]struct {
		c                    Callback
		answer, reply, fault string
	}{
		"nothing":                           {c, "", "", ""},
		"success":                           {c, "success", "", ""},
		"success and a line break":          {c, "success\n", "", "not well-formed"},
		"encrypted":                         {c, inXML(good()), message, ""},
		"encrypted, in JSON":                {inJSON, string(asJSON), message, ""},
		"encrypted, in the other format":    {c, string(asJSON), "", "not well-formed"},
		"encrypted in compatible mode":      {compatible, inXML(good()), message, ""},
		"in the clear in compatible mode":   {compatible, message, message, ""},
		"in the clear in safe mode":         {c, message, "", "no Encrypt"},
		"in the clear":                      {plain, message, message, ""},
		"JSON in the clear":                 {plain, `{"MsgType":"text"}`, `{"MsgType":"text"}`, ""},
		"words":                             {plain, "thank you", "", "neither XML nor JSON"},
		"XML that breaks off":               {plain, "<xml><MsgType>", "", "neither XML nor JSON"},
		"Timestamp":                         {c, inXML(renamed), "", "no TimeStamp"},
		"TimeStamp in words":                {c, inXML(with(good(), "TimeStamp", "now")), "", "no number"},
		"another nonce":                     {c, inXML(with(good(), "Nonce", "3")), "", "MsgSignature"},
		"without Nonce":                     {c, inXML(without(good(), "Nonce")), "", "no Nonce"},
		"Encrypt twice":                     {c, strings.Replace(inXML(good()), "</xml>", "<Encrypt>x</Encrypt></xml>", 1), "", "twice"},
		"for another account":               {c, inXML(sealed(c, "wxfedcba9876543210", message)), "", "another account"},
		"with another key":                  {c, inXML(sealed(Callback{Token: c.Token, AESKey: strings.Repeat("A", 43)}, c.AppID, message)), "", "does not open"},
		"encrypted words":                   {c, inXML(sealed(c, c.AppID, "thank you")), "", "neither XML nor JSON"},
		"an encrypted nothing":              {c, inXML(sealed(c, c.AppID, "")), "", "neither XML nor JSON"},
		"an error page with a status 200":   {c, "<html><body>It works</body></html>", "", "not well-formed"},
		"something that is not base64":      {c, inXML(with(good(), "Encrypt", "?")), "", "MsgSignature"},
		"something before the reply itself": {c, "x" + inXML(good()), "", "not well-formed"},
	} {
		reply, fault := tt.c.judge([]byte(tt.answer))
		if string(reply) != tt.reply || (fault == "") != (tt.fault == "") || !strings.Contains(fault, tt.fault) {
			t.Errorf("%s: got %q, %q; want %q, %q", name, reply, fault, tt.reply, tt.fault)
		}
	}
}

func TestWhatIsNotAnsweredIsPushedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &program{}
		c := newCallback(p)
		p.reply = func(p *program, w http.ResponseWriter, r *http.Request) {
			if len(p.got) < 3 {
				<-r.Context().Done()
			}
			io.WriteString(w, inXML(sealed(c, c.AppID, "<xml/>")))
		}
		began := time.Now()
		m := c.Text("OPENID", "hello")
		d := c.Push(t.Context(), m)
		if took := time.Since(began); took != 10*time.Second || len(d.Tries) != 3 || d.Fault != "" || string(d.Reply) != "<xml/>" {
			t.Errorf("got %v and %+v; want the reply of the third try after 10 s", took, d)
		}
		if !errors.Is(d.Tries[0].Err, context.DeadlineExceeded) || d.Tries[0].Took != 5*time.Second {
			t.Errorf("got %+v; want no answer for 5 s", d.Tries[0])
		}
		for i, one := range p.got {
			members, err := readMembers(one.body, XML)
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := pushDecrypt(c.AESKey, members["Encrypt"], c.AppID); err != nil || string(opened) != string(m.Content) {
				t.Errorf("got %q and %v; want what the first try had", opened, err)
			}
			if i > 0 && (one.target == p.got[0].target || string(one.body) == string(p.got[0].body)) {
				t.Errorf("got %s again; want another nonce, signature and cipher text", one.target)
			}
		}
	})
}

func TestARepetitionMayHaveTheSameBytes(t *testing.T) {
	p := &program{reply: func(_ *program, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }}
	c := newCallback(p)
	c.SameBytes, c.Tries = true, 2
	d := c.Push(t.Context(), c.Event("OPENID", "subscribe"))
	if len(p.got) != 2 || d.Fault != "status 502" || p.got[0].target != p.got[1].target || string(p.got[0].body) != string(p.got[1].body) {
		t.Errorf("got %+v; want a fault after two equal tries", d)
	}
}

func TestWeChatPushesToTheCallbackThatTheConsoleTook(t *testing.T) {
	const appID = "wx0123456789abcdef"
	p := &program{reply: func(_ *program, w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Query().Get("echostr"))
	}}
	c := newCallback(p)
	c.Tamper = func(r *http.Request) {
		if r.Method == http.MethodPost {
			r.URL.RawQuery = "tampered"
		}
	}
	w := New(App{ID: appID})
	if err := w.SetCallback(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	p.reply = answering("thank you")
	d := w.Push(t.Context(), appID, c.Text("OPENID", "hello"))
	if got := w.Deliveries(); len(got) != 1 || got[0].Fault == "" || got[0].Fault != d.Fault {
		t.Errorf("got %+v; want one push, after which the user sees a fault notice", got)
	}
	if got := p.got[len(p.got)-1].target; got != "/push/shop?tampered" {
		t.Errorf("got %s; want a query that was tampered with", got)
	}
}

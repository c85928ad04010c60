package wecomtest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

// clientFor returns a client that trusts s.
func clientFor(t *testing.T, s *Server) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if s.CA != nil && !pool.AppendCertsFromPEM(s.CA) {
		t.Fatal("got no certificate")
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: 10 * time.Second}
}

// The console's settings in WeCom's own sample.
const (
	sampleToken = "QDG6eK"
	sampleKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	sampleCorp  = "wx5823bf96d3bd56c7"
)

// Section 7 [VERIFIED]: the URL check of the official sample.
func TestTheOfficialSampleIsUnderstood(t *testing.T) {
	const sealed = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
	if got := wechattest.Sign(sampleToken, "1409659589", "263014780", sealed); got != "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3" {
		t.Errorf("got the signature %s", got)
	}
	got, err := wechattest.Decrypt(sampleKey, sealed, sampleCorp)
	if err != nil || string(got) != "1616140317555161061" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A program takes pushes.
type program struct {
	t        *testing.T
	callback Callback
	answer   func(r *http.Request, plain string) (status int, body string)
	got      []string // what was pushed, decrypted
}

func newProgram(t *testing.T, answer func(*http.Request, string) (int, string)) *program {
	p := &program{t: t, answer: answer}
	p.callback = Callback{CorpID: sampleCorp, AgentID: "218", URL: "http://program/push/crm", Token: sampleToken, AESKey: sampleKey, Transport: p}
	return p
}

// RoundTrip takes a push, or a URL check.
func (p *program) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	sealed := query.Get("echostr")
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		members, err := wechattest.Members(body)
		if err != nil || members["ToUserName"] != sampleCorp || members["AgentID"] != "218" {
			p.t.Errorf("got the envelope %s, %v", body, err)
		}
		sealed = members["Encrypt"]
	}
	if want := wechattest.Sign(sampleToken, query.Get("timestamp"), query.Get("nonce"), sealed); query.Get("msg_signature") != want {
		p.t.Errorf("got the query %s; want the signature %s", r.URL.RawQuery, want)
	}
	plain, err := wechattest.Decrypt(sampleKey, sealed, sampleCorp)
	if err != nil {
		p.t.Errorf("what is encrypted: %v", err)
	}
	p.got = append(p.got, string(plain))
	w := httptest.NewRecorder()
	status, text := p.answer(r, string(plain))
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
	return w.Result(), nil
}

// Section 7: the URL check wants the decrypted echostr within a second, without quotes, BOM
// or newline.
func TestTheURLCheck(t *testing.T) {
	tests := []struct {
		name   string
		answer func(r *http.Request, plain string) (int, string)
		ok     bool
	}{
		{"the plain text", func(_ *http.Request, plain string) (int, string) { return 200, plain }, true},
		{"as it came", func(r *http.Request, _ string) (int, string) { return 200, r.URL.Query().Get("echostr") }, false},
		{"with a newline", func(_ *http.Request, plain string) (int, string) { return 200, plain + "\n" }, false},
		{"with quotes", func(_ *http.Request, plain string) (int, string) { return 200, `"` + plain + `"` }, false},
		{"with a BOM", func(_ *http.Request, plain string) (int, string) { return 200, "\ufeff" + plain }, false},
		{"with another status", func(_ *http.Request, plain string) (int, string) { return 403, plain }, false},
		{"after a second", func(_ *http.Request, plain string) (int, string) {
			time.Sleep(1100 * time.Millisecond)
			return 200, plain
		}, false},
		{"just in time", func(_ *http.Request, plain string) (int, string) {
			time.Sleep(900 * time.Millisecond)
			return 200, plain
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := newProgram(t, test.answer).callback.Check(t.Context()); (err == nil) != test.ok {
					t.Errorf("got %v; want success %v", err, test.ok)
				}
			})
		})
	}
}

// Section 7 [COMM]: 5 s, three tries in all; what is encrypted is the same, its signature
// another.
func TestPushesAreRepeated(t *testing.T) {
	tests := []struct {
		name   string
		answer func(r *http.Request, plain string) (int, string)
		tries  int
		ok     bool
	}{
		{"nothing", func(*http.Request, string) (int, string) { return 200, "" }, 1, true},
		{"success", func(*http.Request, string) (int, string) { return 200, "success" }, 1, true},
		{"success in capitals", func(*http.Request, string) (int, string) { return 200, "SUCCESS" }, 1, true}, // section 9, node-easywechat
		{"another word", func(*http.Request, string) (int, string) { return 200, "ok" }, 1, false},
		{"an error", func(*http.Request, string) (int, string) { return 500, "" }, 3, false},
		{"too late", func(*http.Request, string) (int, string) { time.Sleep(5100 * time.Millisecond); return 200, "" }, 3, false},
		{"just in time", func(*http.Request, string) (int, string) { time.Sleep(4900 * time.Millisecond); return 200, "" }, 1, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProgram(t, test.answer)
				d := p.callback.Push(t.Context(), p.callback.Text("zhangsan", "你好 ]]> <b>"))
				if len(d.Tries) != test.tries || (d.Fault == "") != test.ok {
					t.Errorf("got %d tries and the fault %q; want %d", len(d.Tries), d.Fault, test.tries)
				}
				members, err := wechattest.Members([]byte(p.got[0]))
				if err != nil || members["Content"] != "你好 ]]> <b>" || members["FromUserName"] != "zhangsan" || members["AgentID"] != "218" {
					t.Errorf("got %s, %v", p.got[0], err)
				}
				for i, plain := range p.got {
					if plain != p.got[0] || i > 0 && d.Tries[i].URL.RawQuery == d.Tries[0].URL.RawQuery {
						t.Errorf("try %d: got %s", i, plain)
					}
				}
			})
		})
	}
}

// Section 7: replies are encrypted as pushes are.
func TestReplies(t *testing.T) {
	const reply = "<xml><ToUserName><![CDATA[zhangsan]]></ToUserName><MsgType><![CDATA[text]]></MsgType></xml>"
	p := newProgram(t, nil)
	p.answer = func(*http.Request, string) (int, string) { return 200, string(p.callback.Seal([]byte(reply))) }
	d := p.callback.Push(t.Context(), p.callback.Event("zhangsan", "enter_agent"))
	if string(d.Reply) != reply || d.Fault != "" || !strings.Contains(p.got[0], "<![CDATA[enter_agent]]>") {
		t.Errorf("got %q, %q", d.Reply, d.Fault)
	}
	other := p.callback
	other.Token = "another"
	wrongly := map[string]string{
		"in the clear":        reply,
		"with another token":  string(other.Seal([]byte(reply))),
		"for another corp":    string(Callback{CorpID: "ww1", Token: sampleToken, AESKey: sampleKey}.Seal([]byte(reply))),
		"that is not XML":     string(p.callback.Seal([]byte("hello"))),
		"without a signature": "<xml><Encrypt>x</Encrypt></xml>",
	}
	for name, answer := range wrongly {
		p.answer = func(*http.Request, string) (int, string) { return 200, answer }
		if d := p.callback.Push(t.Context(), p.callback.Text("zhangsan", "hello")); d.Fault == "" {
			t.Errorf("a reply %s: got no fault", name)
		}
	}
}

// Section 7: the receiveid varies; and a stranger is one who tampers.
func TestACallbackCanBeOthers(t *testing.T) {
	c := Callback{CorpID: sampleCorp, ReceiveID: "ww-suite", URL: "http://program/push?a=b", Token: sampleToken, AESKey: sampleKey}
	c.Tamper = func(r *http.Request) { r.Header.Set("X-Stranger", "yes") }
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		members, _ := wechattest.Members(body)
		if _, err := wechattest.Decrypt(sampleKey, members["Encrypt"], "ww-suite"); err != nil {
			t.Error(err)
		}
		if r.Header.Get("X-Stranger") == "" || !strings.HasPrefix(r.URL.RawQuery, "a=b&msg_signature=") {
			t.Errorf("got %s, %v", r.URL, r.Header)
		}
		return nil, errors.New("cut")
	})
	if d := c.Push(t.Context(), c.Text("zhangsan", "hello")); len(d.Tries) != 3 || d.Fault != "no answer: cut" {
		t.Errorf("got %d tries and %q", len(d.Tries), d.Fault)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

package wechat_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

func TestAProbeTellsADeadTokenFromALiveOne(t *testing.T) {
	const path = "/cgi-bin/get_api_domain_ip"
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	good, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		token secret.Secret
		fault wechattest.Fault
		want  token.Verdict
	}{
		{"good", good.Value, wechattest.Fault{}, token.Alive},
		{"garbage", secret.New("x y&z=%"), wechattest.Fault{}, token.Dead},
		{"none", secret.New(""), wechattest.Fault{}, token.Unclear},
		{"superseded", good.Value, wechattest.Fault{Errcode: 40001}, token.Dead},
		{"expired", good.Value, wechattest.Fault{Errcode: 42001}, token.Dead},
		{"beyond the API's quota", good.Value, wechattest.Fault{Errcode: 45009}, token.Alive},
		{"not permitted", good.Value, wechattest.Fault{Errcode: 48001}, token.Alive},
		{"WeChat busy", good.Value, wechattest.Fault{Errcode: -1}, token.Unclear},
		{"an unknown path", good.Value, wechattest.Fault{Errcode: 40066}, token.Unclear},
		{"a server error", good.Value, wechattest.Fault{Status: http.StatusBadGateway}, token.Unclear},
		{"a page", good.Value, wechattest.Fault{Body: []byte("<html>")}, token.Unclear},
		{"no body", good.Value, wechattest.Fault{Empty: true}, token.Unclear},
		{"no answer", good.Value, wechattest.Fault{CloseAfter: true}, token.Unclear},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.fault.Errcode != 0 || test.fault.Status != 0 || test.fault.Body != nil || test.fault.Empty || test.fault.CloseAfter {
				test.fault.Path = path
				defer w.Inject(test.fault)()
			}
			if got := c.Probe(t.Context(), test.token); got != test.want {
				t.Errorf("got verdict %d; want %d", got, test.want)
			}
		})
	}
	broken := newClient(w, wechat.Stable)
	broken.URL = "http://\x00"
	if got := broken.Probe(t.Context(), good.Value); got != token.Unclear {
		t.Errorf("an address that is none: got verdict %d; want none", got)
	}
}

func TestForceReplacesTheTokenThatWeChatRepeats(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	first, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	forced, err := c.Force(t.Context())
	if err != nil || forced.Value.Equal(first.Value.Reveal()) {
		t.Errorf("got the same token, %v; want another", err)
	}
	if again, err := c.Force(t.Context()); err != nil || !again.Value.Equal(forced.Value.Reveal()) {
		t.Errorf("at once again: got %v; want the same token, as WeChat has it", err)
	}
	if got := w.Fetches(appID).Forced; got != 2 {
		t.Errorf("got %d forced fetches; want 2", got)
	}
}

func TestASecretThatChangedIsNoticed(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	var current atomic.Pointer[string]
	set := func(s string) { current.Store(&s) }
	c.Secret = func() (secret.Secret, error) {
		if s := *current.Load(); s != "" {
			return secret.New(s), nil
		}
		return secret.Secret{}, http.ErrNoLocation
	}
	steps := []struct {
		name, secret string
		fetch        bool
		want         bool
	}{
		{"never used", "wrong", false, true},
		{"just used", "wrong", true, false},
		{"another", appSecret, false, true},
		{"used", appSecret, true, false},
		{"unreadable now", "", false, false},
		{"unreadable for a fetch", "", true, false},
		{"readable again", appSecret, false, true},
	}
	for _, step := range steps {
		set(step.secret)
		if step.fetch {
			_, _ = c.Fetch(t.Context())
		}
		if got := c.SecretChanged(); got != step.want {
			t.Errorf("%s: got %t; want %t", step.name, got, step.want)
		}
	}
}

package wechat_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

const (
	appID     = "wx0123456789abcdef"
	appSecret = "canary0123456789canary0123456789"
)

// newClient returns a Client of w in memory, and of the app that w knows.
func newClient(w http.RoundTripper, api wechat.API) *wechat.Client {
	return &wechat.Client{
		HTTP:   &http.Client{Transport: w},
		URL:    "https://api.weixin.qq.com",
		AppID:  appID,
		Secret: func() (secret.Secret, error) { return secret.New(appSecret), nil },
		API:    api,
	}
}

func TestAClientFetchesTheTokenOfEitherAPI(t *testing.T) {
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		t.Run(string(api), func(t *testing.T) {
			w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
			got, err := newClient(w, api).Fetch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := w.Tokens(appID); len(want) != 1 || got.Value.Reveal() != want[0] {
				t.Errorf("got %q; want the one of %q", got.Value.Reveal(), want)
			}
			if left := time.Until(got.Expires); left > 2*time.Hour || left < 2*time.Hour-time.Minute {
				t.Errorf("expires in %v; want 2h", left)
			}
		})
	}
}

func TestTheQuestionsAreAsWeChatDocumentsThem(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	w.Record()
	for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
		if _, err := newClient(w, api).Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stable, classic := w.Requests()[0], w.Requests()[1]

	var body map[string]any
	if err := json.Unmarshal(stable.Body, &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"grant_type": "client_credential", "appid": appID, "secret": appSecret, "force_refresh": false}
	if fmt.Sprint(body) != fmt.Sprint(want) || stable.Chunked {
		t.Errorf("stable: got body %v, chunked %v; want %v with its length", body, stable.Chunked, want)
	}
	if got := stable.Method + " " + stable.Target; got != "POST /cgi-bin/stable_token" {
		t.Errorf("stable: got %s", got)
	}
	if got := stable.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("stable: got content type %q", got)
	}

	target, err := url.Parse(classic.Target)
	if err != nil {
		t.Fatal(err)
	}
	query := url.Values{"grant_type": {"client_credential"}, "appid": {appID}, "secret": {appSecret}}
	if classic.Method != http.MethodGet || target.Path != "/cgi-bin/token" || target.RawQuery != query.Encode() || len(classic.Body) != 0 {
		t.Errorf("classic: got %s %s; want GET /cgi-bin/token?%s", classic.Method, classic.Target, query.Encode())
	}
}

func TestTheLifetimeCountsFromBeforeTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		w.Inject(wechattest.Fault{Delay: 3 * time.Second})
		start := time.Now()
		got, err := newClient(w, wechat.Stable).Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if life := got.Expires.Sub(start); life != 2*time.Hour {
			t.Errorf("expires %v after the question; want 2h", life)
		}
	})
}

func TestWhatGoesWrongIsToldWithoutTheSecret(t *testing.T) {
	body := func(errmsg string) []byte { return []byte(`{"errcode":40125,"errmsg":"` + errmsg + `"}`) }
	elsewhere := http.Header{"Location": {"https://example.invalid/?secret=" + appSecret}}
	for _, test := range []struct {
		name  string
		app   wechattest.App
		fault *wechattest.Fault
		code  int
		class token.Class
		want  string
	}{
		{"wrong secret", wechattest.App{ID: appID, Secret: "another"}, nil, 40125, token.ClassConfiguration, "check secret"},
		{"unknown app", wechattest.App{ID: "wx1", Secret: appSecret}, nil, 40013, token.ClassConfiguration, "check app_id"},
		{"address not allowed", wechattest.App{ID: appID, Secret: appSecret, AllowIPs: []string{"192.0.2.1"}}, nil, 40164, token.ClassConfiguration, "127.0.0.1"},
		{"busy", wechattest.App{}, &wechattest.Fault{Errcode: -1}, -1, token.ClassTransient, "busy"},
		{"quoting the secret", wechattest.App{}, &wechattest.Fault{Body: body("secret " + appSecret + " is wrong")}, 40125, token.ClassConfiguration, "[hidden] is wrong"},
		{"status 500", wechattest.App{}, &wechattest.Fault{Status: 500, Body: []byte(appSecret)}, 0, token.ClassTransient, "HTTP status 500"},
		{"redirect", wechattest.App{}, &wechattest.Fault{Status: 307, Header: elsewhere}, 0, token.ClassTransient, "HTTP status 307"},
		{"empty", wechattest.App{}, &wechattest.Fault{Empty: true}, 0, token.ClassTransient, "empty"},
		{"a page", wechattest.App{}, &wechattest.Fault{Status: 200, Body: []byte("<html>" + appSecret)}, 0, token.ClassTransient, "not the JSON"},
		{"truncated", wechattest.App{}, &wechattest.Fault{Truncate: 20}, 0, token.ClassTransient, "EOF"},
		{"closed before", wechattest.App{}, &wechattest.Fault{CloseBefore: true}, 0, token.ClassTransient, "asking WeChat"},
		{"closed after", wechattest.App{}, &wechattest.Fault{CloseAfter: true}, 0, token.ClassTransient, "asking WeChat"},
		{"no answer", wechattest.App{}, &wechattest.Fault{Delay: time.Hour}, 0, token.ClassTransient, "did not come in time"},
		{"an endless answer", wechattest.App{}, &wechattest.Fault{Status: 200, Body: []byte("{" + strings.Repeat(" ", 1<<20) + "}")}, 0, token.ClassTransient, "not the JSON"},
	} {
		for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
			t.Run(test.name+"/"+string(api), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if test.app.ID == "" {
						test.app = wechattest.App{ID: appID, Secret: appSecret}
					}
					w := wechattest.New(test.app)
					if test.fault != nil {
						w.Inject(*test.fault)
					}
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					defer cancel()
					got, err := newClient(w, api).Fetch(ctx)
					if err == nil {
						t.Fatalf("got %v; want an error", got)
					}
					if errors.Is(err, token.ErrNotAsked) {
						t.Errorf("got %v, as if WeChat had not been asked", err)
					}
					e := wechat.Explain(err)
					if e.Code != test.code || e.Class != test.class {
						t.Errorf("got errcode %d, class %s; want %d, %s", e.Code, e.Class, test.code, test.class)
					}
					if all := err.Error() + e.Reason + e.Remedy; !strings.Contains(all, test.want) || strings.Contains(all, "canary") {
						t.Errorf("got %q and %+v; want %q and no canary", err, e, test.want)
					}
					if calls := w.Calls("*"); calls != 1 {
						t.Errorf("WeChat got %d requests; want 1", calls)
					}
				})
			})
		}
	}
}

func TestWhatTheNetworkSaysIsToldWithoutTheSecret(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	gone, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	safe, err := w.StartTLS(func(s *http.Server) { s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) })
	if err != nil {
		t.Fatal(err)
	}
	defer safe.Close()
	plain, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()

	for _, test := range []struct{ name, url, want string }{
		{"nobody listens", gone.URL, "cannot be reached"},
		{"a certificate of nobody", safe.URL, "TLS"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "TLS"},
		{"no URL", "http://a host/", "by itself"},
		{"no scheme", "127.0.0.1", "by itself"},
	} {
		for _, api := range []wechat.API{wechat.Stable, wechat.Classic} {
			t.Run(test.name+"/"+string(api), func(t *testing.T) {
				c := newClient(&http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}, api)
				c.URL = test.url
				_, err := c.Fetch(t.Context())
				if err == nil {
					t.Fatal("got no error")
				}
				if !errors.Is(err, token.ErrNotAsked) {
					t.Errorf("got %v; want it to tell that WeChat was not asked", err)
				}
				e := wechat.Explain(err)
				if all := err.Error() + e.Reason; strings.Contains(all, "canary") || strings.Contains(all, "?") || !strings.Contains(e.Remedy, test.want) {
					t.Errorf("got %q and %+v; want %q and no canary", err, e, test.want)
				}
			})
		}
	}
}

func TestASecretThatCannotBeReadIsAMistakeOfTheConfiguration(t *testing.T) {
	c := newClient(wechattest.New(), wechat.Stable)
	missing := errors.New("open /run/secrets/shop: no such file or directory")
	c.Secret = func() (secret.Secret, error) { return secret.Secret{}, missing }
	_, err := c.Fetch(t.Context())
	if e := wechat.Explain(err); !errors.Is(err, missing) || e.Class != token.ClassConfiguration || !strings.Contains(e.Reason, "/run/secrets/shop") {
		t.Errorf("got %v, %+v; want a configuration error that names the file", err, e)
	}
}

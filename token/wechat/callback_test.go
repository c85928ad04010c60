package wechat_test

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
	"wxproxy/token/wechat"
)

func TestWeChatIsAskedWhatItSeesOfACallback(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	good, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.CheckCallback(t.Context(), good.Value)
	if why := wechat.ExplainCallback(err); why.Code != 40201 || !strings.Contains(why.Remedy, "save the URL") || why.RemedyZH == "" {
		t.Errorf("without a URL got %+v", why)
	}
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte(r.URL.Query().Get("echostr")))
	}))
	defer host.Close()
	if err := w.SetCallback(t.Context(), wechattest.Callback{AppID: appID, URL: host.URL + "/push/shop", Token: "AAAAA"}); err != nil {
		t.Fatal(err)
	}
	want := wechat.Callback{Addresses: []string{"127.0.0.1 (UNICOM)"}, Pings: []wechat.Ping{{Address: "127.0.0.1", Lost: "0%", Time: "23.079ms"}}}
	if got, err := c.CheckCallback(t.Context(), good.Value); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, row := range []struct {
		name  string
		fault wechattest.Fault
		want  string
	}{
		{"not permitted", wechattest.Fault{Errcode: 48001}, "may not have its pushes tested"},
		{"an errcode without words", wechattest.Fault{Errcode: 12345}, "look up the errcode"},
		{"a page", wechattest.Fault{Body: []byte("<html>" + good.Value.Reveal())}, ""},
		{"a server error", wechattest.Fault{Status: http.StatusBadGateway}, ""},
		{"no answer", wechattest.Fault{CloseAfter: true}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.fault.Path = "/cgi-bin/callback/check"
			defer w.Inject(row.fault)()
			seen, err := c.CheckCallback(t.Context(), good.Value)
			why := wechat.ExplainCallback(err)
			if err == nil || len(seen.Addresses) > 0 || !strings.Contains(why.Remedy, row.want) || why.Remedy == "" {
				t.Errorf("got %+v, %v, %+v; want %q", seen, err, why, row.want)
			}
			if strings.Contains(err.Error()+why.Reason, good.Value.Reveal()) {
				t.Errorf("got the token in %v", err)
			}
		})
	}
}

// What WeChat answers is not trusted.
func TestALongAnswerOfACallbackIsCut(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	c := newClient(w, wechat.Stable)
	good, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	one := `{"ip":"` + good.Value.Reveal() + `","real_operator":"` + strings.Repeat("x", 1000) + "\x1b" + `"}`
	w.Inject(wechattest.Fault{Path: "/cgi-bin/callback/check", Body: []byte(`{"dns":[` + one + strings.Repeat(","+one, 30) + `],"ping":[]}`)})
	seen, err := c.CheckCallback(t.Context(), good.Value)
	text := strings.Join(seen.Addresses, "\n")
	if err != nil || len(seen.Addresses) != 8 || strings.Contains(text, good.Value.Reveal()) || strings.Contains(text, "\x1b") || len(text) > 8000 {
		t.Errorf("got %d addresses, %v: %s", len(seen.Addresses), err, text)
	}
}

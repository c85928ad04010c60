package wechattest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

func TestCallbackCheckSaysWhatWeChatSeesOfTheCallback(t *testing.T) {
	w := newWeChat()
	target := "/cgi-bin/callback/check?access_token=" + classic(t, w).Token
	const all = `{"action":"all","check_operator":"DEFAULT"}`
	if got := post(t, w, target, all).errcode(t); got != 40201 {
		t.Errorf("without a callback: got %d; want 40201", got)
	}
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Query().Get("echostr")))
	}))
	defer echo.Close()
	if err := w.SetCallback(t.Context(), wechattest.Callback{AppID: appID, URL: echo.URL}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		body    string
		errcode int
		want    []string
		not     string
	}{
		{all, 0, []string{`"dns":[{"ip":"127.0.0.1"`, `"ping":[{"ip":"127.0.0.1","from_operator":"UNICOM","package_loss":"0%"`}, "errcode"},
		{`{"action":"dns","check_operator":"CAP"}`, 0, []string{`"dns"`}, "ping"},
		{`{"action":"ping","check_operator":"UNICOM"}`, 0, []string{`"ping"`}, "dns"},
		{`{"action":"both","check_operator":"DEFAULT"}`, 40202, nil, "dns"},
		{`{"action":"all","check_operator":"NONE"}`, 40203, nil, "dns"},
		{`{"action":1}`, 47001, nil, "dns"},
	} {
		a := post(t, w, target, tt.body)
		ok := !strings.Contains(string(a.body), tt.not)
		for _, part := range tt.want {
			ok = ok && strings.Contains(string(a.body), part)
		}
		if got := a.errcode(t); got != tt.errcode || !ok {
			t.Errorf("%s: got %s; want %v and errcode %d", tt.body, a.body, tt.want, tt.errcode)
		}
	}
}

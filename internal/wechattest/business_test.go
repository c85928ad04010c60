package wechattest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

const (
	typeJSON  = "application/json; encoding=utf-8"
	typePlain = "text/plain"
)

func TestMessagesAreEffectsAndADoubledOneIsSeenTwice(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	want := []wechattest.Message{
		{AppID: appID, Path: "/cgi-bin/message/custom/send", Body: []byte(`{"n":1}`)},
		{AppID: appID, Path: "/cgi-bin/message/template/send", Body: []byte(`{"n":2}`)},
		{AppID: appID, Path: "/cgi-bin/message/subscribe/send", Body: []byte(`{"n":3}`)},
		{AppID: appID, Path: "/cgi-bin/message/subscribe/send", Body: []byte(`{"n":3}`)},
	}
	for _, m := range want {
		if a := post(t, w, m.Path+"?access_token="+token, string(m.Body)); a.errcode(t) != 0 {
			t.Errorf("got %s; want it sent", a.body)
		}
	}
	same := func(a, b wechattest.Message) bool {
		return a.AppID == b.AppID && a.Path == b.Path && bytes.Equal(a.Body, b.Body)
	}
	if got := w.Sent(); !slices.EqualFunc(got, want, same) {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestBusinessAPIsAnswerAsWeChatDoes(t *testing.T) {
	const sendPath = "/cgi-bin/message/custom/send?access_token=TOKEN"
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
		wantType                   string
	}{
		{"unknown path", "GET", "/cgi-bin/nothing?access_token=TOKEN", "", 40066, typeJSON},
		{"path in other spelling", "GET", "/cgi-bin/user%2Finfo?access_token=TOKEN&openid=1", "", 40066, typeJSON},
		{"message by GET", "GET", sendPath, "", 43002, typeJSON},
		{"message without body", "POST", sendPath, "", 44002, typeJSON},
		{"message not JSON", "POST", sendPath, "{", 47001, typeJSON},
		{"user/info without openid", "GET", "/cgi-bin/user/info?access_token=TOKEN", "", 41009, typeJSON},
		{"user/info", "GET", "/cgi-bin/user/info?access_token=TOKEN&openid=1", "", 0, typeJSON},
		{"user/get", "GET", "/cgi-bin/user/get?access_token=TOKEN", "", 0, typeJSON},
		{"get_api_domain_ip", "GET", "/cgi-bin/get_api_domain_ip?access_token=TOKEN", "", 0, typeJSON},
		{"menu before it is made", "GET", "/cgi-bin/menu/get?access_token=TOKEN", "", 46003, typeJSON},
		{"ticket of unknown type", "GET", "/cgi-bin/ticket/getticket?access_token=TOKEN&type=x", "", 40097, typeJSON},
		{"unknown media", "GET", "/cgi-bin/media/get?access_token=TOKEN&media_id=1", "", 40007, typePlain},
		{"media of unknown type", "POST", "/cgi-bin/media/upload?access_token=TOKEN", "x", 40004, typeJSON},
		{"media not multipart", "POST", "/cgi-bin/media/upload?access_token=TOKEN&type=image", "x", 41005, typeJSON},
		{"code without scene", "POST", "/wxa/getwxacodeunlimit?access_token=TOKEN", "{}", 40129, typeJSON},
		{"code with a scene of another type", "POST", "/wxa/getwxacodeunlimit?access_token=TOKEN", `{"scene":1}`, 47001, typeJSON},
		{"orders of another type", "POST", "/cgi-bin/express/business/order/batchget?access_token=TOKEN", `{"order_list":1}`, 47001, typeJSON},
		{"rid of another type", "POST", "/cgi-bin/openapi/rid/get?access_token=TOKEN", `{"rid":1}`, 47001, typeJSON},
		{"unknown rid", "POST", "/cgi-bin/openapi/rid/get?access_token=TOKEN", `{"rid":"x"}`, 76001, typeJSON},
		{"component", "POST", "/cgi-bin/component/api_query_auth?access_token=TOKEN", "{}", 40094, typeJSON},
		{"component of sns", "GET", "/sns/component/jscode2session?access_token=TOKEN", "", 40094, typeJSON},
		{"session", "GET", "/sns/jscode2session?appid=" + appID + "&secret=" + secret + "&js_code=1", "", 0, typePlain},
		{"session without code", "GET", "/sns/jscode2session?appid=" + appID + "&secret=" + secret, "", 41008, typePlain},
		{"session, bad code", "GET", "/sns/jscode2session?appid=" + appID + "&secret=" + secret + "&js_code=bad1", "", 40029, typePlain},
		{"session, wrong secret", "GET", "/sns/jscode2session?appid=" + appID + "&secret=x&js_code=1", "", 40125, typePlain},
		{"user token, wrong secret", "GET", "/sns/oauth2/access_token?appid=" + appID + "&secret=x&code=1", "", 40125, typePlain},
		{"refresh without appid", "GET", "/sns/oauth2/refresh_token?refresh_token=refresh-1", "", 41002, typePlain},
		{"refresh, unknown appid", "GET", "/sns/oauth2/refresh_token?appid=x&refresh_token=refresh-1", "", 40013, typePlain},
		{"refresh, bad token", "GET", "/sns/oauth2/refresh_token?appid=" + appID + "&refresh_token=x", "", 40030, typePlain},
		{"user info", "GET", "/sns/userinfo?access_token=user-1&openid=1", "", 0, typePlain},
		{"user info without openid", "GET", "/sns/userinfo?access_token=user-1", "", 41009, typePlain},
		{"user info with an app's token", "GET", "/sns/userinfo?access_token=TOKEN&openid=1", "", 40001, typePlain},
		{"user auth", "GET", "/sns/auth?access_token=user-1&openid=1", "", 0, typePlain},
		{"user auth without token", "GET", "/sns/auth?openid=1", "", 41001, typePlain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			target := strings.ReplaceAll(tt.target, "TOKEN", classic(t, w).Token)
			a := do(t, w, request(t, tt.method, target, tt.body))
			if got := a.errcode(t); got != tt.want {
				t.Errorf("got %s; want %d", a.body, tt.want)
			}
			if got := a.header.Get("Content-Type"); got != tt.wantType {
				t.Errorf("got Content-Type %q; want %q", got, tt.wantType)
			}
			if got, want := a.header.Get("LogicRet") != "", tt.want != 0; got != want {
				t.Errorf("got LogicRet %q for errcode %d", a.header.Get("LogicRet"), tt.want)
			}
		})
	}
}

func TestSomeNicknamesAreNotJSON(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	for openid, nickname := range map[string]string{
		"control":     wechattest.ControlNickname,
		"broken-utf8": wechattest.BrokenNickname,
	} {
		a := get(t, w, "/cgi-bin/user/info?openid="+openid+"&access_token="+token)
		if want := `"nickname":"` + nickname + `"`; !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("got %q; want %q in it", a.body, want)
		}
	}
}

func TestAMenuIsKept(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	post(t, w, "/cgi-bin/menu/create?access_token="+token, `{"button":[1]}`)
	a := get(t, w, "/cgi-bin/menu/get?access_token="+token)
	if got, want := string(a.body), `{"menu":{"button":[1]}}`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestATicketStaysTheSameAndAlwaysSays7200(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		ticket := func(kind string) string {
			a := get(t, w, "/cgi-bin/ticket/getticket?type="+kind+"&access_token="+stable(t, w).Token)
			if !bytes.Contains(a.body, []byte(`"errcode":0,`)) || !bytes.HasSuffix(a.body, []byte(`"expires_in":7200}`)) {
				t.Errorf("got %s; want errcode 0 and 7200 s", a.body)
			}
			return a.field(t, "ticket")
		}
		first := ticket("jsapi")
		if ticket("wx_card") == first {
			t.Error("got one ticket for both types; want two")
		}
		time.Sleep(7200*time.Second - 1)
		if got := ticket("jsapi"); got != first {
			t.Errorf("got %q; want %q again", got, first)
		}
		time.Sleep(time.Nanosecond)
		if ticket("jsapi") == first {
			t.Error("got the old ticket after its life; want a new one")
		}
	})
}

// uploadRequest returns an upload of data in a multipart field.
func uploadRequest(t *testing.T, target, field string, data []byte) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	form.WriteField("description", "first")
	part, err := form.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name=%q; filename="cat.jpg"`, field)},
		"Content-Type":        {"image/jpeg"},
	})
	if err != nil {
		t.Fatal(err)
	}
	part.Write(data)
	form.Close()
	r := request(t, http.MethodPost, target, body.String())
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

func TestMediaComesBackAsItWasUploaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		data := bytes.Repeat([]byte("\x00\xff\r\n--"), 1000)
		a := do(t, w, uploadRequest(t, "/cgi-bin/media/upload?type=image&access_token="+stable(t, w).Token, "media", data))
		id := a.field(t, "media_id")
		target := func() string { return "/cgi-bin/media/get?media_id=" + id + "&access_token=" + stable(t, w).Token }

		got := get(t, w, target())
		if !bytes.Equal(got.body, data) {
			t.Errorf("got %d bytes; want the %d uploaded", len(got.body), len(data))
		}
		for name, want := range map[string]string{
			"Content-Type":        "image/jpeg",
			"Content-Disposition": `attachment; filename="` + id + `.jpg"`,
			"Cache-Control":       "no-cache, must-revalidate",
		} {
			if got := got.header.Get(name); got != want {
				t.Errorf("got %s %q; want %q", name, got, want)
			}
		}
		time.Sleep(3 * 24 * time.Hour)
		if got := get(t, w, target()).errcode(t); got != 40007 {
			t.Errorf("got %d after three days; want 40007", got)
		}
	})
}

func TestMediaBelongsToItsApp(t *testing.T) {
	w := newWeChat()
	w.AddApp(wechattest.App{ID: "wx2", Secret: "two"})
	other := granted(t, get(t, w, "/cgi-bin/token?grant_type=client_credential&appid=wx2&secret=two"))
	a := do(t, w, uploadRequest(t, "/cgi-bin/media/upload?type=image&access_token="+classic(t, w).Token, "media", []byte("x")))
	if got := get(t, w, "/cgi-bin/media/get?media_id="+a.field(t, "media_id")+"&access_token="+other.Token).errcode(t); got != 40007 {
		t.Errorf("got %d; want 40007", got)
	}
}

func TestAVideoComesBackAsAnAddress(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	a := do(t, w, uploadRequest(t, "/cgi-bin/media/upload?type=video&access_token="+token, "media", []byte("x")))
	got := get(t, w, "/cgi-bin/media/get?media_id="+a.field(t, "media_id")+"&access_token="+token)
	if got.field(t, "video_url") == "" {
		t.Errorf("got %s; want a video_url", got.body)
	}
}

func TestUploadsThatAreNoMediaAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, kind, field string
		size, want        int
	}{
		{"another field", "image", "file", 1, 41005},
		{"empty", "image", "media", 0, 41005},
		{"too large", "thumb", "media", 64<<10 + 1, 40006},
		{"as large as may be", "thumb", "media", 64 << 10, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			target := "/cgi-bin/media/upload?type=" + tt.kind + "&access_token=" + classic(t, w).Token
			if got := do(t, w, uploadRequest(t, target, tt.field, make([]byte, tt.size))).errcode(t); got != tt.want {
				t.Errorf("got %d; want %d", got, tt.want)
			}
		})
	}
}

func TestACodeIsAPicture(t *testing.T) {
	w := newWeChat()
	a := post(t, w, "/wxa/getwxacodeunlimit?access_token="+classic(t, w).Token, `{"scene":"a=1"}`)
	if got := a.header.Get("Content-Type"); got != "image/jpeg" {
		t.Errorf("got Content-Type %q; want image/jpeg", got)
	}
	if _, err := jpeg.Decode(bytes.NewReader(a.body)); err != nil {
		t.Errorf("got %q; want a PNG: %v", a.body, err)
	}
}

func TestABatchHasItsErrorsInItsItems(t *testing.T) {
	w := newWeChat()
	a := post(t, w, "/cgi-bin/express/business/order/batchget?access_token="+classic(t, w).Token,
		`{"order_list":[{"order_id":"1"},{"order_id":"bad-2"}]}`)
	want := `{"order_list":[{"errcode":0,"errmsg":"ok","order_id":"1"},{"errcode":40001,"errmsg":"invalid order","order_id":"bad-2"}]}`
	if string(a.body) != want {
		t.Errorf("got %s; want %s", a.body, want)
	}
}

// ridOf returns the request ID of a refusal.
func ridOf(t *testing.T, a answer) string {
	t.Helper()
	_, rid, ok := strings.Cut(a.field(t, "errmsg"), " rid: ")
	if !ok {
		t.Fatalf("got %s; want a rid", a.body)
	}
	return rid
}

func TestARidQuotesTheRequestWithItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		target := "/cgi-bin/message/custom/send?access_token=" + stable(t, w).Token
		refused := post(t, w, target, "{no JSON")
		rid := ridOf(t, refused)
		ask := func() answer {
			return post(t, w, "/cgi-bin/openapi/rid/get?access_token="+stable(t, w).Token, `{"rid":"`+rid+`"}`)
		}

		var got struct {
			Errcode int
			Request struct {
				URL      string `json:"request_url"`
				Body     string `json:"request_body"`
				Response string `json:"response_body"`
				IP       string `json:"client_ip"`
			}
		}
		a := ask()
		if err := json.Unmarshal(a.body, &got); err != nil {
			t.Fatal(err)
		}
		r := got.Request
		if r.URL != "https://api.weixin.qq.com"+target || r.Body != "{no JSON" || r.Response != string(refused.body) || r.IP != "127.0.0.1" {
			t.Errorf("got %+v; want the request as it was", got)
		}
		if !bytes.Contains(a.body, []byte(`{\"errcode\":47001,`)) {
			t.Errorf("got %s; want an escaped errcode in it", a.body)
		}
		time.Sleep(7 * 24 * time.Hour)
		if got := ask().errcode(t); got != 76001 {
			t.Errorf("got %d after seven days; want 76001", got)
		}
	})
}

func TestARidIsForItsAppAndNotForEver(t *testing.T) {
	w := newWeChat()
	w.AddApp(wechattest.App{ID: "wx2", Secret: "two"})
	other := granted(t, get(t, w, "/cgi-bin/token?grant_type=client_credential&appid=wx2&secret=two"))
	token := classic(t, w).Token
	refuse := func() answer { return get(t, w, "/cgi-bin/menu/get?access_token="+token) }
	ask := func(token, rid string) int {
		return post(t, w, "/cgi-bin/openapi/rid/get?access_token="+token, `{"rid":"`+rid+`"}`).errcode(t)
	}

	rid := ridOf(t, refuse())
	if got := ask(token, rid); got != 0 {
		t.Errorf("got %d; want 0", got)
	}
	if got := ask(other.Token, rid); got != 76001 {
		t.Errorf("got %d for another app; want 76001", got)
	}
	for range 1024 {
		refuse()
	}
	if got := ask(token, rid); got != 76001 {
		t.Errorf("got %d after many others; want 76001", got)
	}
}

func TestALoginCodeIsGoodOnce(t *testing.T) {
	w := newWeChat()
	query := "?appid=" + appID + "&secret=" + secret
	session := "/sns/jscode2session" + query + "&js_code=c1"
	if a := get(t, w, session); a.field(t, "session_key") == "" || a.field(t, "openid") == "" {
		t.Errorf("got %s; want a session", a.body)
	}
	if got := get(t, w, session).errcode(t); got != 40163 {
		t.Errorf("got %d the second time; want 40163", got)
	}

	a := get(t, w, "/sns/oauth2/access_token"+query+"&code=c2")
	token, refresh := a.field(t, "access_token"), a.field(t, "refresh_token")
	if got := get(t, w, "/sns/auth?openid=1&access_token="+token).errcode(t); got != 0 {
		t.Errorf("got %d for the user's token; want 0", got)
	}
	again := get(t, w, "/sns/oauth2/refresh_token?appid="+appID+"&grant_type=refresh_token&refresh_token="+refresh)
	if again.field(t, "access_token") == "" || again.field(t, "refresh_token") != refresh {
		t.Errorf("got %s; want a token and the same refresh_token", again.body)
	}
}

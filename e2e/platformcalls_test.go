package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
)

const otherComponentID = "wxd0d0d0d0d0d0d0d0"

// Which account and which token a call gets that names a platform, or an account of one, or
// of two: the sentences of the documents, one by one, at the built program.
func TestCallsFindTheirPlatformAndAccount(t *testing.T) {
	t.Parallel()
	const own, alone = appID, "wx3333333333333333" // an [[account]] that has authorized the platform, and an account of the other platform
	w := wechattest.New(wechattest.App{ID: own, Secret: appSecret})
	saas := platformtest.Add(w, platformtest.Settings{AppID: componentID, Secret: componentSecret})
	other := platformtest.Add(w, platformtest.Settings{AppID: otherComponentID, Secret: componentSecret})
	w.Record()
	served := serveWeChat(t, w)
	p := serving(t, served.URL, fourLines+platformLines+strings.NewReplacer(`"saas"`, `"other"`, componentID, otherComponentID).Replace(platformLines), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
	for name, of := range map[string]*platformtest.Platform{"saas": saas, "other": other} {
		of.Change(func(s *platformtest.Settings) {
			s.EventURL, s.Token, s.AESKey, s.Transport = p.push+"/push/"+name, pushToken, pushAESKey, p.client.Transport
		})
		mustDeliver(t, of.PushTicket(t.Context()))
	}
	for _, of := range []struct {
		*platformtest.Platform
		appID string
	}{{saas, merchantID}, {other, merchantID}, {other, alone}, {saas, own}} {
		_, d := of.Authorize(t.Context(), of.appID)
		mustDeliver(t, d)
	}
	for _, name := range []string{"saas:" + merchantID, "other:" + merchantID, alone, "saas:" + own} {
		p.eventually(name+" can be called", func() bool { return p.call("GET", "/@"+name+userInfo, "").code == 200 })
	}

	const ok = "200 "
	for _, row := range []struct {
		path   string
		header string
		want   string // the status, and what Wxproxy-Account or Wxproxy-Error says
		words  string // in the body
	}{
		{"/@" + merchantID + userInfo, "", "404 unknown_account", "PLATFORM:APPID"},
		{userInfo, "Wxproxy-Account: " + merchantID, "404 unknown_account", "PLATFORM:APPID"},
		{userInfo + "&from_appid=" + merchantID, "", "404 unknown_account", "PLATFORM:APPID"},
		{"/@saas:" + merchantID + userInfo, "", ok + merchantID, ""},
		{"/@saas%3A" + merchantID + userInfo, "", ok + merchantID, ""},
		{"/%40other:" + merchantID + userInfo, "", ok + merchantID, ""},
		{userInfo, "Wxproxy-Account: other:" + merchantID, ok + merchantID, ""},
		{userInfo + "&from_appid=saas:" + merchantID, "", ok + merchantID, ""},
		{"/@saas:" + alone + userInfo, "", "404 unknown_account", ""},
		{"/@nobody:" + merchantID + userInfo, "", "404 unknown_account", ""},
		{"/@" + alone + userInfo, "", ok + alone, ""},
		{"/@" + own + userInfo, "", ok + "shop", ""},
		{"/@saas:" + own + userInfo, "", ok + own, ""},
		{userInfo, "", ok + "shop", ""}, // the only [[account]] is the default
		{"/@saas" + userInfo, "", "403 no_credential", "/@APPID/"},
		{"/@" + componentID + userInfo, "", "403 no_credential", "/@APPID/"},
		{"/@wx9999999999999999" + userInfo, "", "404 unknown_account", ""},
		{"/wxa/gettemplatelist", "", "404 unknown_account", "several platforms"},
		{"/@other/wxa/gettemplatelist", "", ok + "other", ""},
		{"/@" + alone + "/wxa/gettemplatelist", "", ok + "other", ""},
		{"/@shop/wxa/gettemplatelist", "", "403 no_credential", "has authorized none"},
		{"/@saas/cgi-bin/get_api_domain_ip", "", ok + "saas", ""},
		{"/@saas:" + merchantID + "/cgi-bin/get_api_domain_ip", "", ok + merchantID, ""},
		{"/sns/jscode2session?appid=" + merchantID + "&js_code=x", "", "404 unknown_account", "PLATFORM:APPID"},
		{"/@saas:" + merchantID + "/sns/jscode2session?js_code=x", "", ok + merchantID, ""},
		{"/sns/jscode2session?appid=" + alone + "&secret=&js_code=x&grant_type=authorization_code", "", ok + alone, ""},
		{"/sns/jscode2session?appid=wx9999999999999999&js_code=x", "", "404 unknown_account", ""},
		{"/@" + alone + "/cgi-bin/clear_quota/v2", "", "403 no_credential", "AppSecret"},
		{"/cgi-bin/clear_quota/v2?appid=" + alone, "", "403 no_credential", "AppSecret"},
		// However a path is spelled, it is meant by everybody who looks at it, or is refused.
		{"/@other/WXA/GetTemplateList/", "", ok + "other", ""},
		{"/@other/wxa//gettemplatelist", "", "400 bad_request", ""},
		{"/@other/wxa/%67ettemplatelist", "", ok + "other", ""},
		{"/@other/wxa%2fgettemplatelist", "", "400 bad_request", ""},
		{"/@other/wxa/x/../gettemplatelist", "", "400 bad_request", ""},
		{"/@other/wxa/%2e%2e/wxa/gettemplatelist", "", "400 bad_request", ""},
		{"/@other/cgi-bin/component/./api_query_auth", "", "400 bad_request", ""},
		{"//@other/wxa/gettemplatelist", "", "400 bad_request", ""},
		// The page where a merchant authorizes.
		{"/wxproxy/authorize-url?redirect_uri=https%3A%2F%2Fsaas.example%2F", "", "404 unknown_account", "several platforms"},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=saas", "", ok + "saas", "pre_auth_code="},
		{"/@" + alone + "/wxproxy/authorize-url?redirect_uri=x", "", ok + "other", "pre_auth_code="},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=nobody", "", "404 unknown_account", ""},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=shop", "", "404 unknown_account", ""},
		{"/wxproxy/authorize-url?platform=saas", "", "400 bad_request", "redirect_uri"},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=saas&device=tv", "", "400 bad_request", "device"},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=saas&auth_type=-1", "", "400 bad_request", "auth_type"},
		{"/wxproxy/authorize-url?redirect_uri=x&platform=saas&a=1", "", "400 bad_request", "parameters"},
		{"/wxproxy/authorize-url?redirect_uri=x&redirect_uri=y&platform=saas", "", "400 bad_request", "at most once"},
	} {
		headers := []string{}
		if row.header != "" {
			headers = append(headers, row.header)
		}
		a := p.call("GET", row.path, "", headers...)
		said := a.header.Get("Wxproxy-Error")
		if said == "" {
			said = a.header.Get("Wxproxy-Account")
		}
		if got := fmt.Sprint(a.code, " ", said); got != row.want || !strings.Contains(a.body, row.words) {
			t.Errorf("%s %s: got %s, %s; want %s and %q", row.path, row.header, got, a.body, row.want, row.words)
		}
	}
	for _, secret := range append(saas.Secrets(), other.Secrets()...) {
		if printed := p.stdout.String() + p.stderr.String(); strings.Contains(printed, secret) {
			t.Errorf("the proxy has printed %s", secret)
		}
	}
	p.stop()
}

// What a program sends where the platform's secret goes, in all the forms that SDKs and
// mistakes have: the proxy's own values are sent, once, or the request is refused.
func TestAPlatformsSecretGoesWhereTheBodySaysSo(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	p := startPlatform(t, w, saas, "")
	p.eventually("the platform's token", func() bool { return p.call("GET", "/@saas/cgi-bin/get_api_domain_ip", "").code == 200 })
	p.eventually("the start that the proxy asks for itself, without a ticket yet", func() bool {
		before := saas.Counts().Starts
		time.Sleep(200 * time.Millisecond)
		return saas.Counts().Starts == before
	})
	const path = "/cgi-bin/component/api_start_push_ticket"
	for _, row := range []struct {
		body, header string
		code         int
	}{
		{`{"component_appid":"` + componentID + `","component_secret":"whatever"}`, "", 200},
		{`{}`, "", 200},
		{``, "", 200},
		{"\ufeff" + `{}`, "", 200},
		{`{"component_secret":"a","component_secret":"b"}`, "", 200},
		{`{"component_appid":"` + componentID + `","component_appid":"` + appID + `"}`, "", 400},
		{`{"component_appid":"` + appID + `"}`, "", 404},
		{`{"component_appid":["` + componentID + `"]}`, "", 404},
		{`[1]`, "", 400},
		{`[]`, "", 200}, // as PHP writes an empty object
		{`"x"`, "", 400},
		{`{"component_appid":`, "", 400},
		{`component_appid=` + componentID + `&component_secret=x`, "Content-Type: application/x-www-form-urlencoded", 400},
		{"\x1f\x8b\x08\x00", "Content-Encoding: gzip", 400},
		{`{"component_secret":"` + componentSecret + `","x":"` + componentSecret + `"}`, "", 400},
	} {
		headers := []string{"Content-Type: application/json"}
		if row.header != "" {
			headers[0] = row.header
		}
		before := saas.Counts().Starts
		a := p.call("POST", path, row.body, headers...)
		sent := saas.Counts().Starts - before
		if a.code != row.code || sent > 1 || (sent == 1) != (row.code == http.StatusOK) || row.code == 200 && !strings.Contains(a.body, `"errcode":0`) {
			t.Errorf("%s: got %d %s, and %d starts; want %d", row.body, a.code, a.body, sent, row.code)
		}
		if strings.Contains(a.body, componentSecret) {
			t.Errorf("%s: the answer has the secret: %s", row.body, a.body)
		}
	}
	p.stop()
}

// Whatever WeChat answers with a refresh token in it, and however: no program gets that.
func TestNoAnswerGivesARefreshTokenAway(t *testing.T) {
	t.Parallel()
	const hidden, placeholder = "refreshtoken@@@canary-refresh-token-of-a-merchant", "refreshtoken@@@wxproxy"
	list := `{"total_count":1,"list":[{"authorizer_appid":"` + merchantID + `","refresh_token":"` + hidden + `","auth_time":1}]}`
	answers := map[string]func(http.ResponseWriter){
		"plain": func(w http.ResponseWriter) { fmt.Fprint(w, list) },
		"an escaped name": func(w http.ResponseWriter) {
			fmt.Fprint(w, strings.Replace(list, "refresh_token", `refresh\u005ftoken`, 1))
		},
		"an escaped letter": func(w http.ResponseWriter) {
			fmt.Fprint(w, strings.Replace(list, "refresh_token", `\u0072efresh_token`, 1))
		},
		"nested":           func(w http.ResponseWriter) { fmt.Fprintf(w, `{"errcode":0,"a":[{"b":%s},[%s]]}`, list, list) },
		"JSON in a string": func(w http.ResponseWriter) { fmt.Fprintf(w, `{"errcode":0,"a":%q}`, list) },
		"chunked": func(w http.ResponseWriter) {
			for _, part := range []string{list[:60], list[60:]} { // which cuts the name of the member
				fmt.Fprint(w, part)
				w.(http.Flusher).Flush()
			}
		},
		"large":     func(w http.ResponseWriter) { fmt.Fprintf(w, `{"x":"%s","y":%s}`, strings.Repeat("x", 300<<10), list) },
		"too large": func(w http.ResponseWriter) { fmt.Fprintf(w, `{"x":"%s","y":%s}`, strings.Repeat("x", 3<<20), list) },
		"gzip": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			fmt.Fprint(packer, list)
			packer.Close()
		},
		"gzip, large": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			fmt.Fprintf(packer, `{"x":"%s","y":%s}`, strings.Repeat("x", 3<<20), list)
			packer.Close()
		},
		"an unknown coding": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, list)
		},
		"404": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, list)
		},
		"500, large": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, `{"x":"%s","y":%s}`, strings.Repeat("x", 300<<10), list)
		},
		"no JSON": func(w http.ResponseWriter) { fmt.Fprint(w, "<html>"+list+"\x01\xff") },
	}
	w, saas := newSaas(t, func(s *http.Server) {
		next := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer := answers[r.URL.Query().Get("answer")]; answer != nil {
				answer(w)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	p := startPlatform(t, w, saas, "")
	for name := range answers {
		for _, path := range []string{"api_get_authorizer_list", "api_get_authorizer_info", "API_GET_AUTHORIZER_LIST/", "api_of_the_future"} {
			a := p.call("POST", "/cgi-bin/component/"+path+"?answer="+url.QueryEscape(name), fmt.Sprintf(`{"component_appid":%q}`, componentID))
			body := a.body
			if a.header.Get("Content-Encoding") == "gzip" {
				unpacker, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				plain, _ := io.ReadAll(unpacker)
				body = string(plain)
			}
			isWithheld := a.code == 502 && a.header.Get("Wxproxy-Error") != "" || body == ""
			if strings.Contains(body, "canary-refresh") || !isWithheld && !strings.Contains(body, placeholder) {
				t.Errorf("%s, %s: got %d %.300s", name, path, a.code, body)
			}
			if strings.Contains(name, "too") != isWithheld && !strings.Contains(name, ",") && !strings.Contains(name, "coding") {
				t.Errorf("%s, %s: got %d %.200s; want it withheld only if it cannot be searched", name, path, a.code, body)
			}
		}
	}
	if printed := p.stdout.String() + p.stderr.String(); strings.Contains(printed, "canary-refresh") {
		t.Error("the log has a refresh token")
	}
	p.stop()
}

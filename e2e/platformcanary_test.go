package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
)

// A told collects what a platform was ever given, which nobody else may see.
type told struct {
	saas *platformtest.Platform
	all  map[string]bool
}

func (o *told) note() {
	for _, value := range o.saas.Secrets() {
		o.all[value] = true
	}
}

// mustBeUnsaid fails the test if anything that was said holds one of the secrets, in whatever
// spelling.
func (o *told) mustBeUnsaid(t *testing.T, said string) {
	t.Helper()
	o.note()
	if len(o.all) < 9 {
		t.Errorf("got %d secrets; want those of a whole life", len(o.all))
	}
	for value := range o.all {
		for _, spelling := range []string{
			value, url.QueryEscape(value), strings.ReplaceAll(value, "@", `\u0040`), base64.StdEncoding.EncodeToString([]byte(value))[:24], fmt.Sprintf("%x", value),
			value[strings.LastIndex(value, "@")+1:],
		} {
			if at := strings.Index(said, spelling); at >= 0 {
				t.Errorf("got %q in: %s", spelling, said[max(0, at-300):min(len(said), at+200)])
				break
			}
		}
	}
}

// quote has the next answers of some of WeChat's APIs quote all that the platform was given.
func (o *told) quote(w weChat, errcode int, paths ...string) (clear func()) {
	o.note()
	var quoted strings.Builder
	for value := range o.all {
		fmt.Fprintf(&quoted, " [%s] %s", value, url.QueryEscape(value))
	}
	var ends []func()
	for _, path := range paths {
		body, _ := json.Marshal(map[string]any{"errcode": errcode, "errmsg": "invalid" + quoted.String()[:min(quoted.Len(), 200)] + " rid: 1"})
		ends = append(ends, w.Inject(wechattest.Fault{Path: path, Body: body}))
	}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

const componentPath = "/cgi-bin/component/"

// Whatever happens in the life of a platform, nothing that the process prints or answers holds
// what WeChat gave to it and to nobody else.
func TestNoSecretOfAPlatformIsSaidInItsWholeLife(t *testing.T) {
	t.Parallel()
	w, saas := newSaas(t)
	saas.Change(func(s *platformtest.Settings) { s.Rotate, s.Malformed = true, true })
	given := &told{saas, map[string]bool{}}
	program := handle(t, replying)
	dir := t.TempDir()
	toml := platformLines + fmt.Sprintf("[log]\naccess = true\nlevel = \"debug\"\n[token]\nstore = \"file:%s\"\nencryption_key = %q\n[[forward]]\nurl = %q\nmatch = [\"info:*\"]\n",
		dir, base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))), program.URL)
	p := serving(t, w.URL, toml, "WXPROXY_PUSH_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_KEY="+canaryAdminKey)
	saas.Change(func(s *platformtest.Settings) {
		s.EventURL, s.MessageURL = p.push+"/push/saas", p.push+"/push/saas/$APPID$"
		s.Token, s.AESKey, s.Transport = pushToken, pushAESKey, p.client.Transport
	})
	s := &silence{t: t}
	ask := func(method, path, body string, headers ...string) answer {
		return s.hear(p.call(method, path, body, headers...))
	}
	admin := func() {
		for _, path := range []string{"/status", "/status?apis=1", "/apis", "/metrics", "/", "/?lang=zh", "/platforms/saas/authorizers", "/pushes/failed", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
			s.hear(p.mustAsk("GET", p.admin+path, "", byAdmin))
		}
		for _, path := range []string{"/platforms/saas/recover", "/accounts/" + merchantID + "/refresh"} {
			s.hear(p.mustAsk("POST", p.admin+path, "", byAdmin))
		}
	}

	admin()
	clear := given.quote(w, 61006, componentPath+"api_component_token", componentPath+"api_start_push_ticket")
	mustDeliver(t, saas.PushTicket(t.Context()))
	ask("POST", componentPath+"api_create_preauthcode", "{}")
	admin()
	clear()
	mustDeliver(t, saas.PushTicket(t.Context()))
	clear = given.quote(w, -1, componentPath+"api_query_auth")
	granted, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	ask("GET", "/@"+merchantID+userInfo, "")
	ask("POST", componentPath+"api_query_auth", fmt.Sprintf(`{"component_appid":%q,"authorization_code":%q}`, componentID, granted.Code))
	admin()
	clear()
	mustDeliver(t, saas.PushTicket(t.Context())) // which has the code tried again
	p.awaitMerchant()
	admin()

	const business = "/cgi-bin/message/custom/send"
	for _, end := range []func(string){saas.Expire, saas.RevokeTokens, saas.ReplaceRefresh, saas.Expire} {
		given.note()
		end(merchantID)
		ask("GET", "/@"+merchantID+userInfo, "")
		time.Sleep(10 * time.Millisecond)
	}
	for _, errcode := range []int{-1, 40001, 42001, 61003, 61004, 61023, 48001} {
		clear := given.quote(w, errcode, componentPath+"api_authorizer_token", componentPath+"api_get_authorizer_info", componentPath+"api_get_authorizer_list")
		saas.Expire(merchantID)
		ask("GET", "/@"+merchantID+userInfo, "")
		admin()
		clear()
		p.mustAsk("POST", p.admin+"/accounts/"+merchantID+"/refresh", "", byAdmin)
	}
	p.awaitMerchant()
	for _, value := range append(saas.Tokens(merchantID), saas.Tokens(componentID)...) {
		for _, path := range []string{business, "/cgi-bin/component/api_get_authorizer_info"} {
			end := w.Inject(wechattest.Fault{Path: path, Body: []byte(`{"errcode":45009,"errmsg":"reach max of ` + value + `, component_access_token=` + value + `"}`)})
			if path == business && strings.Contains(strings.Join(saas.Tokens(merchantID), " "), value) {
				ask("POST", "/@"+merchantID+business, "{}")
			}
			if path != business && strings.Contains(strings.Join(saas.Tokens(componentID), " "), value) {
				ask("POST", path, "{}")
			}
			end()
		}
	}
	given.misplaced(ask)
	for _, lines := range []string{toml, toml + "x = 1\n", strings.Replace(toml, `"saas"`, `"mall"`, 1), toml} {
		p.rewrite(lines)
		s.hear(p.mustAsk("POST", p.admin+"/reload", "", byAdmin))
	}
	given.moves(t, p, s)

	awaitNextSecond()
	mustDeliver(t, saas.Cancel(t.Context(), merchantID))
	ask("GET", "/@"+merchantID+userInfo, "").mustBe(t, 503, "not_authorized")
	admin()
	w.Close()
	ask("POST", componentPath+"api_create_preauthcode", "{}")
	admin()
	p.signal(syscall.SIGTERM)
	p.mustEnd(exitOK)
	given.mustBeUnsaid(t, s.said.String()+p.stdout.String()+p.stderr.String())
}

// misplaced shows each secret wherever a caller may.
func (o *told) misplaced(ask func(method, path, body string, headers ...string) answer) {
	o.note()
	for value := range o.all {
		escaped := url.QueryEscape(value)
		ask("GET", "/@"+merchantID+"/cgi-bin/"+url.PathEscape(value)+"/x", "")
		ask("GET", "/@"+escaped+userInfo, "")
		ask("GET", userInfo+"&access_token="+escaped, "")
		ask("GET", userInfo+"&component_access_token="+escaped, "")
		ask("GET", userInfo, "", "Wxproxy-Account: "+value)
		ask("GET", "/@"+merchantID+userInfo, "", "X-Request-Id: "+value)
		ask("GET", "/wxproxy/authorize-url?redirect_uri=x&"+escaped+"=1", "")
		for _, api := range []string{"api_component_token", "api_authorizer_token", "api_query_auth", "api_get_authorizer_info"} {
			ask("POST", componentPath+api, fmt.Sprintf(`{"component_appid":%[1]q,"authorizer_appid":%[1]q,"authorization_code":%[1]q,"component_verify_ticket":%[1]q,"authorizer_refresh_token":%[1]q}`, value))
		}
	}
}

// moves has the refresh tokens exported, and others imported.
func (o *told) moves(t *testing.T, p *program, s *silence) {
	t.Helper()
	o.note()
	list := filepath.Join(t.TempDir(), "list")
	var lines strings.Builder
	lines.WriteString("authorizer_appid,refresh_token\n")
	for value := range o.all {
		fmt.Fprintf(&lines, "%s,%s\n%s\nwx3333333333333333,%s,%s\n", value, value, value, value, value)
	}
	writeFile(t, list, lines.String())
	exported := filepath.Join(t.TempDir(), "exported")
	for _, args := range [][]string{{"check"}, {"check", "-live"}, {"platform", "export", exported}, {"platform", "import", list}, {"platform", "import", exported}} {
		ran := start(t, launch{args: args, dir: p.cmd.Dir, env: p.cmd.Env})
		ran.wait()
		s.said.WriteString(ran.stdout.String() + ran.stderr.String())
	}
}

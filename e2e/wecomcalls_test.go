package e2e

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

// storeLines are an account of wecomShop, which is the same corp's as crm. Its agent_id is in
// quotes.
var storeLines = fmt.Sprintf("[[account]]\nkind = \"wecom\"\nname = \"store\"\ncorp_id = %q\nagent_id = %q\nsecret = %q\n",
	wecomCorp, wecomShop.AgentID, wecomShop.Secret)

// Two programs work for two applications of one corp at once, and neither is taken for the
// other: each client may use one, or the secret says which is meant.
func TestApplicationsOfOneCorpWorkAtOnce(t *testing.T) {
	t.Parallel()
	const keys = "[[client]]\nname = \"orders\"\nkey = \"orders-key-0123456789\"\n%s[[client]]\nname = \"games\"\nkey = \"games-key-0123456789\"\n%s"
	for name, row := range map[string]struct{ clients, ofCRM, ofShop string }{
		"each client has one": {fmt.Sprintf(keys, "accounts = [\"crm\"]\n", "accounts = [\"store\"]\n"), "orders-key-0123456789", "games-key-0123456789"},
		"the secret says it":  {fmt.Sprintf(keys, "", ""), "orders-key-0123456789:crm", "games-key-0123456789:" + wecomShop.AgentID},
		"without any client":  {"", "whatever:crm", "whatever:store"},
	} {
		for _, s := range wecomSDKs(t) {
			if row.clients == "" && s.name != "go-workwx" {
				continue // what differs is the proxy's side
			}
			t.Run(name+", "+s.name, func(t *testing.T) {
				t.Parallel()
				w := wecomtest.New(wecomtest.Rules{})
				w.Record()
				crm, shop := w.Add(wecomCRM), w.Add(wecomShop)
				p := servingWeCom(t, serveWeCom(t, w), crmLines+storeLines+row.clients)
				var running sync.WaitGroup
				running.Go(func() { s.runWeCom(t, p.proxy, wecomCRM, row.ofCRM) })
				running.Go(func() { s.runWeCom(t, p.proxy, wecomShop, row.ofShop) })
				running.Wait()
				p.stop()
				mustHaveServed(t, w, crm, shop)
				mustKeepSecrets(t, w)
				if n := w.Calls("/cgi-bin/gettoken"); n != 2 {
					t.Errorf("got %d calls of gettoken; want one for each application", n)
				}
			})
		}
	}
}

// A request for WeCom's host has one of WeCom's accounts, whatever WeChat's default is, and robots
// go through with their own key alone.
func TestRequestsForWeComsHostGoToWeCom(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{})
	w.Record()
	w.AddRobot("693a91f6-7a6f")
	crm, store := w.Add(wecomCRM), w.Add(wecomShop)
	wechat := startWeChat(t)
	p := serving(t, wechat.URL, "[upstream.wecom]\nurl = \""+serveWeCom(t, w)+"\"\n"+fourLines+strings.Replace(crmLines, "name =", "default = true\nname =", 1)+storeLines)
	p.awaitReady()
	const message = `{"touser":"zhangsan","msgtype":"text","agentid":%s,"text":{"content":"hi"}}`
	atWeCom := []string{"Host: qyapi.weixin.qq.com"}
	for _, row := range []struct {
		path, body string
		headers    []string
		of         string
	}{
		{"/cgi-bin/message/send", fmt.Sprintf(message, wecomCRM.AgentID), atWeCom, "crm"},
		{"/@store/cgi-bin/message/send", fmt.Sprintf(message, wecomShop.AgentID), atWeCom, "store"},
		{"/cgi-bin/message/send", fmt.Sprintf(message, wecomShop.AgentID), append(atWeCom, "Wxproxy-Account: store"), "store"},
		{"/cgi-bin/webhook/send?key=693a91f6-7a6f", `{"msgtype":"text","text":{"content":"hi"}}`, atWeCom, "crm"},
		{"/@store/cgi-bin/webhook/send?key=693a91f6-7a6f", `{"msgtype":"text","text":{"content":"hi"}}`, nil, "store"},
	} {
		if a := p.call("POST", row.path, row.body, row.headers...); a.code != 200 || !strings.Contains(a.body, `"errcode":0`) || a.header.Get("Wxproxy-Account") != row.of {
			t.Errorf("%s %v: got %d %v %s; want WeCom's answer for %s", row.path, row.headers, a.code, a.header, a.body, row.of)
		}
	}
	sent := map[*wecomtest.Application]int{}
	for _, m := range w.Sent() {
		sent[m.App]++
	}
	if sent[crm] != 1 || sent[store] != 2 {
		t.Errorf("got %v messages; want one of crm and two of store", sent)
	}
	for _, row := range []struct {
		path string
		want int
		says string
	}{
		{"/@" + wecomCorp + "/cgi-bin/user/get?userid=zhangsan", 404, "crm, store"},
		{"/cgi-bin/webhook/send?key=693a91f6-7a6f", 403, "no_credential"},
		{"/@crm/cgi-bin/message/send?key=693a91f6-7a6f", 400, "bad_request"},
		{"/@crm/cgi-bin/user/get?corpsecret=" + wecomCRM.Secret, 400, "bad_request"},
		{"/@crm/cgi-bin/service/get_corp_token", 403, "no_credential"},
		{"/@crm/cgi-bin/corpgroup/corp/gettoken", 403, "no_credential"},
		{"/@shop/cgi-bin/gettoken?corpid=" + wecomCorp + "&corpsecret=" + wecomCRM.Secret, 403, "no_credential"},
		{"/cgi-bin/gettoken?corpid=" + wecomCorp + "&corpsecret=x", 200, `"errcode":40001`},
		{"/cgi-bin/gettoken?corpid=wwffffffffffffffff&corpsecret=x", 200, `"errcode":40013`},
		{"/@crm/cgi-bin/user/get?access_token=wxp_AAAA", 200, `"errcode":42001`},
	} {
		before := len(w.Requests())
		if a := p.call("GET", row.path, ""); a.code != row.want || !strings.Contains(a.body, row.says) || strings.Contains(a.body, wecomCRM.Secret) {
			t.Errorf("%s: got %d %s; want %d that says %s", row.path, a.code, a.body, row.want, row.says)
		}
		if after := len(w.Requests()); after != before {
			t.Errorf("%s: WeCom got %d requests; want none", row.path, after-before)
		}
	}
	p.stop()
}

// signed is what a page gets for wx.config or wx.agentConfig.
type signed struct {
	AppID, CorpID string
	AgentID       json.RawMessage
	Timestamp     int64
	NonceStr      string
	Signature     string
}

// Pages are signed with the ticket of the corp, or of the application, which is fetched once.
func TestPagesAreSignedWithWeComsTickets(t *testing.T) {
	t.Parallel()
	const page = "https://crm.example/a?b=c"
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomCRM)
	w.Add(wecomShop)
	p := servingWeCom(t, serveWeCom(t, w), crmLines+storeLines)
	ticket := func(path string) string {
		var a struct {
			Errcode   *int
			Ticket    string
			ExpiresIn int `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(p.call("GET", path, "").body), &a); err != nil || a.Errcode == nil || a.ExpiresIn < 3600 {
			t.Errorf("%s: got %+v, %v; want a ticket", path, a, err)
		}
		return a.Ticket
	}
	for _, row := range []struct{ name, agentType, tickets, agent string }{
		{"crm", "", "/cgi-bin/get_jsapi_ticket", ""},
		{"crm", "&type=agent_config", "/cgi-bin/ticket/get?type=agent_config", wecomCRM.AgentID},
		{"store", "&type=agent_config", "/cgi-bin/ticket/get?type=agent_config", `"` + wecomShop.AgentID + `"`},
	} {
		for range 2 {
			a := p.call("GET", "/@"+row.name+"/wxproxy/jsapi-signature?url=https%3A%2F%2Fcrm.example%2Fa%3Fb%3Dc"+row.agentType, "")
			var s signed
			if err := json.Unmarshal([]byte(a.body), &s); err != nil || s.AppID != wecomCorp || string(s.AgentID) != row.agent || (s.CorpID == wecomCorp) != (row.agent != "") {
				t.Errorf("%s%s: got %s, %v", row.name, row.agentType, a.body, err)
			}
			sum := sha1.Sum(fmt.Appendf(nil, "jsapi_ticket=%s&noncestr=%s&timestamp=%d&url=%s", ticket("/@"+row.name+row.tickets), s.NonceStr, s.Timestamp, page))
			if want := hex.EncodeToString(sum[:]); s.Signature != want {
				t.Errorf("%s%s: got the signature %s; want %s", row.name, row.agentType, s.Signature, want)
			}
		}
	}
	if corp, ofApps := w.Calls("/cgi-bin/get_jsapi_ticket"), w.Calls("/cgi-bin/ticket/get"); corp != 1 || ofApps != 2 {
		t.Errorf("got %d and %d calls for tickets; want each fetched once", corp, ofApps)
	}
	p.stop()
}

// A file of 20 MB, the largest that WeCom takes, passes with the settings as they are; one that is
// larger than those allow does not.
func TestTheLargestFileOfWeComsPasses(t *testing.T) {
	t.Parallel()
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomCRM)
	p := servingWeCom(t, serveWeCom(t, w), crmLines)
	upload := func(size int) answer {
		var form bytes.Buffer
		form.WriteString("--x\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.bin\"; filelength=" + fmt.Sprint(size) + "\r\nContent-Type: application/octet-stream\r\n\r\n")
		form.Write(bytes.Repeat([]byte{0xff}, size))
		form.WriteString("\r\n--x--\r\n")
		return p.call("POST", "/cgi-bin/media/upload?type=file", form.String(), "Content-Type: multipart/form-data; boundary=x")
	}
	if a := upload(20 << 20); !strings.Contains(a.body, `"media_id"`) || len(w.Uploads()) != 1 || len(w.Uploads()[0]) != 20<<20 {
		t.Errorf("got %d %s; want the file taken", a.code, a.body)
	}
	if a := upload(25 << 20); a.code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s; want 413", a.code, a.body)
	}
	p.stop()
}

// One process serves WeChat's account, a platform and WeCom's applications, and the programs of
// all work at once as they do alone.
func TestProgramsOfAllKindsWorkAtOnce(t *testing.T) {
	t.Parallel()
	ofWeChat, ofPlatforms, ofWeCom := sdks(t), platformSDKs(t), wecomSDKs(t)
	w, saas := newSaas(t)
	qyapi := wecomtest.New(wecomtest.Rules{})
	qyapi.Record()
	crm, store := qyapi.Add(wecomCRM), qyapi.Add(wecomShop)
	p := startPlatform(t, w, saas, "[upstream.wecom]\nurl = \""+serveWeCom(t, qyapi)+"\"\n"+fourLines+crmLines+storeLines)
	authorized, d := saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	var running sync.WaitGroup
	running.Go(func() { ofPlatforms[0].managePlatform(t, p.proxy, "whatever", "ticket@@@wxproxy", authorized.Code) })
	running.Go(func() { ofWeChat[0].run(t, p, appID, "whatever") })
	running.Go(func() { ofWeChat[2].run(t, p, appID, "whatever") })
	running.Go(func() { ofWeCom[0].runWeCom(t, p.proxy, wecomCRM, "whatever:crm") })
	running.Go(func() { ofWeCom[len(ofWeCom)-1].runWeCom(t, p.proxy, wecomShop, "whatever:store") })
	running.Wait()
	p.stop()
	mustHaveManaged(t, w, saas, p)
	mustHaveServed(t, qyapi, crm, store)
	mustKeepSecrets(t, qyapi)
	for _, r := range w.Requests() {
		if strings.Contains(r.Target, "corpid") || strings.Contains(r.Target, wecomCorp) {
			t.Errorf("WeChat got %s; want nothing of WeCom's", r.Target)
		}
	}
}

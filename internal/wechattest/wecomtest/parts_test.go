package wecomtest

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// file returns n bytes.
func file(n int) []byte { return bytes.Repeat([]byte("\x00\xff\x89-\n"), n/5+1)[:n] }

// upload returns a multipart body with a file of n bytes, and its type.
func upload(t *testing.T, n int, disposition string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreatePart(map[string][]string{"Content-Disposition": {disposition}, "Content-Type": {"application/octet-stream"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file(n)); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.String()
}

// Section 8 [96484]: what may be uploaded: a file of 20 MB, more than 5 bytes, in the field
// media with a filename, and a filelength that is right; kept three days for all of the corp.
func TestUploads(t *testing.T) {
	t.Parallel()
	c := newCompany(t, Rules{})
	token := c.token("crm-secret")
	const named = `form-data; name="media"; filename="a.bin"`
	tests := []struct {
		name, kind, disposition string
		size, want              int
	}{
		{"a file", "file", named, 1 << 20, 0}, // e2e's SDKs upload 20 MB
		{"too large a file", "file", named, 20<<20 + 1, 40006},
		{"an image", "image", named, 1 << 20, 0},
		{"too long a voice", "voice", named, 2<<20 + 1, 40006},
		{"hardly anything", "file", named, 5, 40006},
		{"no such type", "thumb", named, 100, 40005},
		{"with its length", "file", named + "; filelength=100", 100, 0},
		{"with a wrong length", "file", named + "; filelength=99", 100, 44001},
		{"without a name", "file", `form-data; name="media"`, 100, 44001},
		{"in another field", "file", `form-data; name="file"; filename="a.bin"`, 100, 44001},
	}
	stored := 0
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			contentType, body := upload(t, test.size, test.disposition)
			r := c.do(http.MethodPost, "/cgi-bin/media/upload?type="+test.kind+"&access_token="+token, contentType, body)
			if r.errcode() != test.want {
				t.Fatalf("got %s; want %d", r.raw, test.want)
			}
			if test.want != 0 {
				return
			}
			stored++
			if got := c.Uploads(); len(got) != stored || len(got[stored-1]) != test.size {
				t.Errorf("got %d uploads; want %d", len(got), stored)
			}
			get := "/cgi-bin/media/get?media_id=" + r.text("media_id") + "&access_token="
			got := c.call(get+c.token("shop-secret"), "")
			if got.raw != string(file(test.size)) || got.Header.Get("Content-Type") != "application/octet-stream" {
				t.Errorf("got %d bytes; want the file", len(got.raw))
			}
		})
	}
	contentType, body := upload(t, 100, named)
	r := c.do(http.MethodPost, "/cgi-bin/media/upload?type=file&access_token="+token, contentType, body[:len(body)-20])
	if r.errcode() != 44001 {
		t.Errorf("with its end cut: got %s; want 44001", r.raw)
	}
	r = c.do(http.MethodPost, "/cgi-bin/media/upload?type=file&access_token="+token, contentType, body)
	c.Advance(3 * 24 * time.Hour)
	c.must(40007, "/cgi-bin/media/get?media_id="+r.text("media_id")+"&access_token="+c.token("crm-secret"), "")
}

// Section 5: one ticket for a corp, another for each application and type, the same while
// it is good; another type gets 91040.
func TestTickets(t *testing.T) {
	c := newCompany(t, Rules{})
	crm, shop := c.token("crm-secret"), c.token("shop-secret")
	ticket := func(target, token string) string {
		t.Helper()
		r := c.must(0, target+"access_token="+token, "")
		if r.text("ticket") == "" || r.number("expires_in") == 0 {
			t.Errorf("got %s; want a ticket", r.raw)
		}
		return r.text("ticket")
	}
	const ofCorp, ofApp, ofCard = "/cgi-bin/get_jsapi_ticket?", "/cgi-bin/ticket/get?type=agent_config&", "/cgi-bin/ticket/get?type=wx_card&"
	if ticket(ofCorp, crm) != ticket(ofCorp, shop) {
		t.Error("got two tickets for one corp")
	}
	if ticket(ofApp, crm) == ticket(ofApp, shop) || ticket(ofApp, crm) == ticket(ofCorp, crm) || ticket(ofApp, crm) == ticket(ofCard, crm) {
		t.Error("got one ticket for two purposes")
	}
	if first := ticket(ofApp, crm); first != ticket(ofApp, crm) {
		t.Error("got another ticket while the first is good")
	}
	c.must(91040, "/cgi-bin/ticket/get?type=jsapi&access_token="+crm, "")
	c.must(91040, "/cgi-bin/ticket/get?access_token="+crm, "")

	before := ticket(ofCorp, crm)
	c.EndTickets()
	if ticket(ofCorp, crm) == before {
		t.Error("got a ticket that ended")
	}
	c.Advance(time.Hour)
	if r := c.call(ofCorp+"access_token="+crm, ""); r.number("expires_in") != 3600 {
		t.Errorf("got %s; want the rest of its life", r.raw)
	}
	c.Change(func(r *Rules) { r.SaysFull = true }) // section 14.7
	if r := c.call(ofCorp+"access_token="+crm, ""); r.number("expires_in") != 7200 {
		t.Errorf("got %s; want the whole life", r.raw)
	}
}

// Section 5 [96909, 90454]: 100 an hour for an application, 400 for a corp.
func TestTicketsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{})
		for i := range 3 {
			c.Add(App{CorpID: corpID, AgentID: fmt.Sprint(2000 + i), Secret: fmt.Sprint("secret-", i)})
		}
		ask := func(secret string, times, want int) {
			t.Helper()
			token := c.token(secret)
			for i := range times {
				target := "/cgi-bin/get_jsapi_ticket?access_token="
				if i%2 == 1 {
					target = "/cgi-bin/ticket/get?type=agent_config&access_token="
				}
				c.must(want, target+token, "")
			}
		}
		ask("crm-secret", 100, 0)
		ask("crm-secret", 1, 45009)
		ask("shop-secret", 100, 0)
		ask("secret-0", 100, 0)
		ask("secret-1", 100, 0)
		ask("secret-2", 1, 45009)
		time.Sleep(time.Hour)
		ask("secret-2", 1, 0)
	})
}

// Section 4: a webhook takes its key and no token, and 20 messages a minute; section 2:
// 93000 and 130101.
func TestRobots(t *testing.T) {
	c := newCompany(t, Rules{})
	c.AddRobot("robot-key")
	const message = `{"msgtype":"text","text":{"content":"hello"}}`
	c.must(93000, "/cgi-bin/webhook/send?key=another", message)
	c.must(93000, "/cgi-bin/webhook/send", message)
	contentType, body := upload(t, 100, `form-data; name="media"; filename="a.bin"`)
	if r := c.do(http.MethodPost, "/cgi-bin/webhook/upload_media?type=file&key=robot-key", contentType, body); r.text("media_id") == "" {
		t.Errorf("got %s; want a media_id", r.raw)
	}
	for range 19 {
		c.must(0, "/cgi-bin/webhook/send?key=robot-key", message)
	}
	c.must(130101, "/cgi-bin/webhook/send?key=robot-key", message)
	c.Advance(time.Minute)
	c.must(0, "/cgi-bin/webhook/send?key=robot-key", message)
	if len(c.Sent()) != 20 || c.Sent()[0].App != nil {
		t.Errorf("got %d messages; want 20 of a robot", len(c.Sent()))
	}
}

// Section 0.6: this answer has the token of another corp.
func TestADownstreamTokenIsACredential(t *testing.T) {
	c := newCompany(t, Rules{})
	r := c.must(0, "/cgi-bin/corpgroup/corp/gettoken?access_token="+c.token("crm-secret"), `{"corpid":"ww1","agentid":1,"business_type":0}`)
	if r.text("access_token") == "" {
		t.Errorf("got %s", r.raw)
	}
}

// Section 9 [SDK]: PowerWeChat's base URL ends in a slash, and the path of its corp ticket
// begins with one; it posts.
func TestTwoSlashesAreOne(t *testing.T) {
	c := newCompany(t, Rules{})
	r := c.do(http.MethodPost, "//cgi-bin/get_jsapi_ticket?type=jsapi&access_token="+c.token("crm-secret"), "", "")
	if r.text("ticket") == "" || c.Calls("/cgi-bin/get_jsapi_ticket") != 1 {
		t.Errorf("got %s; want a ticket", r.raw)
	}
}

func TestPathsThatWeComDoesNotHave(t *testing.T) {
	c := newCompany(t, Rules{})
	if r := c.call("/sns/jscode2session", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("got %d; want 404", r.StatusCode)
	}
}

func TestFaultsStrike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{})
		target := "/cgi-bin/message/send?access_token=" + c.token("crm-secret")
		const message = `{"touser":"a","msgtype":"text","agentid":1000002}`
		send := func() error {
			request, _ := http.NewRequest(http.MethodPost, "https://qyapi.weixin.qq.com"+target, strings.NewReader(message))
			response, err := c.RoundTrip(request)
			if err == nil {
				response.Body.Close()
			}
			return err
		}
		c.Inject(Fault{Path: "/cgi-bin/message/*", Skip: 1, Times: 1, Errcode: 42001})
		for _, want := range []int{0, 42001, 0} {
			c.must(want, target, message)
		}
		clear := c.Inject(Fault{Status: 502, Body: []byte("<html>")})
		if r := c.call(target, message); r.StatusCode != 502 || r.raw != "<html>" {
			t.Errorf("got %d %s", r.StatusCode, r.raw)
		}
		clear()
		clear = c.Inject(Fault{Body: []byte("{}")})
		if r := c.call(target, message); r.StatusCode != 200 || r.raw != "{}" {
			t.Errorf("got %d %s", r.StatusCode, r.raw)
		}
		clear()
		if n := len(c.Sent()); n != 2 {
			t.Errorf("got %d messages; want 2", n)
		}
		c.Inject(Fault{Times: 1, CloseBefore: true})
		if err := send(); err == nil || len(c.Sent()) != 2 {
			t.Errorf("closed before: got %v and %d messages; want an error and 2", err, len(c.Sent()))
		}
		c.Inject(Fault{Times: 1, CloseAfter: true})
		if err := send(); err == nil || len(c.Sent()) != 3 {
			t.Errorf("closed after: got %v and %d messages; want an error and 3", err, len(c.Sent()))
		}
		began := time.Now()
		c.Inject(Fault{Times: 1, Delay: 3 * time.Second})
		c.Change(func(r *Rules) { r.Latency = time.Second })
		c.must(0, target, message)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("got an answer after %v; want 4s", took)
		}
	})
}

func TestCallsAreCounted(t *testing.T) {
	c := newCompany(t, Rules{})
	c.Record()
	target := "/cgi-bin/user/get?userid=a&access_token="
	c.call(target+c.token("crm-secret"), "")
	c.from = "10.0.0.2"
	c.call(target+c.token("shop-secret"), "")
	c.call(target+"x", "")
	for _, test := range []struct {
		name      string
		got, want int
	}{
		{"all", c.Calls(""), 5},
		{"of a path", c.Calls("/cgi-bin/user/get"), 3},
		{"of paths", c.Calls("/cgi-bin/get*"), 2},
		{"from an address", c.CallsFrom("10.0.0.1", "/cgi-bin/user/get"), 1},
		{"from another", c.CallsFrom("10.0.0.2", ""), 3},
		{"of an application", c.crm.Calls(""), 2},
		{"of an application's path", c.shop.Calls("/cgi-bin/gettoken"), 1},
		{"recorded", len(c.Requests()), 5},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %d; want %d", test.name, test.got, test.want)
		}
	}
	if secrets := c.crm.Secrets(); len(secrets) != 2 || secrets[0] != "crm-secret" {
		t.Errorf("got %d secrets; want the secret and the token", len(secrets))
	}
}

func TestChaosEndsTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompany(t, Rules{})
		c.token("crm-secret")
		c.token("shop-secret")
		go c.Chaos(t.Context(), time.Second, func(string) {})
		time.Sleep(time.Minute)
		if n := len(c.crm.Tokens()) + len(c.shop.Tokens()); n != 0 {
			t.Errorf("got %d good tokens after a minute; want none", n)
		}
	})
}

func TestItServesOverSockets(t *testing.T) {
	c := newCompany(t, Rules{})
	for _, start := range []func(...func(*http.Server)) (*Server, error){c.Start, c.StartTLS} {
		s, err := start(func(server *http.Server) { server.ReadTimeout = time.Second })
		if err != nil {
			t.Fatal(err)
		}
		client := clientFor(t, s)
		response, err := client.Get(s.URL + "/cgi-bin/gettoken?corpid=" + corpID + "&corpsecret=wrong")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.Header.Get("Error-Code") != "40001" || !response.Close {
			t.Errorf("got %v, closed %v; want 40001 and the end of the connection", response.Header, response.Close)
		}
		client.CloseIdleConnections()
		s.Close()
	}
	if n := c.CallsFrom("127.0.0.1", "/cgi-bin/gettoken"); n != 2 {
		t.Errorf("got %d calls; want 2", n)
	}
}

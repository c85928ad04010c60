package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/traffic/apis"
	"wxproxy/proxy/upstream"
)

// apisIn returns what was counted by API, a line for each.
func apisIn(c *traffic.Counts) string {
	var lines []string
	for _, row := range c.APIs.Rows() {
		line := fmt.Sprintf("%s %s=%d", row.Kind, row.Path, row.Calls)
		for _, f := range row.Failures {
			line += fmt.Sprintf(",%d/%d=%d", f.Errcode, f.Status, f.N)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

// A row of paths is made by those who are known alone; what they make up has none of its own.
func TestCallsAreCountedByTheirAPI(t *testing.T) {
	const key = "Authorization: Bearer key"
	forged := virtual.New(virtual.IDOf("wxshop"), virtual.IDOf("orders"), time.Now().Add(time.Hour), new(virtual.Key))
	rows := []struct{ name, request, answer, want string }{
		{"a documented path", rawtest.Get("/cgi-bin/user/info?openid=o", key), `{}`, "wechat /cgi-bin/user/info=1"},
		{"spelled otherwise", rawtest.Get("/@shop/CGI-bin/user/%69nfo/?openid=o", key), `{}`, "wechat /cgi-bin/user/info=1"},
		{"that fails", rawtest.Get("/cgi-bin/user/info", key), `{"errcode":40003}`, "wechat /cgi-bin/user/info=1,40003/0=1"},
		{"whose answer is an error of HTTP", rawtest.Get("/cgi-bin/user/info", key), `502`, "wechat /cgi-bin/user/info=1,0/502=1"},
		{"that WeChat does not answer", rawtest.Get("/cgi-bin/user/info", key), `timeout`, "wechat /cgi-bin/user/info=1,-50400/0=1"},
		{"that is forbidden", rawtest.Get("/cgi-bin/user/get", key), `{}`, "wechat /cgi-bin/user/get=1,-40301/0=1"},
		{"a long one", rawtest.Get("/datacube/getweanalysisappidweeklyretaininfo", key), `{}`, "wechat /datacube/getweanalysisappidweeklyretaininfo=1"},
		{"another path", rawtest.Get("/wxa/new", key), `{"errcode":48001}`, "wechat /wxa/new=1,48001/0=1"},
		{"another path that WeChat does not know", rawtest.Get("/wxa/new", key), `404`, "wechat other=1,0/404=1"},
		{"another path that is none of WeChat's", rawtest.Get("/wxa/new", key), `{"errcode":40066}`, "wechat other=1,40066/0=1"},
		{"another path that is forbidden", rawtest.Get("/cgi-bin/user/none", key), `{}`, "wechat other=1,-40301/0=1"},
		{"a path with a parameter in it", rawtest.Get("/wxa/a=b", key), `{}`, "wechat other=1"},
		{"a path with a key in it", rawtest.Get("/wxa/key", key), `{}`, "wechat other=1"},
		{"a path with a token in it", rawtest.Get("/wxa/"+strings.Repeat("ab1_", 20), key), `{}`, "wechat other=1"},
		{"a ticket of the proxy's", rawtest.Get("/wxproxy/nowhere", key), `{}`, "wechat other=1,-40302/0=1"},
		{"without a key", rawtest.Get("/cgi-bin/user/info"), `{}`, ""},
		{"with a wrong key", rawtest.Get("/cgi-bin/user/info", "Authorization: Bearer evil"), `{}`, ""},
		{"with a forged token", rawtest.Get("/cgi-bin/user/info?access_token=" + forged), `{}`, ""},
		{"for a token, with a wrong secret", rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=evil"), `{}`, ""},
		{"for a token", rawtest.Get("/cgi-bin/token?grant_type=client_credential&appid=wxshop&secret=key"), `{}`, "wechat /cgi-bin/token=1"},
		{"for an account that is none", rawtest.Get("/@evil/cgi-bin/user/info", key), `{}`, ""},
		{"that cannot be read", rawtest.Get("/cgi-bin//user/info", key), `{}`, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := config(answeringWith(row.answer))
			client := keyed("orders", "key")
			client.Deny = []string{"/cgi-bin/user/get", "/cgi-bin/user/none"}
			c.Clients = []Client{client}
			handle(t, New(c), row.request)
			if got := apisIn(c.Counts); got != row.want {
				t.Errorf("got %s; want %s", got, row.want)
			}
			if failed, want := len(c.Counts.APIs.LastFailed()), strings.Count(row.want, ","); failed != want {
				t.Errorf("got %d failed calls; want %d", failed, want)
			}
		})
	}
}

// answeringWith returns an upstream that answers with a body, a status or not at all.
func answeringWith(answer string) Upstream {
	return upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		status := 0
		if answer == "timeout" {
			return upstream.ErrTimeout
		}
		if n, _ := fmt.Sscanf(answer, "%d", &status); n == 1 {
			resp.SetStatusCode(status)
			return nil
		}
		resp.SetBodyString(answer)
		return nil
	})
}

// A call that was refused first and cured did not fail. One exchange serves several paths.
func TestCallsOfOneConnectionAreCountedEachWhereItBelongs(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.RefusedBody, rawtest.OKBody, rawtest.OKBody, `{"errcode":45009}`}}, shopWith(&fixedTokens{token: "old", replacement: "new"})...)
	p := New(c)
	for _, path := range []string{"/wxa/getwxacode?a=1", "/wxa/getwxacode?a=2", "/cgi-bin/user/get", "/wxa/getwxacode?a=2"} {
		handle(t, p, rawtest.Get(path))
	}
	want := "wechat /cgi-bin/user/get=1,45009/0=1 wechat /wxa/getwxacode=3,45009/0=1"
	if got := apisIn(c.Counts); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	handle(t, New(c), rawtest.Get("/wxa/getwxacode"))
	if got := apisIn(c.Counts); !strings.Contains(got, "getwxacode=4") {
		t.Errorf("got %s after a reload; want it to count on", got)
	}
}

// A path that has lost its place to another one is counted where it belongs then.
func TestAPathThatLostItsPlaceIsStillCounted(t *testing.T) {
	c := config(&recorder{answers: []string{rawtest.OKBody}})
	p := New(c)
	const calls = 400
	for i := range calls {
		handle(t, p, rawtest.Get(fmt.Sprintf("/wxa/scan%d", i%200)))
	}
	sum := uint64(0)
	for _, row := range c.Counts.APIs.Rows() {
		sum += row.Calls
	}
	if rows := c.Counts.APIs.Rows(); sum != calls || len(rows) != 101 {
		t.Errorf("got %d calls in %d rows; want %d in 101", sum, len(rows), calls)
	}
}

func TestWhatIsKeptOfAFailedCall(t *testing.T) {
	const refused = `{"errcode":48001,"errmsg":"api unauthorized for oOPENID, rid: 655d9278-1a2b3c4d-5e6f7a8b"}`
	packed := upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.Header.SetContentEncoding("gzip")
		resp.SetBodyString(rawtest.Gzip(refused))
		return nil
	})
	call := "POST /wxa/msg_sec_check?openid=oOPENID HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nX-Request-Id: %s\r\nContent-Length: 12\r\n\r\n" + `{"a":"VALUE"}`[:12]
	want := apis.FailedCall{
		Kind: "wechat", Account: "shop", Client: "orders", Path: "/wxa/msg_sec_check", Failure: apis.Failure{Errcode: 48001}, HTTP: 200,
		Rid: "655d9278-1a2b3c4d-5e6f7a8b", RequestID: "req-1",
	}
	late := want
	late.Errcode, late.HTTP, late.Rid, late.Reason = -50400, 504, "", "upstream_timeout"
	unnamed := want
	unnamed.RequestID = ""
	hidden := want
	hidden.Path, hidden.HTTP, hidden.Status, hidden.Failure, hidden.Rid = "/wxa/token***", 404, 404, apis.Failure{Status: 404}, ""
	for name, row := range map[string]struct {
		upstream Upstream
		request  string
		want     apis.FailedCall
	}{
		"WeChat's refusal":       {answeringWith(refused), fmt.Sprintf(call, "req-1"), want},
		"packed":                 {packed, fmt.Sprintf(call, "req-1"), want},
		"no answer":              {answeringWith("timeout"), fmt.Sprintf(call, "req-1"), late},
		"a key as the id":        {answeringWith(refused), fmt.Sprintf(call, "key"), unnamed},
		"an id that is too long": {answeringWith(refused), fmt.Sprintf(call, strings.Repeat("i", 129)), unnamed},
		"two ids":                {answeringWith(refused), fmt.Sprintf(call, "a\r\nX-Request-Id: b"), unnamed},
		"a secret in the path":   {answeringWith("404"), strings.Replace(fmt.Sprintf(call, "req-1"), "msg_sec_check?", "token="+strings.Repeat("x", 300)+"?", 1), hidden},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(row.upstream)
			c.Clients = []Client{keyed("orders", "key")}
			handle(t, New(c), row.request)
			failed := c.Counts.APIs.LastFailed()
			if len(failed) != 1 {
				t.Fatalf("got %+v; want one", failed)
			}
			if time.Since(failed[0].At) > time.Minute {
				t.Errorf("got %v", failed[0].At)
			}
			failed[0].At = time.Time{}
			if failed[0] != row.want {
				t.Errorf("got %+v; want %+v", failed[0], row.want)
			}
			if text := fmt.Sprint(failed); strings.Contains(text, "OPENID") || strings.Contains(text, "VALUE") {
				t.Errorf("got %s, which holds a value", text)
			}
		})
	}
}

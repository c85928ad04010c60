package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/accountkind"
	"wxproxy/admin"
	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/platform"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/traffic/apis"
	"wxproxy/push"
	"wxproxy/push/inbox"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// With it naming a folder in the environment, docs/images/README.md says how, the
// pictures of the README are made.
const screenshots = "WXPROXY_SCREENSHOTS"

// An operator opens the page in Chromium: see testdata/browser.
func TestTheDashboardInABrowser(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if _, missing := os.Stat(filepath.Join("testdata", "browser", "node_modules")); err != nil || missing != nil {
		t.Skip("chromium or its driver is missing: make deps")
	}
	w := startWeChat(t)
	plain := serving(t, w.URL, fourLines)
	public := serving(t, w.URL, fourLines, "WXPROXY_ADMIN_LISTEN=0.0.0.0:0", "WXPROXY_ADMIN_KEY="+canaryAdminKey)
	public.admin = "http://127.0.0.1:" + public.admin[strings.LastIndex(public.admin, ":")+1:]
	failing := servingOneThatFails(t)
	many := servingMany(t, 250)
	for _, p := range []*program{plain, many} {
		p.awaitReady()
	}
	failing.eventually("a token for one account and an answer for the other", func() bool {
		return len(failing.logged("token refreshed")) == 1 && len(failing.logged("token not refreshed")) > 0
	})
	given, _ := json.Marshal(map[string]string{
		"chromium": browser, "key": canaryAdminKey, "shots": os.Getenv(screenshots), "only": os.Getenv("WXPROXY_BROWSER_ONLY"),
		"sample":  sampleDashboard(t), // one of everything
		"wecom":   wecomDashboard(t),  // two applications of a corp, one with a wrong secret, one whose address is not trusted
		"saas":    saasDashboard(t),   // no account but those of a platform, 100,000: wx and 16 digits
		"plain":   plain.admin + "/",  // no key, one account
		"call":    plain.proxy + userInfo,
		"failing": failing.admin + "/", // a key, an account "shop" and one whose address is not on the allow-list
		"many":    many.admin + "/",    // 250 accounts, shop-0 to shop-249
		"public":  public.admin + "/",  // beyond loopback
	})
	c := exec.CommandContext(t.Context(), "node", "dashboard.mjs", string(given))
	c.Dir = filepath.Join("testdata", "browser")
	out, err := c.CombinedOutput()
	passed := strings.Count("\n"+string(out), "\nok ")
	t.Logf("%s", out)
	if err != nil || passed == 0 {
		t.Errorf("got %d checks passed and %v; want all", passed, err)
	}
	for _, p := range []*program{plain, public, failing, many} {
		p.stop()
	}
	shrinkPictures(t, os.Getenv(screenshots))
}

// shrinkPictures leaves the pictures in a folder no more colours than a byte can
// name: those that occur most.
func shrinkPictures(t *testing.T, folder string) {
	names, _ := filepath.Glob(filepath.Join(folder, "dashboard-*.png"))
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		area, occurs := picture.Bounds(), map[color.Color]int{}
		for y := range area.Dy() {
			for x := range area.Dx() {
				occurs[picture.At(x, y)]++
			}
		}
		palette := slices.SortedFunc(maps.Keys(occurs), func(a, b color.Color) int { return occurs[b] - occurs[a] })
		small := image.NewPaletted(area, palette[:min(len(palette), 256)])
		draw.Draw(small, area, picture, area.Min, draw.Src)
		var shrunk bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&shrunk, small); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, shrunk.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func servingOneThatFails(t *testing.T) *program {
	const elsewhere = "wxfedcba9876543210"
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret},
		wechattest.App{ID: elsewhere, Secret: appSecret, AllowIPs: []string{"203.0.113.7"}})
	return serving(t, w.URL, fourLines+fmt.Sprintf("[[account]]\nname = \"elsewhere\"\napp_id = %q\nsecret = %q\n", elsewhere, appSecret),
		"WXPROXY_ADMIN_KEY="+canaryAdminKey)
}

func servingMany(t *testing.T, n int) *program {
	var apps []wechattest.App
	var toml strings.Builder
	for i := range n {
		id := fmt.Sprintf("wx%016x", i)
		apps = append(apps, wechattest.App{ID: id, Secret: appSecret})
		fmt.Fprintf(&toml, "[[account]]\nname = \"shop-%d\"\napp_id = %q\nsecret = %q\n", i, id, appSecret)
	}
	return serving(t, startWeChat(t, apps...).URL, toml.String())
}

// sampleDashboard serves a page with one of everything, as after a day's work,
// and returns its URL.
func sampleDashboard(t *testing.T) string {
	t.Helper()
	now := time.Now()
	fresh := func(left time.Duration) token.Status {
		return token.Status{
			State: token.StateFresh, Expires: now.Add(left), RefreshedAt: now.Add(left - 2*time.Hour), NextRefresh: now.Add(left - 5*time.Minute), FetchesToday: 6,
		}
	}
	refused := fresh(77 * time.Minute)
	refused.Rejections = 3
	due := fresh(4 * time.Minute)
	due.State, due.NextRefresh, due.LastError = token.StateDue, now.Add(38*time.Second), errors.New("unexpected EOF")
	asleep := fresh(-26 * time.Hour)
	asleep.State, asleep.Asleep, asleep.FetchesToday, asleep.NextRefresh = token.StateGone, true, 0, time.Time{}
	gone := token.Status{
		State: token.StateGone, NextRefresh: now.Add(7 * time.Minute), FetchesToday: 2,
		LastError: &token.Refusal{Code: 40164, Reason: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 6a20c8f1-1c2d3e4f"},
	}
	a := &admin.Admin{
		ConfigHash: func() string { return "501a6d615b78" },
		Version:    "v1.0.0", Started: now.Add(-75 * time.Hour), Store: func() admin.Store { return admin.Store{Kind: "file", Address: "file:/var/lib/wxproxy", Up: true} }, Key: secret.New(canaryAdminKey),
		Accounts: []admin.Account{
			sampleAccount("shop", fresh(107*time.Minute), 190), sampleAccount("members", refused, 60), sampleAccount("mini-games", due, 25),
			sampleAccount("helpdesk", fresh(33*time.Minute), 8), sampleAccount("spring-festival", asleep, 0), sampleAccount("club", gone, 3),
		},
		Clients: []admin.Client{
			{Name: "orders", Accounts: []string{"shop", "members"}, MaxInFlight: 50, Interval: 10 * time.Millisecond}, {Name: "crm"}, {Name: "reports", Interval: 2 * time.Second},
		},
		Hosts: func() []admin.Host {
			return []admin.Host{
				{URL: "https://api.weixin.qq.com", State: "up", Since: now.Add(-75 * time.Hour)}, {URL: "https://api2.weixin.qq.com", State: "up", Since: now.Add(-75 * time.Hour)},
				{URL: "https://sh.api.weixin.qq.com", State: "down", Since: now.Add(-3 * time.Minute), Reason: "connecting to 203.0.113.80:443: i/o timeout"},
				{URL: "https://sz.api.weixin.qq.com", State: "up", Since: now.Add(-75 * time.Hour)},
			}
		},
		Loaded: func() admin.Loaded {
			return admin.Loaded{At: now.Add(-3 * time.Hour), Tried: now.Add(-3 * time.Hour), Successful: true}
		},
		InFlight: func() int { return 12 },
		Draining: func() bool { return false },
		Counted:  sampleCounts,
		Hour:     func() []traffic.Minute { return sampleHour(286) },
		Metrics:  http.NotFoundHandler(),
		Pushes:   samplePushes(now),
		WrongKey: func(*http.Request) {},
		APIs:     sampleAPIs(),
		Quote: func(context.Context, admin.Account, string) (admin.Quoted, token.Explanation) {
			return admin.Quoted{At: &now, Cost: 31, URL: "https://api.weixin.qq.com/cgi-bin/message/custom/send?access_token=[hidden]", Body: `{"touser":"OPENID"}`,
				Answer: `{"errcode":45015,"errmsg":"response out of time limit"}`, ClientIP: "203.0.113.7"}, token.Explanation{}
		},
	}
	a.Accounts[0].Keeper = func() (*token.Keeper, error) { return nil, nil }
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// sampleAPIs have been called as on an ordinary day, and some calls have failed.
func sampleAPIs() *apis.Counts {
	c := apis.New()
	kinds := map[string]*apis.Kind{"wechat": c.Kind("wechat", accountkind.WeChat.DocumentedPaths()), "wecom": c.Kind("wecom", accountkind.WeCom.DocumentedPaths())}
	for _, called := range []struct {
		kind, path      string
		calls, failed   int
		took            time.Duration
		errcode, status int
		reason          string
	}{
		{"wechat", "/cgi-bin/message/custom/send", 900, 6, 45 * time.Millisecond, 45015, 200, ""},
		{"wechat", "/wxa/getwxacodeunlimit", 300, 2, 180 * time.Millisecond, -50400, 504, "upstream_timeout"},
		{"wechat", "/sns/jscode2session", 2000, 3, 60 * time.Millisecond, 40029, 200, ""},
		{"wecom", "/cgi-bin/message/send", 80, 1, 90 * time.Millisecond, 81013, 200, ""},
		{"wechat", "/datacube/getweanalysisappidweeklyretaininfo", 4, 0, 1300 * time.Millisecond, 0, 0, ""},
		{"wechat", "/wxa/unlisted", 7, 1, 20 * time.Millisecond, 0, 502, ""},
	} {
		api := kinds[called.kind].Find([]byte(called.path), true, func([]byte) bool { return true })
		for i := range called.calls {
			api.Count(called.took + time.Duration(i%40)*time.Millisecond)
		}
		for i := range called.failed {
			f := apis.FailedCall{Kind: called.kind, Path: called.path, Account: "shop", Client: "orders", Failure: apis.Failure{Errcode: called.errcode}, HTTP: called.status, Reason: called.reason, RequestID: fmt.Sprintf("5DCDS5BINRVWAMMC6WO4LVFYN%d", i)}
			if f.Reason == "" && f.Errcode != 0 {
				f.Rid = fmt.Sprintf("655d9278-1a2b3c4d-5e6f7a%02d", i)
			}
			c.Failed(api, f)
		}
	}
	return c
}

// saasDashboard serves the page of a process that runs a platform alone, and returns its URL.
// The first accounts have problems.
func saasDashboard(t *testing.T) string {
	t.Helper()
	now := time.Now()
	status := func(i int) platform.AuthorizerStatus {
		s := platform.AuthorizerStatus{AppID: fmt.Sprintf("wx%016d", i), State: platform.StateReady, Expires: now.Add(time.Hour), Authorized: now.Add(-49 * time.Hour)}
		switch {
		case i < 2:
			refused := &token.Refusal{Code: 61004, Reason: fmt.Sprintf("access clientip is not registered requestIP: 203.0.113.7 rid: %d", i)}
			s.State, s.Expires, s.Problem = platform.StateFailing, time.Time{}, wechat.NewAuthorizerIssuer().Explain(refused)
		case i < 6:
			lacking := &platform.NotAuthorized{Platform: "saas", AppID: s.AppID, State: token.NeedsAuthorization}
			s.State, s.Expires, s.Problem = platform.StateNeedsAuthorization, time.Time{}, lacking.Explanation()
		case i < 8:
			s.State, s.Expires = platform.StateUnauthorized, time.Time{}
		}
		return s
	}
	const all = 100_000
	a := &admin.Admin{
		ConfigHash: func() string { return "" }, Version: "v1.0.0", Started: now, Store: func() admin.Store { return admin.Store{Kind: "file", Address: "file:/var/lib/wxproxy", Up: true} },
		Hosts: func() []admin.Host { return nil }, Loaded: func() admin.Loaded { return admin.Loaded{} }, InFlight: func() int { return 0 }, Draining: func() bool { return false },
		Counted: sampleCounts, Hour: func() []traffic.Minute { return sampleHour(286) }, Metrics: http.NotFoundHandler(),
	}
	a.Platforms = []admin.Platform{{
		Component: admin.Account{Name: "saas", AppID: componentID, Hour: func() []traffic.Minute { return nil }}, Hour: func() []traffic.Minute { return sampleHour(286) }, Loaded: func() bool { return true },
		Status: func() platform.Status {
			refused := &token.Refusal{Code: 61004, Reason: "access clientip is not registered requestIP: 203.0.113.7"}
			return platform.Status{
				State: platform.StateFailing, TicketArrived: now.Add(-7 * time.Minute), ListedAt: now.Add(-5 * time.Hour), Loaded: true, Problem: wechat.NewComponentIssuer().Explain(refused),
				Token:       token.Status{State: token.StateDue, Expires: now.Add(time.Hour), LastError: refused},
				Authorizers: map[string]int{platform.StateFailing: 2, platform.StateNeedsAuthorization: 4, platform.StateUnauthorized: 2, platform.StateReady: all - 8},
			}
		},
		Search: func(q platform.Query) (total int, page []platform.AuthorizerStatus) {
			for i := range all {
				s := status(i)
				if q.Matches(platform.Match{AppID: s.AppID, State: s.State, Errcode: s.Problem.Code}) {
					if total++; len(page) < q.Limit {
						page = append(page, s)
					}
				}
			}
			return total, page
		},
	}}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// wecomDashboard serves the page of a process that has two applications of a corp, and returns
// its URL.
func wecomDashboard(t *testing.T) string {
	t.Helper()
	now := time.Now()
	a := &admin.Admin{
		ConfigHash: func() string { return "" }, Version: "v1.0.0", Started: now.Add(-3 * time.Hour), Store: func() admin.Store { return admin.Store{Kind: "memory", Address: "memory:", Up: true} },
		Hosts: func() []admin.Host {
			return []admin.Host{{URL: "https://qyapi.weixin.qq.com", State: "up", Since: now.Add(-3 * time.Hour)}}
		},
		Loaded: func() admin.Loaded { return admin.Loaded{} }, InFlight: func() int { return 0 }, Draining: func() bool { return false },
		Counted: sampleCounts, Hour: func() []traffic.Minute { return sampleHour(20) }, Metrics: http.NotFoundHandler(), WrongSecrets: func() (int, int) { return 3, 100 },
	}
	paused := &token.Paused{Until: now.Add(37 * time.Minute), Cause: &token.Refusal{By: "WeCom", Code: 40001, Reason: "invalid credential, hint: [1614140502_160_0], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=40001"}}
	for name, status := range map[string]token.Status{
		"crm":      {State: token.StateFresh, Expires: now.Add(time.Hour), RefreshedAt: now.Add(-time.Hour), NextRefresh: now.Add(55 * time.Minute)},
		"helpdesk": {State: token.StateGone, NextRefresh: paused.Until, LastError: paused},
	} {
		one := sampleAccount(name, status, 20)
		status.Issuer = wecom.NewIssuer()
		one.Status = func() token.Status { return status }
		one.Kind, one.AppID, one.CorpID, one.AgentID = "wecom", wecomCorp, wecomCorp, wecomCRM.AgentID
		if name == "crm" {
			one.Refusals = func() []admin.Refusal {
				return []admin.Refusal{{Explanation: wecom.ExplainCall(60020, "203.0.113.7"), Count: 1_204, LastAt: now.Add(-2 * time.Minute), IP: "203.0.113.7"}}
			}
		}
		a.Accounts = append(a.Accounts, one)
	}
	server := httptest.NewServer(a.Handler())
	t.Cleanup(server.Close)
	return server.URL + "/"
}

func sampleAccount(name string, status token.Status, perMinute float64) admin.Account {
	status.Issuer = wechat.NewIssuer()
	return admin.Account{
		Name: name, AppID: fmt.Sprintf("wx%016x", 0x5ec2e7a11ce0b0b5/uint64(name[0])/uint64(len(name))), Status: func() token.Status { return status },
		Refresh: func(string, time.Duration) (bool, error) { return true, nil },
		Lend:    func(time.Duration) (string, time.Duration, error) { return "", 0, nil },
		Hour:    func() []traffic.Minute { return sampleHour(perMinute) },
	}
}

func sampleCounts() *traffic.Snapshot {
	return &traffic.Snapshot{
		Requests: []traffic.RequestCount{
			{Account: "shop", Client: "orders", Status: 200, N: 912_403}, {Account: "shop", Client: "orders", Status: 429, N: 61}, {Account: "members", Client: "crm", Status: 200, N: 204_118},
			{Account: "shop", Client: "reports", Status: 200, N: 8_120}, {Account: "shop", Client: "reports", Status: 503, N: 4}, {Status: 401, N: 17},
		},
		Errcodes: []traffic.ErrcodeCount{
			{Account: "shop", Errcode: 45015, N: 1204}, {Account: "shop", Errcode: 43004, N: 371}, {Account: "members", Errcode: 40001, N: 3}, {Account: "members", Errcode: -1, N: 12},
		},
	}
}

// sampleHour returns an hour that has its ups and downs.
func sampleHour(perMinute float64) []traffic.Minute {
	hour := make([]traffic.Minute, 60)
	for i := range hour {
		x := float64(i)
		n := uint32(perMinute * (1 + 0.35*math.Sin(x/8) + 0.12*math.Sin(x*2.1)))
		m := &hour[i]
		m.Start = time.Now().Truncate(time.Minute).Add(time.Duration(i-59) * time.Minute)
		m.Requests, m.Errcodes = n, n*uint32(2+i%4)/100
		if 38 <= i && i <= 41 {
			m.Failed, m.Errcodes = n/5, n/4
		}
		m.Counts[3], m.Counts[4], m.Counts[5] = uint64(n)*7/10, uint64(n)/5, uint64(n)/20
		m.Counts[6+i%2] = uint64(n) / 18
		if m.Failed > 0 {
			m.Counts[9] = uint64(m.Failed)
		}
	}
	return hour
}

// samplePushes returns the pushes of two accounts, some of which wait, and some of which
// could not be delivered.
func samplePushes(now time.Time) *admin.Pushes {
	return &admin.Pushes{
		Status: func(account string) (push.Status, bool) {
			switch account {
			case "shop":
				return push.Status{LastAt: now.Add(-2 * time.Second), Today: 18_204, LastFailure: &push.Failure{At: now.Add(-40 * time.Minute), Words: "the program answered with status 503"}}, true
			case "helpdesk":
				return push.Status{LastAt: now.Add(-9 * time.Minute), Today: 311}, true
			}
			return push.Status{}, false
		},
		Hour: func() []push.Minute {
			hour := make([]push.Minute, 60)
			for i, m := range sampleHour(21) {
				hour[i] = push.Minute{Start: m.Start, Taken: int(m.Requests), Failed: int(m.Failed), Refused: i % 17 / 16}
			}
			return hour
		},
		Inbox: func(context.Context) (inbox.State, error) {
			return inbox.State{Waiting: map[string]int{"shop": 37}, Failed: map[string]int{"shop": 2}, Oldest: now.Add(-4 * time.Minute), Bytes: 92_000, Max: 1 << 30}, nil
		},
		Failed: func(context.Context) ([]inbox.Failure, error) {
			return []inbox.Failure{
				{ID: "7c1f0a9d3b5e2468ace013579bdf0246", Account: "shop", Type: "event:subscribe", Received: now.Add(-31 * time.Hour), Attempts: 1448, LastError: "the program answered with status 503"},
				{ID: "0d9c8b7a6f5e4d3c2b1a09f8e7d6c5b4", Account: "shop", Type: "text", Received: now.Add(-33 * time.Hour), Attempts: 1451, LastError: "connecting to 127.0.0.1:9000: connection refused"},
			}, nil
		},
		Retry: func(context.Context, string) (bool, error) { return true, nil },
	}
}

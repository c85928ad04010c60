package admin

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
)

// open returns what a browser shows at path.
func open(t testing.TB, a *Admin, path string) string {
	t.Helper()
	w := ask(a, "GET", path, "")
	if w.Code != http.StatusOK {
		t.Fatalf("%s: got %d %s; want 200", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// mustShow fails the test unless the words stand on the page in this order.
func mustShow(t *testing.T, page string, words ...string) {
	t.Helper()
	rest := page
	for _, word := range words {
		_, after, found := strings.Cut(rest, word)
		if !found {
			t.Errorf("got no %q behind %q on the page", word, page[max(0, len(page)-len(rest)-60):len(page)-len(rest)])
			return
		}
		rest = after
	}
}

// busy returns an Admin with one of everything.
func busy() *Admin {
	due, asleep := fresh(), token.Status{State: token.StateGone, Asleep: true}
	due.State, due.LastError, due.NextRefresh = token.StateDue, errors.New("WeChat is away"), time.Now().Add(-time.Second)
	a := newAdmin()
	a.Store = func() Store { return Store{Kind: "file", Address: "file:/var/lib/wxproxy", Up: true} }
	a.Accounts = []Account{account("shop", fresh()), account("night", asleep), account("club", due), account("blog", gone())}
	a.Clients = []Client{
		{Name: "orders", Accounts: []string{"shop", "club"}, MaxInFlight: 5, Interval: 10 * time.Millisecond},
		{Name: "crm", Accounts: []string{"a", "b", "c", "d", "e"}, Interval: 40 * time.Second},
	}
	a.Hosts = func() []Host {
		return []Host{{URL: "https://a.example", State: "down", Since: time.Now().Add(-50*time.Hour - time.Minute), Reason: "connection refused"}, {URL: "https://b.example", State: "up"}}
	}
	a.Counted = func() *traffic.Snapshot {
		return &traffic.Snapshot{
			Requests: []traffic.RequestCount{{Account: "shop", Client: "orders", Status: 200, N: 1_234_567}, {Client: "orders", Status: 429, N: 3}, {Status: 401, N: 21}},
			Errcodes: []traffic.ErrcodeCount{{Account: "shop", Errcode: 45009, N: 2}, {Account: "club", Errcode: 45009, N: 5000}, {Account: "shop", Errcode: 40001, N: 1}, {Account: "shop", Errcode: traffic.OtherErrcode, N: 3}},
		}
	}
	a.Hour = func() []traffic.Minute {
		hour := make([]traffic.Minute, 60)
		hour[59].Totals = traffic.Totals{Requests: 2000, Failed: 1, Errcodes: 30}
		hour[59].Counts[2], hour[59].Counts[9] = 1800, 200
		hour[10].Totals = traffic.Totals{Requests: 1000}
		return hour
	}
	return a
}

func TestThePageShowsTheWorstFirst(t *testing.T) {
	mustShow(t, open(t, busy(), "/"), `<html lang="en">`, "<title>wxproxy (1)</title>", "Accounts without a token: 1 of 4", "1 min", ">3<", "file:/var/lib/wxproxy", "v1.2.3",
		"3,000", "1 failed", "2,000/min", "30", "1.0 per 100 requests", "45009</b> ×&#8239;5,002", "other</b> ×&#8239;3", "40001</b> ×&#8239;1", "≤ 25 ms", "95 % within 2.5 s",
		`id="account-blog"`, ">gone<", "errcode 40013", "invalid appid", "What to do: </b>check app_id",
		`id="account-club"`, ">due<", ">in 1 h 0 min<", ">now<", "WeChat is away", "What to do: </b>wxproxy tries again",
		`id="account-shop"`, "wxshop", ">fresh<", ">4<", ">7<", `id="account-night"`, ">asleep<",
		"https://a.example", "connection refused", ">down<", ">2 d 2 h ago<", "https://b.example", ">up<",
		">orders<", ">1,234,570<", ">3<", ">shop, club<", ">5 at a time, 100/s<", ">crm<", ">a, b, c and 2 more<", ">1.5/min<", ">without a key<", ">21<")
}

// Each errcode has its meaning, of the side that answered it: the same number means other
// things at WeChat and at WeCom.
func TestThePageSaysWhatErrcodesMean(t *testing.T) {
	a := busy()
	crm := account("crm", fresh())
	crm.Kind = "wecom"
	a.Accounts = append(a.Accounts, crm)
	a.Counted = func() *traffic.Snapshot {
		return &traffic.Snapshot{Errcodes: []traffic.ErrcodeCount{
			{Account: "shop", Errcode: 40001, N: 9}, {Account: "crm", Errcode: 40001, N: 1}, {Account: "shop", Errcode: 45009, N: 5}, {Account: "crm", Errcode: 60020, N: 4},
			{Account: "shop", Errcode: 99999, N: 3}, {Account: "shop", Errcode: traffic.OtherErrcode, N: 2},
		}}
	}
	page := open(t, a, "/")
	mustShow(t, page, `<div class="meanings">`, "<p><b>40001</b> the access token is not valid", "What to do: ", "<p><b>40001</b> the secret is wrong",
		"<p><b>45009</b> the account&#39;s calls of this API", "<p><b>60020</b> this machine&#39;s IP address is not", "put this machine’s public IP address on", "</div>")
	if strings.Count(page, "<p><b>") != 4 {
		t.Errorf("got %s; want the meanings of those four alone", page)
	}
	mustShow(t, open(t, a, "/?lang=zh"), `<div class="meanings">`, "<p><b>40001</b> access_token 无效", "处理办法：", "<p><b>40001</b> secret 不正确", "请把本机的公网 IP 加入")
}

func TestThePageShowsTickets(t *testing.T) {
	a := newAdmin()
	a.Accounts = []Account{account("blog", fresh()), withTickets()}
	page := open(t, a, "/")
	mustShow(t, page, "Accounts with a problem: 1 of 2", `id="account-shop" class="failing fair"`, "jsapi ticket", "in 1 h 30 min",
		`id="problem-shop:wx_card"`, "wx_card ticket", "errcode 48001", "api unauthorized", "this account may not use the JS-SDK", `id="account-blog"`)
	if strings.Contains(page, "problem-shop:jsapi") {
		t.Error("got a problem with the good ticket")
	}
}

func TestThePageSpeaksTheReadersLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "en": "en", "zh": "zh-CN", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "ZH-tw": "zh-CN", "en-GB,zh;q=0.9": "en", "fr,zh;q=0.5,en;q=0.7": "en",
		"fr;q=0.9, zh;q=0.5": "zh-CN", "zho": "en", "zh;q=x": "en", "*": "en", "zh;q=0,en;q=0.1": "en",
		strings.Repeat("fr,", 200) + "zh": "en", // nobody has so many
	} {
		r := newRequest("GET", "/", nil)
		r.Header.Set("Accept-Language", header)
		w := httptest.NewRecorder()
		newAdmin().Handler().ServeHTTP(w, r)
		mustShow(t, w.Body.String(), `<html lang="`+want+`">`)
	}
	page := open(t, busy(), "/?lang=zh&q=b&secret=x")
	mustShow(t, page, `<html lang="zh-CN">`, `href="?lang=en&amp;q=b">English<`, "没有 token 的账号：1 / 4", "符合", "无 token", "错误码 40013", "处理办法：</b>请检查 app_id", "微信域名", "无法连接")
	for _, english := range []string{"ago<", "Refresh", " min", " of "} {
		if strings.Contains(page, english) {
			t.Errorf("got %q on the Chinese page", english)
		}
	}
}

func TestTheHeadlineIsWhatMattersMost(t *testing.T) {
	for want, change := range map[string]func(*Admin){
		"All is well":                              func(*Admin) {},
		"Accounts with a problem: 1 of 1":          func(a *Admin) { a.Accounts = busy().Accounts[2:3] },
		"Accounts without a token: 1 of 4":         func(a *Admin) { a.Accounts = busy().Accounts },
		"Draining: requests under way":             func(a *Admin) { a.Draining, a.Accounts = func() bool { return true }, busy().Accounts },
		"None of WeChat’s hosts can be reached":    func(a *Admin) { a.Hosts = func() []Host { return busy().Hosts()[:1] } },
		`class="good">All is well`:                 func(a *Admin) { a.Accounts = busy().Accounts[:2] },
		`role="status" class="good">All is well</`: func(a *Admin) { a.Hosts = busy().Hosts },
	} {
		a := newAdmin()
		change(a)
		mustShow(t, open(t, a, "/"), want)
	}
}

func TestThePageSaysWhichConfigurationIsInForce(t *testing.T) {
	a := newAdmin()
	a.ConfigHash = func() string { return "00000000ff01" }
	tried := time.Now().Add(-90 * time.Second)
	a.Loaded = func() Loaded { return Loaded{At: tried, Tried: tried, Successful: true} }
	page := open(t, a, "/")
	mustShow(t, page, "All is well", "Configuration</dt><dd>00000000ff01, read ", ">1 min ago<")
	if strings.Contains(page, "not reloaded") {
		t.Error("got a refused reload")
	}
	a.Loaded = func() Loaded {
		return Loaded{At: tried.Add(-time.Hour), Tried: tried, Mistakes: []string{"/etc/wxproxy/config.toml: client[2].key", "b", "c", "d", "e", "f", "<g>"}}
	}
	mustShow(t, open(t, a, "/"), `class="fair">The configuration was not reloaded; the one before goes on<`, "00000000ff01, read ", ">1 h 1 min ago<",
		">not reloaded<", ">1 min ago<", "mistakes:", ">/etc/wxproxy/config.toml: client[2].key<", ">e<", "and 2 more", "the one before goes on</dd>")
	mustShow(t, open(t, a, "/?lang=zh"), "配置未能重新加载；继续使用之前的配置", "配置</dt><dd>00000000ff01, 读取于 ", ">1 小时 1 分前<", ">重新加载失败<", ">1 分钟前<", "有误之处：", "另有 2 个", "继续使用之前的配置</dd>")
}

func TestThePageSaysWhatToDoAboutTheStore(t *testing.T) {
	a := newAdmin()
	reason := "connection refused"
	a.Store = func() Store {
		return Store{Kind: "redis", Address: "redis://a", LastError: &reason, Remedy: "have Redis run"}
	}
	mustShow(t, open(t, a, "/"), ">of no use<", "connection refused", "What to do: </b>have Redis run")
	mustShow(t, open(t, a, "/?lang=zh"), ">不可用<", "处理办法：</b>have Redis run")
}

func TestWhateverIsSaidIsEscaped(t *testing.T) {
	const evil = `"'><script>alert(1)</script>&amp;`
	a := busy()
	reason := evil
	a.Version, a.Store = evil, func() Store { return Store{Kind: evil, Address: evil, LastError: &reason, Remedy: evil} }
	a.ConfigHash, a.Loaded = func() string { return evil }, func() Loaded { return Loaded{Tried: time.Now(), Mistakes: []string{evil}} }
	a.Hosts = func() []Host { return []Host{{URL: evil, State: evil, Reason: evil}} }
	a.Clients = []Client{{Name: evil, Accounts: []string{evil}}}
	a.Accounts = []Account{account(evil, token.Status{State: evil, LastError: &token.Refusal{Code: 1, Reason: evil}})}
	for _, path := range []string{"/?q=" + "%22%27%3E%3Cscript%3E", "/?lang=%22%3E%3Cscript%3E", "/"} {
		page := open(t, a, path)
		if strings.Contains(page, "<script>") || strings.Contains(page, `"'>`) {
			t.Errorf("%s: got %q in the page", path, evil)
		}
	}
	if n := strings.Count(open(t, a, "/"), "&lt;script&gt;alert(1)"); n < 10 {
		t.Errorf("got it %d times in all; want it wherever it was said", n)
	}
}

// The only other way to make markup of a text is to convert it.
func TestOnlyLiteralsAreMarkup(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		content, err := os.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, converted := range regexp.MustCompile(`markup\([^"]?`).FindAllString(string(content), -1) {
			if converted != "markup(" && converted != "mark(m markup)" {
				t.Errorf("%s: got a conversion %q", entry.Name(), converted)
			}
		}
	}
}

// A format with a verb that nothing fills, or the other way round, leaves a mark.
func TestEveryPhraseFitsItsValues(t *testing.T) {
	many := busy()
	for i := range 300 {
		many.Accounts = append(many.Accounts, account(fmt.Sprint("a", i), fresh()))
		many.Clients = append(many.Clients, Client{Name: fmt.Sprint("c", i)})
	}
	for _, a := range []*Admin{newAdmin(), busy(), many} {
		for _, path := range []string{"/", "/?lang=zh", "/?q=a", "/?q=a&lang=zh", "/?q=nobody"} {
			if page := open(t, a, path); strings.Contains(page, "%!") {
				t.Errorf("%s: got %.80s", path, page[strings.Index(page, "%!"):])
			}
		}
	}
}

func TestTheFilterLooksAtWhatIsShown(t *testing.T) {
	for filter, want := range map[string][]string{
		"":          {"blog", "club", "shop", "night"},
		"shop":      {"shop"},
		"SHOP":      {"shop"},
		"wxcl":      {"club"},
		"gone":      {"blog"},
		"40013":     {"blog"},
		"asleep":    {"night"},
		"wx due":    {"club"},
		"shop club": nil,
	} {
		page := open(t, busy(), "/?q="+strings.ReplaceAll(filter, " ", "+"))
		var got []string
		for _, row := range regexp.MustCompile(`id="account-(\w+)"`).FindAllStringSubmatch(page, -1) {
			got = append(got, row[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q; want %q", filter, got, want)
		}
	}
}

func TestTenThousandAccountsMakeNoLargePage(t *testing.T) {
	a := crowd(10_000)
	began := time.Now()
	page := open(t, a, "/")
	t.Logf("%d bytes in %v", len(page), time.Since(began))
	if n := strings.Count(page, `id="account-`); n != maxRows || len(page) > 500_000 {
		t.Errorf("got %d rows, %d bytes; want %d and less than 500,000", n, len(page), maxRows)
	}
	mustShow(t, page, "Accounts without a token: 10 of 10000", "200 of 10,000 shown", "account-shop-0", "errcode", "account-shop-9000", "errcode", "account-shop-1\"")
	mustShow(t, open(t, a, "/?q=shop-98"), "111 of 10,000 match")
}

// crowd returns an Admin with n accounts of which every thousandth fails.
func crowd(n int) *Admin {
	a := busy()
	a.Accounts = nil
	for i := range n {
		status := fresh()
		if i%1000 == 0 {
			status = gone()
		}
		one := account(fmt.Sprint("shop-", i), status)
		one.Hour = a.Hour
		a.Accounts = append(a.Accounts, one)
	}
	return a
}

func BenchmarkPage(b *testing.B) {
	for _, n := range []int{1, 200, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			handler := crowd(n).Handler()
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, newRequest("GET", "/", nil))
				b.ReportMetric(float64(w.Body.Len()), "page-bytes")
			}
		})
	}
}

func TestALargePageIsPacked(t *testing.T) {
	r, w := newRequest("GET", "/", nil), httptest.NewRecorder()
	r.Header.Set("Accept-Encoding", "br, gzip, deflate")
	a := crowd(200)
	a.Handler().ServeHTTP(w, r)
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() > 20_000 {
		t.Fatalf("got %v, %v, %d bytes; want a small page", err, w.Header(), w.Body.Len())
	}
	if page, err := io.ReadAll(unpacked); err != nil || !strings.HasSuffix(string(page), "</html>\n") {
		t.Errorf("got %.40s, %v; want all of the page", page, err)
	}
}

func TestThePageAllowsNothingButItself(t *testing.T) {
	a := newAdmin()
	for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"} {
		h := ask(a, "GET", path, "").Header()
		for name, want := range map[string]string{
			"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
				"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %s %q; want %q", path, name, got, want)
			}
		}
	}
	page := open(t, busy(), "/")
	for _, found := range regexp.MustCompile(`\s(?:style|on\w+)="|(?:src|href|action)="(?:[a-z]+:)?//[^"]*"`).FindAllString(page, -1) {
		t.Errorf("got %q; want nothing that the policy forbids", found)
	}
}

func TestABrowserShowsTheKeyAsAPassword(t *testing.T) {
	basic := func(password string) string {
		r := newRequest("GET", "/", nil)
		r.SetBasicAuth("me", password)
		return r.Header.Get("Authorization")
	}
	a := newAdmin()
	a.Public, a.Key = true, secret.New(key)
	for _, path := range []string{"/", "/page.css", "/page.js"} {
		for authorization, want := range map[string]int{"": 401, basic("wrong"): 401, basic(""): 401, "Bearer wrong": 401, basic(key): 200, "Bearer " + key: 200} {
			w := ask(a, "GET", path, authorization)
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code != want || (want == 401) != (challenge == `Basic realm="wxproxy", charset="UTF-8"`) {
				t.Errorf("%s with %q: got %d, %q; want %d", path, authorization, w.Code, challenge, want)
			}
			if want == 401 && (strings.Contains(w.Body.String(), "wxshop") || strings.Contains(w.Body.String(), key) || !strings.Contains(w.Body.String(), "admin.key")) {
				t.Errorf("%s: got %s", path, w.Body)
			}
		}
	}
	for request, want := range map[[2]string]int{
		{"GET", "/status"}: 200, {"GET", "/metrics"}: 200, // read, as the page's links do
		{"POST", "/accounts/shop/refresh"}: 401, {"GET", "/accounts/shop/token"}: 401, {"GET", "/debug/pprof/"}: 401,
	} {
		if w := ask(a, request[0], request[1], basic(key)); w.Code != want {
			t.Errorf("%v: got %d; want %d", request, w.Code, want)
		}
	}
	a.Key = secret.Secret{}
	if w := ask(a, "GET", "/", basic("")); w.Code != 401 {
		t.Errorf("got %d with an empty password for no key; want 401", w.Code)
	}
}

func TestThePageSaysWhetherARefreshTakesTheKey(t *testing.T) {
	a := newAdmin()
	if page := open(t, a, "/"); strings.Contains(page, "data-needed") {
		t.Error("got a page that asks for a key that there is not")
	}
	a.Key = secret.New(key)
	page := open(t, a, "/")
	mustShow(t, page, `data-account="shop"`, `data-needed=""`)
	if strings.Contains(page, key) {
		t.Error("got the key on the page")
	}
}

// A stranger cannot have the page look for more words than a person writes.
func TestAFilterIsAsLongAsAPersonWrites(t *testing.T) {
	a := newAdmin()
	words := strings.Repeat("shop+", 80_000)
	page := open(t, a, "/?q="+words)
	mustShow(t, page, "1 of 1 match")
	if len(page) > 64<<10 {
		t.Errorf("got a page of %d bytes; want what it has without the filter", len(page))
	}
	r := newRequest("GET", "/?q="+strings.Repeat("%E5%BA%97", 1000), nil)
	if got := filterOf(r); got != strings.Repeat("店", maxFilter) {
		t.Errorf("got a filter of %d bytes; want %d characters", len(got), maxFilter)
	}
}

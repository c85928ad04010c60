package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/wecomtest"
)

// promtool runs Prometheus's tool, which make deps leaves in .tools if the system
// has none, and returns what it prints.
func promtool(t testing.TB, stdin string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if path, err = filepath.Abs(".tools/bin/promtool"); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command(path, args...)
	c.Stdin = strings.NewReader(stdin)
	out, err := c.CombinedOutput()
	return string(out), err
}

// A period is what Prometheus would see of a program for hours: two
// scrapes of a real one, and what was done between them again every minute.
type period struct {
	name          string
	before, after scraped
	at            time.Time // of the scrape after
	pace          int       // minutes from one repetition to the next; 0 means 1
	once          bool      // nothing was done again
	replicas      int       // that tell the same; 0 means 1
	restarts      bool      // another process answered the scrape after
	only          string    // a series, instead of what was scraped
	values        string    // of it, in promtool's notation but for how often the last is repeated; empty: 0
	down          string    // the address of WeChat's that is down
	one           string    // the address of WeChat's, if that is of interest
	other         scraped   // of another instance
}

const instance = `instance="wxproxy:8081",job="wxproxy"`

// flat returns the values of s by the name and labels of the series, and which of
// them only rise.
func (s scraped) flat() (values map[string]float64, rises map[string]bool) {
	values, rises = map[string]float64{}, map[string]bool{}
	for name, family := range s {
		kind := family.GetType()
		set := func(m *dto.Metric, suffix, more string, value float64) {
			var labels strings.Builder
			for _, l := range m.GetLabel() {
				fmt.Fprintf(&labels, "%s=%q,", l.GetName(), l.GetValue())
			}
			series := name + suffix + "{" + labels.String() + more + instance + "}"
			values[series], rises[series] = value, kind != dto.MetricType_GAUGE
		}
		for _, m := range family.GetMetric() {
			switch kind {
			case dto.MetricType_COUNTER:
				set(m, "", "", m.GetCounter().GetValue())
			case dto.MetricType_GAUGE:
				set(m, "", "", m.GetGauge().GetValue())
			case dto.MetricType_HISTOGRAM:
				for _, b := range m.GetHistogram().GetBucket() {
					set(m, "_bucket", fmt.Sprintf("le=\"%v\",", b.GetUpperBound()), float64(b.GetCumulativeCount()))
				}
				set(m, "_count", "", float64(m.GetHistogram().GetSampleCount()))
				set(m, "_sum", "", m.GetHistogram().GetSampleSum())
			case dto.MetricType_SUMMARY:
				set(m, "_count", "", float64(m.GetSummary().GetSampleCount()))
				set(m, "_sum", "", m.GetSummary().GetSampleSum())
			}
		}
	}
	return values, rises
}

// series returns so much of the period in the notation of promtool's tests.
func (p period) series(minutes int) string {
	if p.only != "" {
		return fmt.Sprintf("  - {series: '%s', values: '%sx%d'}\n", p.only, cmp.Or(p.values, "0"), minutes)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "  - {series: 'up{%s}', values: '1x%d'}\n", instance, minutes)
	others, _ := p.other.flat()
	for series, value := range others {
		if series = strings.Replace(series, "wxproxy:8081", "another:8081", 1); strings.HasPrefix(series, "wxproxy_config_") {
			fmt.Fprintf(&text, "  - {series: '%s', values: '%sx%d'}\n", series, number(value), minutes)
		}
	}
	before, _ := p.before.flat()
	after, rises := p.after.flat()
	for series, value := range after {
		earlier, known := before[series]
		var values []string
		for minute := range minutes {
			repeated := minute / max(p.pace, 1)
			if p.once {
				repeated = min(minute, 1)
			}
			switch {
			case strings.HasPrefix(series, "wxproxy_token_expiry_"):
				values = append(values, number(p.expiry(value, minute)))
			case strings.HasPrefix(series, "process_start_time_") && p.restarts, rises[series] && known:
				values = append(values, number(earlier+float64(repeated)*max(value-earlier, 0)))
			case rises[series] && repeated == 0:
				values = append(values, "_") // nothing exists before it is counted
			case rises[series]:
				values = append(values, number(value*float64(repeated)))
			default:
				values = append(values, number(value))
			}
		}
		fmt.Fprintf(&text, "  - {series: '%s', values: '%s'}\n", series, strings.Join(values, " "))
	}
	first := text.String()
	for n := 1; n < p.replicas; n++ {
		text.WriteString(strings.ReplaceAll(first, `instance="wxproxy:8081"`, fmt.Sprintf(`instance="wxproxy-%d:8081"`, n)))
	}
	if p.one != "" {
		return strings.ReplaceAll(text.String(), p.one, "one")
	}
	if p.down != "" {
		return strings.ReplaceAll(text.String(), p.down, "down")
	}
	return text.String()
}

// expiry moves the moment when a token expires to Prometheus's minutes, which
// begin in 1970. A token that lives for long is renewed 3 min before its end, as
// late as wxproxy does it; another is always about to expire.
func (p period) expiry(value float64, minute int) float64 {
	now, left := float64(minute*60), value-float64(p.at.UnixMilli())/1000
	switch renewed := left - 180; {
	case value == 0:
		return 0
	case left < 600:
		return now + left
	default:
		return math.Floor(now/renewed)*renewed + left
	}
}

func number(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.3f", v), ".000") }

// A want is what an expression should be at a minute of a period: samples with
// these labels and the value 1.
type want struct {
	minute  int
	expr    string
	samples []string
}

// rulesTest runs the alerts in the file rules over the period and returns what
// promtool objects to.
func (p period) rulesTest(t *testing.T, rules string, wants []want) (string, error) {
	t.Helper()
	var text strings.Builder
	last := 0
	for _, w := range wants {
		last = max(last, w.minute)
	}
	fmt.Fprintf(&text, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n- name: %q\n  interval: 1m\n  input_series:\n%s  promql_expr_test:\n", rules, p.name, p.series(last+1))
	for _, w := range wants {
		fmt.Fprintf(&text, "  - expr: %s\n    eval_time: %dm\n    exp_samples:\n", inYAML(w.expr), w.minute)
		for _, labels := range w.samples {
			fmt.Fprintf(&text, "    - {labels: %s, value: 1}\n", inYAML(labels))
		}
	}
	path := filepath.Join(t.TempDir(), "test.yaml")
	writeFile(t, path, text.String())
	return promtool(t, "", "test", "rules", path)
}

// inYAML returns s as a string of YAML, which JSON's are.
func inYAML(s string) string {
	quoted, _ := json.Marshal(s)
	return string(quoted)
}

// firing is all that fires, without what is the same for all.
const firing = `group without (__name__, alertstate, severity, job, instance) (ALERTS{alertstate="firing"})`

// alertRules is the file that users have.
func alertRules(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// mustCheck fails the test unless promtool likes what was scraped.
func (p *program) mustCheck(headers ...string) {
	p.t.Helper()
	a := p.mustAsk("GET", p.admin+"/metrics", "", headers...)
	if out, err := promtool(p.t, a.body, "check", "metrics"); err != nil {
		p.t.Errorf("promtool check metrics: %v: %s", err, out)
	}
}

// monitored runs act between two scrapes.
func (p *program) monitored(name string, act func()) period {
	p.t.Helper()
	before := p.scrape()
	act()
	p.mustCheck()
	return period{name: name, before: before, after: p.scrape(), at: time.Now()}
}

const (
	orders   = "Authorization: Bearer key-of-the-orders-program"
	greedy   = "Authorization: Bearer key-of-the-greedy-program"
	ordering = `
[[client]]
name = "orders"
key  = "key-of-the-orders-program"
[[client]]
name = "greedy"
key  = "key-of-the-greedy-program"
rate = "1/min"
`
)

// healthy is the period of a program that lacks nothing.
func healthy(t *testing.T) period {
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: "wx0000000000000001", Secret: appSecret})
	p := serving(t, w.URL, ordering+fourLines+"default = true\n"+accountWith("blog", "wx0000000000000001", appSecret, "classic"))
	p.awaitReady()
	defer p.stop()
	p.mustSucceed(orders)
	return p.monitored("healthy", func() {
		for range 5 {
			p.mustSucceed(orders)
			p.mustSucceed(orders, "Wxproxy-Account: blog")
		}
	})
}

// troubled is the period of a program whose accounts each have another problem,
// but for shop's token; a platform has no ticket, and of WeChat's two hosts one is down.
func troubled(t *testing.T) period {
	apps := map[string]wechattest.App{
		"shop": {}, "typo": {}, "stolen": {}, "dead": {}, "closed": {}, "spent": {StablePerDay: 1}, "brief": {Life: 100 * time.Second},
	}
	w, away := startWeChat(t, wechattest.App{ID: "wx0000000000000000", Secret: appSecret}), refusing(t)
	secret := t.TempDir() + "/secret"
	writeFile(t, secret, otherSecret)
	ids, toml := map[string]string{}, fmt.Sprintf("[upstream]\nurl = %q\nfallback_urls = [%q]\nca_file = %q\n", "http://"+away, w.URL, newAuthority(t).path("ca.pem"))+ordering+troubledForwards("http://"+away)
	for name, app := range apps {
		app.ID, app.Secret = fmt.Sprintf("wx%016d", len(ids)+1), appSecret
		ids[name] = app.ID
		w.AddApp(app)
		if name == "typo" {
			toml += fmt.Sprintf("[[account]]\nname = %q\napp_id = %q\nsecret_file = %q\n", name, app.ID, secret)
		} else {
			toml += accountWith(name, app.ID, appSecret, "stable")
		}
		if name == "shop" || name == "stolen" {
			toml += fmt.Sprintf("push_token = %q\n", pushedWith)
		}
	}
	weCom := wecomtest.New(wecomtest.Rules{})
	elsewhere := wecomCRM
	elsewhere.TrustedIPs = []string{"203.0.113.7"}
	weCom.Add(elsewhere)
	toml += "[upstream.wecom]\nurl = \"" + serveWeCom(t, weCom) + "\"\n" + crmLines + strings.NewReplacer("crm", "till", wecomCRM.AgentID, "1000009").Replace(crmLines)
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", toml+platformLines)
	store := storeWithOldToken(t, w, accountWith("dead", ids["dead"], appSecret, "stable"))
	p := start(t, launch{dir: dir, env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", store}})
	p.awaitServing()
	defer p.stop()
	count := func(name string, labels ...string) float64 { n, _ := p.scrape().value(name, labels...); return n }
	const fetches = "wxproxy_token_fetches_total"
	p.eventually("a fetch for each account", func() bool {
		n := count(fetches, "account=typo", "reason=start", "outcome=configuration")
		for name := range apps {
			n += count(fetches, "account="+name, "reason=start", "outcome=success")
		}
		return int(n) == len(apps)-1 // but for dead
	})
	p.mustSucceed(orders, "Wxproxy-Account: shop")
	w.Inject(wechattest.Fault{Path: closed, Errcode: 40001})
	w.Inject(wechattest.Fault{Path: send, Errcode: 45009})
	unlisted := w.Inject(wechattest.Fault{Path: login, Errcode: 40164})
	w.Inject(wechattest.Fault{Path: "/cgi-bin/menu/slow", Delay: 3 * time.Second})
	call := func(account, path string, headers ...string) {
		p.call("GET", path, "", append(headers, "Wxproxy-Account: "+account)...)
	}
	seen := p.monitored("troubled", func() {
		var slow sync.WaitGroup
		for range 30 {
			slow.Go(func() { call("shop", "/cgi-bin/menu/slow", orders) })
		}
		writeFile(t, secret, strings.Replace(otherSecret, "0", "1", 1)) // somebody guesses
		for range 3 {
			call("shop", userInfo, orders)
		}
		p.call("POST", send, "{}", orders, "Wxproxy-Account: shop")
		call("shop", login+"?js_code=c", orders)
		unlisted()
		w.Inject(wechattest.Fault{Path: login, Errcode: 40243})
		call("stolen", login+"?js_code=c", orders)
		w.Revoke(ids["stolen"])
		call("stolen", userInfo, orders)
		w.Kill(ids["dead"])
		call("dead", userInfo, orders)
		for range 12 {
			call("closed", closed, orders)
		}
		w.Revoke(ids["spent"])
		call("spent", userInfo, orders)
		for range 25 {
			call("shop", userInfo)
		}
		call("crm", "/cgi-bin/user/get?userid=zhangsan", orders)
		p.pushInVain()
		for range 12 {
			slow.Go(func() { call("shop", userInfo, greedy) })
		}
		slow.Wait()
		p.eventually("another fetch for typo", func() bool {
			return count(fetches, "account=typo", "reason=start", "outcome=configuration") > 1
		})
	})
	seen.down = away
	return seen
}

// pushedWith is the push_token of accounts in trouble.
const pushedWith = "token-of-the-pushes"

// troubledForwards is where pushes of shop and stolen go: to nobody, those of stolen by way
// of an inbox that few fit into.
func troubledForwards(away string) string {
	return fmt.Sprintf("[push]\nlisten = \"127.0.0.1:0\"\ninbox_max = \"16KiB\"\n"+
		"[[forward]]\naccount = \"shop\"\nurl = %[1]q\n[[forward]]\naccount = \"stolen\"\nurl = %[1]q\nasync = true\n[[forward]]\naccount = \"stolen\"\nname = \"copies\"\nurl = %[1]q\ncopy = true\n", away)
}

// pushInVain has WeChat push what no program takes, until the inbox is full, and strangers
// what is not WeChat's.
func (p *program) pushInVain() {
	p.t.Helper()
	address, _ := p.logged("serving")[0]["push"].(string)
	push := func(account, token string) int {
		c := wechattest.Callback{URL: "http://" + address + "/push/" + account, Token: token, Tries: 1}
		c.Push(p.t.Context(), c.Event("o1", "subscribe"))
		d := c.Push(p.t.Context(), c.Text("o1", "hello"))
		return d.Tries[0].Status
	}
	for range 5 {
		if status := push("shop", pushedWith); status != http.StatusBadGateway {
			p.t.Errorf("a push that nobody takes: got %d; want 502", status)
		}
	}
	for range 12 {
		push("shop", "another token")
	}
	push("nobody", pushedWith)
	repeated := wechattest.Callback{URL: "http://" + address + "/push/stolen", Token: pushedWith, Tries: 1}
	again := repeated.Event("o2", "subscribe")
	for range 40 { // so that few of all fail
		repeated.Push(p.t.Context(), again)
	}
	const most = 1000
	for n := 0; push("stolen", pushedWith) != http.StatusServiceUnavailable; n++ {
		if n == most {
			p.t.Fatalf("got no 503 after %d pushes; want a full inbox", most)
		}
	}
}

// losing is the period of a program whose waiting pushes are damaged on the disk.
func losing(t *testing.T) period {
	w, store := startWeChat(t), t.TempDir()
	p := serving(t, w.URL, fmt.Sprintf("[token]\nstore = \"file:%s\"\n[[forward]]\nurl = \"http://%s\"\nasync = true\n", store, refusing(t))+
		fourLines+fmt.Sprintf("push_token = %q\n", pushedWith), "WXPROXY_PUSH_LISTEN=127.0.0.1:0")
	p.awaitReady()
	defer p.stop()
	c := wechattest.Callback{URL: p.push + "/push/shop", Token: pushedWith, Tries: 1}
	return p.monitored("losing", func() {
		mustDeliver(t, c.Push(t.Context(), c.Event("o1", "subscribe")))
		records, err := filepath.Glob(store + "/pushes/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			if info, err := os.Stat(record); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
				writeFile(t, record, "damaged")
			}
		}
		p.eventually("a push that is lost", func() bool {
			lost, _ := p.scrape().value("wxproxy_push_inbox_lost_total")
			return lost == 1
		})
	})
}

// outage is the period of a program that does not find WeChat.
func outage(t *testing.T) period {
	away := refusing(t)
	p := serving(t, "http://"+away, fourLines)
	defer p.stop()
	failures := func() float64 {
		n, _ := p.scrape().value("wxproxy_token_fetches_total", "account=shop", "reason=start", "outcome=transient")
		return n
	}
	p.eventually("a failure", func() bool { return failures() > 0 })
	seen := p.monitored("outage", func() {
		before := failures()
		p.call("GET", userInfo, "")
		p.eventually("another failure", func() bool { return failures() > before })
	})
	seen.down = away
	return seen
}

// storeless is the period of a program whose Redis is away.
func storeless(t *testing.T) period {
	w, redis := startWeChat(t), redistest.Start(t)
	p := serving(t, w.URL, fourLines, "WXPROXY_STORE=redis://"+redis.Addr)
	p.awaitReady()
	defer p.stop()
	p.scrape().mustBe(t, 1, "wxproxy_store_up")
	return p.monitored("storeless", func() {
		redis.Stop()
		p.eventually("a store that is down", func() bool {
			up, there := p.scrape().value("wxproxy_store_up")
			return there && up == 0
		})
	})
}

// refusedReloads is the period of a program that has refused its changed configuration.
func refusedReloads(t *testing.T) period {
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	defer p.stop()
	p.scrape().mustBe(t, 1, "wxproxy_config_last_reload_successful")
	return p.monitored("refused reload", func() {
		p.rewrite("secert = 1\n" + fourLines)
		p.signal(syscall.SIGHUP)
		p.eventually("a refusal", func() bool {
			good, there := p.scrape().value("wxproxy_config_last_reload_successful")
			return there && good == 0
		})
	})
}

// different is the period of two programs, one of which was not reloaded.
func different(t *testing.T) period {
	w := startWeChat(t)
	p, another := serving(t, w.URL, fourLines), serving(t, w.URL, fourLines)
	p.awaitReady()
	defer p.stop()
	seen := p.monitored("different", func() { p.mustReload("[log]\naccess = true\n" + fourLines) })
	seen.before, seen.other = seen.after, another.scrape()
	return seen
}

// cut is the period of a program whose WeChat takes connections and cuts them.
func cut(t *testing.T) period {
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines)
	p.awaitReady()
	defer p.stop()
	w.Inject(wechattest.Fault{Path: "/cgi-bin/user/*", CloseBefore: true})
	seen := p.monitored("cut", func() {
		for range 20 {
			p.call("GET", userInfo, "").mustBe(t, http.StatusBadGateway, "upstream_unreachable")
		}
	})
	host := strings.TrimPrefix(w.URL, "http://")
	seen.after.mustBe(t, 1, "wxproxy_upstream_up", "host="+host)
	seen.after.mustBe(t, 20, "wxproxy_upstream_failures_total", "host="+host, "reason=broken")
	seen.one = host
	return seen
}

// restarting is the period of a program that ends and starts again.
func restarting(t *testing.T) period {
	w := startWeChat(t)
	var r [2]scraped
	for i := range r {
		p := serving(t, w.URL, fourLines)
		p.awaitReady()
		r[i] = p.scrape()
		p.stop()
	}
	return period{name: "restarting", before: r[0], after: r[1], at: time.Now(), restarts: true, pace: 4}
}

// crowded is the period of a program that may open few files.
func crowded(t *testing.T) period {
	w := startWeChat(t)
	dir := t.TempDir()
	writeFile(t, dir+"/config.toml", fourLines)
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var others []*os.File // callers alone cannot take so many
	for range 30 {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		others = append(others, file)
	}
	p := start(t, launch{dir: dir, executable: "sh", args: []string{"-c", "ulimit -n 64; exec " + executable}, files: others,
		env: []string{"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + w.URL}})
	p.awaitServing()
	p.awaitReady()
	return p.monitored("crowded", func() {
		for open := 0.0; open < 54; open, _ = p.scrape().value("process_open_fds") {
			caller, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { caller.Close() })
			fmt.Fprint(caller, "GET /wxproxy/x HTTP/1.1\r\nHost: x\r\n\r\n")
			caller.Read(make([]byte, 1))
		}
	})
}

// The alerts of troubled, which go on until its problems end.
var inTrouble = []string{
	`{alertname="WxproxyNoToken", account="typo"}`,
	`{alertname="WxproxyTokenFetchRefused", account="typo", outcome="configuration"}`,
	`{alertname="WxproxyTokenExpiring", account="brief"}`,
	`{alertname="WxproxyTokenOverwritten", account="stolen"}`,
	`{alertname="WxproxyRejections", account="stolen"}`,
	`{alertname="WxproxyTokenOverwritten", account="dead"}`,
	`{alertname="WxproxyRejections", account="dead"}`,
	`{alertname="WxproxyForcedRefreshes", account="dead"}`,
	`{alertname="WxproxyRejections", account="closed"}`,
	`{alertname="WxproxyRejectionsReachCallers", account="closed", outcome="in_vain"}`,
	`{alertname="WxproxyRejectionsReachCallers", account="closed", outcome="refused"}`,
	`{alertname="WxproxyNoToken", account="spent"}`,
	`{alertname="WxproxyTokenQuotaUsedUp", account="spent"}`,
	`{alertname="WxproxyRejections", account="spent"}`,
	`{alertname="WxproxyRejectionsReachCallers", account="spent", outcome="unavailable"}`,
	`{alertname="WxproxySecretRefused", account="stolen", errcode="40243"}`,
	`{alertname="WxproxyServerErrors", account="spent"}`,
	`{alertname="WxproxyAPIQuotaUsedUp", account="shop"}`,
	`{alertname="WxproxySecretRefused", account="shop", errcode="40164"}`,
	`{alertname="WxproxyNoToken", account="till"}`,
	`{alertname="WxproxyTokenPaused", account="till"}`,
	`{alertname="WxproxyAddressNotTrusted", account="crm"}`,
	`{alertname="WxproxySlow"}`,
	`{alertname="WxproxyUpstreamHostDown", host="down"}`,
	`{alertname="WxproxyClientLimited", client="greedy"}`,
	`{alertname="WxproxyPushesFail", account="shop"}`,
	`{alertname="WxproxyPushSignatures", account="shop"}`,
	`{alertname="WxproxyPushInboxFull"}`,
	`{alertname="WxproxyPushCopiesDropped", account="stolen"}`,
	`{alertname="WxproxyWrongKeys"}`,
	`{alertname="WxproxyPlatformNoTicket", platform="saas"}`,
}

// A scenario is a period and what fires in it, at minutes of it.
type scenario struct {
	period func(*testing.T) period
	pace   int
	fires  map[int][]string
}

func scenarios() map[string]scenario {
	outOfReach := []string{
		`{alertname="WxproxyNoToken", account="shop"}`, `{alertname="WxproxyServerErrors", account="shop"}`,
		`{alertname="WxproxyTokenAPIAway", account="shop"}`,
		`{alertname="WxproxyUpstreamDown"}`, `{alertname="WxproxyUpstreamHostDown", host="down"}`,
	}
	manyFetches := []string{
		`{alertname="WxproxyManyTokenFetches", account="stolen"}`, `{alertname="WxproxyManyTokenFetches", account="dead"}`,
		`{alertname="WxproxyManyTokenFetches", account="closed"}`,
	}
	return map[string]scenario{
		"healthy":        {healthy, 1, map[int][]string{2: {}, 30: {}, 116: {}, 117: {}, 118: {}, 500: {}}},
		"troubled":       {troubled, 1, map[int][]string{40: inTrouble, 500: append(manyFetches, inTrouble...)}},
		"outage":         {outage, 1, map[int][]string{30: outOfReach, 90: outOfReach}},
		"storeless":      {storeless, 1, map[int][]string{0: {`{alertname="WxproxyStoreDown"}`}, 30: {`{alertname="WxproxyStoreDown"}`}}},
		"refused reload": {refusedReloads, 1, map[int][]string{0: {}, 30: {`{alertname="WxproxyReloadRefused"}`}}},
		"different":      {different, 1, map[int][]string{9: {}, 30: {`{alertname="WxproxyConfigDiffers"}`}}},
		"cut": {cut, 1, map[int][]string{30: {
			`{alertname="WxproxyUpstreamCutsRequests", host="one"}`, `{alertname="WxproxyServerErrors", account="shop"}`,
		}}},
		"restarting": {restarting, 4, map[int][]string{30: {`{alertname="WxproxyRestarting"}`}}},
		"crowded":    {crowded, 1, map[int][]string{4: {}, 30: {`{alertname="WxproxyFewFileDescriptors"}`}}},
		"down": {func(*testing.T) period { return period{name: "down", only: "up{" + instance + "}"} }, 1,
			map[int][]string{30: {`{alertname="WxproxyDown"}`}}},
		"expiring": {func(*testing.T) period {
			return period{name: "expiring", only: `wxproxy_certificate_expiry_timestamp_seconds{setting="proxy.tls_cert",` + instance + "}"}
		}, 1, map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyCertificateExpiring", setting="proxy.tls_cert"}`}}},
		"pushes that wait": {func(*testing.T) period {
			return period{name: "pushes that wait", only: "wxproxy_push_inbox_oldest_seconds{" + instance + "}", values: "601"}
		}, 1, map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyPushesWait"}`}}},
		"pushes that failed": {func(*testing.T) period {
			return period{name: "pushes that failed", only: "wxproxy_push_inbox_failed{" + instance + "}", values: "3 5"}
		}, 1, map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyPushesNotDelivered"}`}, 500: {`{alertname="WxproxyAbsent"}`}}},
		"pushes that are lost": {losing, 1, map[int][]string{30: {`{alertname="WxproxyPushesLost"}`}}},
		"pushes that a new process found damaged": {func(*testing.T) period {
			return period{name: "pushes found damaged", only: "wxproxy_push_inbox_lost_total{" + instance + "}", values: "2"}
		}, 1, map[int][]string{10: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyPushesLost"}`}, 30: absentOnly}},
		"many wrong secrets": {func(*testing.T) period {
			return period{name: "many wrong secrets", only: "wxproxy_wecom_wrong_secrets{" + instance + "}", values: "21"}
		}, 1, map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyWrongSecrets"}`}}},
		"WeCom alone away": {func(*testing.T) period {
			return period{name: "WeCom alone away", only: `wxproxy_upstream_up{host="qyapi.weixin.qq.com",` + instance + "}"}
		}, 1, map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyUpstreamDown"}`, `{alertname="WxproxyUpstreamHostDown", host="qyapi.weixin.qq.com"}`}}},
		"ticketless": {platformPeriod("wxproxy_platform_ticket_timestamp_seconds{", "0"), 1,
			map[int][]string{20: absentOnly, 30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyPlatformNoTicket", platform="saas"}`}}},
		"lost authorizations": {platformPeriod(`wxproxy_platform_authorizers{state="needs_authorization",`, "3 5"), 1,
			map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyAccountsNotAuthorized", platform="saas"}`}, 500: absentOnly}},
		"ended authorizations": {platformPeriod(`wxproxy_platform_authorizers{state="unauthorized",`, "9 20"), 1,
			map[int][]string{30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyAuthorizationsEnd", platform="saas"}`}, 500: absentOnly}},
		"a merchant who leaves": {platformPeriod(`wxproxy_platform_authorizers{state="unauthorized",`, "9 10"), 1, map[int][]string{30: absentOnly}},
		"failing authorizers": {platformPeriod(`wxproxy_platform_authorizers{state="failing",`, "20"), 1,
			map[int][]string{9: {`{alertname="WxproxyAbsent"}`}, 30: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyAuthorizersFail", platform="saas"}`}}},
		"events that wait": {platformPeriod("wxproxy_platform_events_waiting{", "1"), 1,
			map[int][]string{25: absentOnly, 60: {`{alertname="WxproxyAbsent"}`, `{alertname="WxproxyPlatformEventsWait", platform="saas"}`}}},
		"absent": {func(*testing.T) period { return period{name: "absent", only: `up{job="another"}`} }, 1,
			map[int][]string{4: {}, 30: {`{alertname="WxproxyAbsent"}`}}},
	}
}

// absentOnly is what fires where a series of a platform alone was scraped.
var absentOnly = []string{`{alertname="WxproxyAbsent"}`}

// platformPeriod is the period of a platform that has one series, with these values.
func platformPeriod(series, values string) func(*testing.T) period {
	return func(*testing.T) period {
		return period{name: series, only: series + `platform="saas",` + instance + "}", values: values}
	}
}

// alertName is in the samples of a scenario, and in the file.
var alertName = regexp.MustCompile(`(?:alertname="|- alert: )(\w+)`)

// usedLabel is a label in an alert's words, or in a legend.
var usedLabel = regexp.MustCompile(`\{\{\s*(?:or )?(?:\$labels\.)?(\w+)`)

// written returns the text of each alert.
func written(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile(alertRules(t))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, text := range strings.SplitAfter(string(content), "      - alert: ")[1:] {
		name, _, _ := strings.Cut(text, "\n")
		texts[name] = text
	}
	return texts
}

func TestAlertsFireForWhatTheySayAndNothingElse(t *testing.T) {
	t.Parallel()
	if out, err := promtool(t, "", "check", "rules", alertRules(t)); err != nil {
		t.Fatalf("got %v: %s", err, out)
	}
	texts, provoked := written(t), map[string]bool{}
	for name, s := range scenarios() {
		var wants []want
		for minute, samples := range s.fires {
			wants = append(wants, want{minute, firing, samples})
			for _, sample := range samples {
				alert := alertName.FindStringSubmatch(sample)[1]
				provoked[alert] = true
				for _, label := range usedLabel.FindAllStringSubmatch(texts[alert], -1) {
					if strings.Contains(label[0], "$labels") { // it has a value to show
						wants = append(wants, want{minute, fmt.Sprintf(`group(ALERTS{alertstate="firing", alertname=%q, %s!=""})`, alert, label[1]), []string{"{}"}})
					}
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := s.period(t)
			p.pace = s.pace
			if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
				t.Errorf("got %v: %s", err, out)
			}
		})
	}
	for alert, text := range texts {
		if !provoked[alert] {
			t.Errorf("%s: no scenario provokes it", alert)
		}
		for _, part := range []string{"labels: {severity: critical}", "labels: {severity: warning}"} {
			text = strings.Replace(text, part, "a severity", 1)
		}
		for _, part := range []string{"a severity", "\n          summary: ", "\n          description: "} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: got no %q", alert, part)
			}
		}
		_, runbook, _ := strings.Cut(text, "\n          runbook_url: ")
		path, anchor, _ := strings.Cut(strings.SplitN(runbook, "\n", 2)[0], "#")
		if !strings.HasSuffix(path, ".md") {
			t.Errorf("%s: got the runbook %q; want a page", alert, path)
			continue
		}
		for _, page := range []string{path, strings.TrimSuffix(path, ".md") + ".zh-CN.md"} {
			if !slices.Contains(anchorsIn(read(t, page)), anchor) {
				t.Errorf("%s: got the runbook %s#%s; want a heading that there is", alert, page, anchor)
			}
		}
	}
}

// promised is after how many minutes an alert fires at the latest that takes longer than
// its for and two scrapes: it counts what happens again and again, here once a minute.
var promised = map[string]int{
	"WxproxyManyTokenFetches": 450, "WxproxyForcedRefreshes": 14, "WxproxyTokenOverwritten": 6,
	"WxproxyTokenAPIAway": 10, "WxproxyRestarting": 16, "WxproxySlow": 14, "WxproxyPlatformNoTicket": 27,
}

// hasToLast is how long what an alert is about has to last.
var hasToLast = regexp.MustCompile(`\n        for: (\d+)m`)

func TestAlertsFireInTime(t *testing.T) {
	t.Parallel()
	texts := written(t)
	for name, s := range scenarios() {
		var wants []want
		seen := map[string]bool{}
		for _, samples := range s.fires {
			for _, sample := range samples {
				alert := alertName.FindStringSubmatch(sample)[1]
				if seen[alert] {
					continue
				}
				seen[alert] = true
				minute := 2
				if lasts := hasToLast.FindStringSubmatch(texts[alert]); lasts != nil {
					n, _ := strconv.Atoi(lasts[1])
					minute += n
				}
				wants = append(wants, want{max(minute, promised[alert]), fmt.Sprintf(`group by (alertname) (ALERTS{alertstate="firing", alertname=%q})`, alert),
					[]string{fmt.Sprintf("{alertname=%q}", alert)}})
			}
		}
		if len(wants) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := s.period(t)
			p.pace = s.pace
			if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
				t.Errorf("got %v: %s", err, out)
			}
		})
	}
}

// What happens once, a minute after the start, is told: its counter was there before.
func TestAlertsFireForWhatHappensOnce(t *testing.T) {
	t.Parallel()
	p := troubled(t)
	p.once = true
	wants := []want{}
	for alert, labels := range map[string]string{
		"WxproxyTokenQuotaUsedUp": `account="spent"`, "WxproxySecretRefused": `account="stolen",errcode="40243"`, "WxproxyAPIQuotaUsedUp": `account="shop"`,
		"WxproxyAddressNotTrusted": `account="crm"`,
	} {
		wants = append(wants, want{2, fmt.Sprintf(`group by (alertname) (ALERTS{alertstate="firing", alertname=%q, %s})`, alert, labels),
			[]string{fmt.Sprintf("{alertname=%q}", alert)}})
	}
	if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
		t.Errorf("got %v: %s", err, out)
	}
}

// Three replicas that tell the same of an account have one alert about it, and the
// dashboard counts it once.
func TestAnAccountOfManyReplicasHasOneAlert(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct{ Panels []panel }
	if err := json.Unmarshal(content, &board); err != nil {
		t.Fatal(err)
	}
	wants := []want{
		{40, `max(count by (alertname, account, outcome, errcode, client) (ALERTS{alertstate="firing"}))`, []string{"{}"}},
		{40, `count(ALERTS{alertstate="firing", alertname="WxproxyUpstreamHostDown"})`, []string{"{}"}},
	}
	for _, p := range board.Panels {
		for _, which := range []string{"Accounts with a token", "Accounts without a token"} {
			if p.Title == which {
				expr := strings.NewReplacer("$job", ".*", "$instance", ".*", "$account", ".*").Replace(p.Targets[0].Expr)
				one := strings.ReplaceAll(expr, `instance=~".*"`, `instance="wxproxy:8081"`)
				wants = append(wants, want{40, "(" + expr + ") == bool (" + one + ")", []string{"{}"}})
			}
		}
	}
	if len(wants) != 4 {
		t.Fatalf("got %d panels; want both", len(wants)-2)
	}
	p := troubled(t)
	p.replicas = 3
	if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
		t.Errorf("got %v: %s", err, out)
	}
}

// With the longest pause between two attempts an alert must not come and go, and
// what is misspelt must be found.
func TestAlertsLastFromOneAttemptToTheNext(t *testing.T) {
	t.Parallel()
	p := troubled(t)
	p.pace = 36
	var wants []want
	for minute := 80; minute < 80+2*36; minute += 5 {
		wants = append(wants,
			want{minute, `group by (account) (ALERTS{alertstate="firing", alertname="WxproxyTokenFetchRefused"})`, []string{`{account="typo"}`}},
			want{minute, `group by (account) (ALERTS{alertstate="firing", alertname="WxproxyTokenQuotaUsedUp"})`, []string{`{account="spent"}`}})
	}
	if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
		t.Errorf("got %v: %s", err, out)
	}
	content, err := os.ReadFile(alertRules(t))
	if err != nil {
		t.Fatal(err)
	}
	for right, wrong := range map[string]string{"wxproxy_token_fetches_total{": "wxproxy_token_fetch_total{", "{outcome=": "{outcomes="} {
		path := t.TempDir() + "/alerts.yaml"
		writeFile(t, path, strings.ReplaceAll(string(content), right, wrong))
		if out, err := p.rulesTest(t, path, wants[:2]); err == nil || !strings.Contains(out, "FAILED") {
			t.Errorf("%s: got %v: %s; want alerts that do not fire", wrong, err, out)
		}
	}
}

// A panel is one of Grafana's, as far as a test can tell whether it is right.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  struct{ UID string }
	Targets     []struct{ Expr, LegendFormat, RefID string }
}

func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		UID, Title string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Annotations struct{ List []struct{ Expr string } }
	}
	if err := json.Unmarshal(content, &board); err != nil || board.UID == "" || len(board.Panels) < 20 {
		t.Fatalf("got %d panels, %v; want a dashboard", len(board.Panels), err)
	}
	replace := []string{"$__rate_interval", "5m"}
	for _, v := range board.Templating.List {
		replace = append(replace, "$"+v.Name, ".*")
	}
	var wants []want
	holds := func(expr string) { wants = append(wants, want{40, expr, []string{"{}"}}) }
	at := func(expr string) string {
		expr = strings.NewReplacer(replace...).Replace(expr)
		if strings.Contains(expr, "$") {
			t.Errorf("got a variable that is none in %s", expr)
		}
		return expr
	}
	queries, taken := 0, map[string]string{}
	for _, p := range board.Panels {
		taken[fmt.Sprint("the id ", p.ID)] += p.Title + "; "
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				taken[fmt.Sprint("the place ", x, ",", y)] += p.Title + "; "
			}
		}
		if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: got %+v; want queries to the datasource, and 24 columns", p.Title, p)
		}
		for _, target := range p.Targets {
			queries++
			expr := at(target.Expr)
			holds("count(" + expr + ") > bool 0")
			for _, label := range usedLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				switch label[1] {
				case "instance":
					wants = append(wants, want{40, "group by (instance) (" + expr + ")", []string{`{instance="wxproxy:8081"}`}})
				case "hash", "version": // one instance has one of them
					wants = append(wants, want{40, fmt.Sprintf(`group by (there) (label_replace(%s, "there", "yes", %q, ".+"))`, expr, label[1]), []string{`{there="yes"}`}})
				default: // a label that is none has one value, which is empty
					holds("count(group by (" + label[1] + ") (" + expr + ")) > bool 1")
				}
			}
		}
	}
	for what, titles := range taken {
		if strings.Count(titles, "; ") != 1 {
			t.Errorf("%s: got %s; want one panel", what, titles)
		}
	}
	for _, a := range board.Annotations.List {
		holds("count(" + strings.TrimSuffix(at(a.Expr), " > 0") + ") > bool 0")
	}
	for _, v := range board.Templating.List {
		if asked := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition); asked != nil {
			with := asked[2] + `!=""}`
			series := at(asked[1])
			if selector, had := strings.CutSuffix(series, "}"); had {
				series = selector + "," + with
			} else {
				series += "{" + with
			}
			holds("count(" + series + ") > bool 0")
		} else if v.Name != "datasource" {
			t.Errorf("got the variable %s from %s", v.Name, v.Definition)
		}
	}
	p := troubled(t)
	if out, err := p.rulesTest(t, alertRules(t), wants); err != nil {
		t.Errorf("got %v: %s", err, out)
	}
	if queries < 30 {
		t.Errorf("got %d queries; want more", queries)
	}
}

func TestTheDashboardShowsEveryMetric(t *testing.T) {
	t.Parallel()
	board, err := os.ReadFile("deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("admin/metrics/descriptions.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`describe\("(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 10 {
		t.Fatalf("got the metrics %v; want all", names)
	}
	for _, name := range names {
		if !regexp.MustCompile(`"expr": ".*wxproxy_` + name[1] + `(_bucket)?\{`).Match(board) {
			t.Errorf("got no panel of wxproxy_%s", name[1])
		}
	}
}

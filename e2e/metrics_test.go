package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"wxproxy/internal/wechattest"
)

// A scraped is an answer of /metrics, parsed as Prometheus does.
type scraped map[string]*dto.MetricFamily

func (p *program) scrape(headers ...string) scraped {
	p.t.Helper()
	a := p.mustAsk("GET", p.admin+"/metrics", "", headers...)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.body))
	if err != nil || a.code != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain; version=0.0.4") {
		p.t.Fatalf("got %d, %v, %v: %s", a.code, a.header, err, a.body)
	}
	return families
}

// value returns that of the metric with these labels, "name=value" each, and
// whether there is one.
func (s scraped) value(name string, labels ...string) (float64, bool) {
	for _, m := range s[name].GetMetric() {
		if has(m, labels) {
			return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount()), true
		}
	}
	return 0, false
}

func has(m *dto.Metric, labels []string) bool {
	for _, label := range m.GetLabel() {
		found := false
		for _, want := range labels {
			found = found || label.GetName()+"="+label.GetValue() == want
		}
		if !found {
			return false
		}
	}
	return len(m.GetLabel()) == len(labels)
}

func (s scraped) mustBe(t *testing.T, want float64, name string, labels ...string) {
	t.Helper()
	if got, there := s.value(name, labels...); !there || got != want {
		t.Errorf("%s%v: got %v, %v; want %v", name, labels, got, there, want)
	}
}

func TestMetricsTellWhatARealRunDid(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines+`
[[client]]
name = "orders"
key  = "key-of-the-orders-program"
`)
	const key = "Authorization: Bearer key-of-the-orders-program"
	p.awaitReady()
	began := time.Now()
	for range 3 {
		p.mustSucceed(key)
	}
	w.Revoke(appID)
	p.mustSucceed(key)
	clear := w.Inject(wechattest.Fault{Path: "/cgi-bin/user/*", Errcode: 45009, Times: 1})
	p.call("GET", userInfo, "", key)
	clear()
	p.call("GET", userInfo, "").mustBe(t, http.StatusUnauthorized, "unauthenticated")
	p.call("GET", "/@shop/cgi-bin/component/x", "", key).mustBe(t, http.StatusForbidden, "no_credential")

	s := p.scrape()
	s.mustBe(t, 5, "wxproxy_requests_total", "account=shop", "client=orders", "status=200")
	s.mustBe(t, 1, "wxproxy_requests_total", "account=shop", "client=orders", "status=403")
	s.mustBe(t, 1, "wxproxy_requests_total", "account=", "client=", "status=401")
	s.mustBe(t, 7, "wxproxy_request_duration_seconds")
	s.mustBe(t, 1, "wxproxy_upstream_errcodes_total", "account=shop", "errcode=40001")
	s.mustBe(t, 1, "wxproxy_upstream_errcodes_total", "account=shop", "errcode=45009")
	s.mustBe(t, 1, "wxproxy_retries_total", "account=shop", "errcode=40001", "outcome=accepted")
	s.mustBe(t, 1, "wxproxy_token_fetches_total", "account=shop", "reason=start", "outcome=success")
	s.mustBe(t, 1, "wxproxy_token_fetches_total", "account=shop", "reason=refused", "outcome=success")
	s.mustBe(t, 0, "wxproxy_requests_in_flight")
	s.mustBe(t, 1, "wxproxy_store_up")
	s.mustBe(t, 0, "wxproxy_token_fetches_total", "account=shop", "reason=due", "outcome=configuration")
	s.mustBe(t, 1, "wxproxy_upstream_up", "host="+strings.TrimPrefix(w.URL, "http://"))
	s.mustBe(t, 0, "wxproxy_upstream_connections", "state=active")
	if idle, there := s.value("wxproxy_upstream_connections", "state=idle"); !there || idle < 1 {
		t.Errorf("got %v idle connections; want some", idle)
	}
	expires, _ := s.value("wxproxy_token_expiry_timestamp_seconds", "account=shop")
	if left := time.Unix(int64(expires), 0).Sub(began); left < time.Hour || left > 3*time.Hour {
		t.Errorf("got a token that expires in %v; want about two hours", left)
	}
	if n, there := s.value("go_goroutines"); !there || n < 1 {
		t.Errorf("got %v goroutines", n)
	}
	if n, there := s.value("process_start_time_seconds"); !there || n < 1e9 {
		t.Errorf("got the start at %v", n)
	}
	w.Close()
	p.call("GET", userInfo, "", key)
	p.scrape().mustBe(t, 0, "wxproxy_upstream_up", "host="+strings.TrimPrefix(w.URL, "http://"))
	p.stop()
}

func TestStrangersMakeNoSeries(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines+`
[[client]]
name = "orders"
key  = "key-of-the-orders-program"
`)
	const key = "Authorization: Bearer key-of-the-orders-program"
	p.awaitReady()
	p.mustSucceed(key)
	before := p.scrape()
	for n := range 300 {
		evil := fmt.Sprintf("evil%d", n)
		for _, r := range []struct{ method, path, header string }{
			{"GET", "/@" + evil + userInfo, key},
			{"GET", userInfo + "&from_appid=" + evil, key},
			{"GET", "/" + evil + "?access_token=wxp_" + evil, key},
			{"GET", "/" + evil, "Authorization: Bearer " + evil},
			{"GET", "/" + evil, "Wxproxy-Account: " + evil},
			{"EVIL" + strconv.Itoa(n), "/" + evil, key},
		} {
			p.ask(r.method, p.proxy+r.path, "", r.header)
		}
	}
	a := p.mustAsk("GET", p.admin+"/metrics", "")
	if strings.Contains(strings.ToLower(a.body), "evil") {
		t.Errorf("got %s, in which strangers have their say", a.body)
	}
	after := p.scrape()
	for name, family := range after {
		grown := len(family.GetMetric()) - len(before[name].GetMetric())
		if strings.HasPrefix(name, "wxproxy_") && grown > 5 {
			t.Errorf("%s: got %d series more", name, grown)
		}
	}
	if n := after["wxproxy_request_duration_seconds"].GetMetric()[0].GetHistogram().GetSampleCount(); n != 1+6*300 {
		t.Errorf("got %d requests; want %d", n, 1+6*300)
	}
	p.stop()
}

func TestTheTokenPagesKeepToTheKey(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	p := serving(t, w.URL, fourLines, "WXPROXY_ADMIN_KEY="+canaryAdminKey)
	p.awaitReady()
	token, refresh, pprof := p.admin+"/accounts/shop/token", p.admin+"/accounts/shop/refresh", p.admin+"/debug/pprof/heap"
	for _, r := range [][2]string{{"GET", token}, {"POST", refresh}, {"GET", pprof}} {
		if a := p.mustAsk(r[0], r[1], ""); a.code != http.StatusUnauthorized || strings.Contains(a.body, wechattest.TokenPrefix) {
			t.Errorf("%v: got %d %s; want 401", r, a.code, a.body)
		}
		if a := p.mustAsk(r[0], r[1], "", byAdmin); a.code != http.StatusOK {
			t.Errorf("%v: got %d %s; want 200", r, a.code, a.body)
		}
	}
	first := p.mustAsk("GET", token, "", byAdmin).body
	failed := strings.Split(first, `"`)[3]
	if !strings.HasPrefix(failed, wechattest.TokenPrefix) || !strings.Contains(first, `"expires_in": 7`) {
		t.Fatalf("got %s; want the token and its life", first)
	}
	w.Revoke(appID)
	for range 2 { // the second time it is not the current one any more
		a := p.mustAsk("POST", refresh, `{"access_token":"`+failed+`"}`, byAdmin)
		if a.code != http.StatusOK || !strings.Contains(a.body, `"token_fetches_today": 3`) {
			t.Errorf("got %d %s; want the status, after a fetch at the start, one by hand, and one for the token that failed", a.code, a.body)
		}
	}
	if second := p.mustAsk("GET", token, "", byAdmin).body; strings.Contains(second, failed) {
		t.Errorf("got %s; want another token", second)
	}
	if a := p.mustSucceed(); a.header.Get("Wxproxy-Attempts") != "1" {
		t.Errorf("got %s attempts; want 1", a.header.Get("Wxproxy-Attempts"))
	}
	if a := p.mustAsk("GET", p.admin+"/debug/pprof/profile?seconds=1", "", byAdmin); a.code != http.StatusOK || !strings.HasPrefix(a.body, "\x1f\x8b") {
		t.Errorf("got %d %.40q; want a profile", a.code, a.body)
	}
	p.stop()
}

func TestTheAccessLogFollowsARequestThrough(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	w.Record()
	p := serving(t, w.URL, "[log]\naccess = true\n"+fourLines)
	p.awaitReady()
	a := p.call("GET", userInfo, "", "X-Request-Id: order-17")
	if got := a.header.Values("X-Request-Id"); len(got) != 1 || got[0] != "order-17" {
		t.Errorf("got the ids %q; want order-17", got)
	}
	p.eventually("the line", func() bool { return len(p.logged("request")) == 1 })
	line := p.logged("request")[0]
	for name, want := range map[string]any{
		"account": "shop", "client": "", "method": "GET", "path": "/cgi-bin/user/info", "status": 200.0, "errcode": 0.0, "attempts": 1.0, "request_id": "order-17",
	} {
		if line[name] != want {
			t.Errorf("%s: got %v; want %v", name, line[name], want)
		}
	}
	if names := fmt.Sprint(line["parameters"]); names != "[openid]" {
		t.Errorf("got the parameters %s; want openid", names)
	}
	if _, err := time.ParseDuration(fmt.Sprint(line["duration"])); err != nil {
		t.Error(err)
	}
	for _, r := range w.Requests() {
		if strings.HasPrefix(r.Target, "/cgi-bin/user/info") && r.Header.Get("X-Request-Id") != "order-17" {
			t.Errorf("got the id %q at WeChat; want order-17", r.Header.Get("X-Request-Id"))
		}
	}
	p.stop()
}

package metrics

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/proxy/traffic/apis"
)

// A label is a path of the table, or other: callers cannot make one.
func TestOnlyDocumentedPathsAreLabels(t *testing.T) {
	c := apis.New()
	k := c.Kind("wechat", []string{"/cgi-bin/user/get"})
	isShown := func([]byte) bool { return true }
	known := k.Find([]byte("/cgi-bin/user/get"), true, isShown)
	for range 4 {
		known.Count(100 * time.Millisecond)
	}
	c.Failed(known, apis.FailedCall{Failure: apis.Failure{Errcode: 40003}})
	c.Failed(known, apis.FailedCall{HTTP: 502})
	for i := range 500 {
		a := k.Find(fmt.Appendf(nil, "/made-up/%d", i), true, isShown)
		a.Count(time.Millisecond)
		c.Failed(a, apis.FailedCall{Failure: apis.Failure{Errcode: 40066}})
	}
	c.Kind("wecom", nil).Find([]byte("/x"), false, isShown).Count(time.Millisecond)
	out := text{}
	out.apis(c.Rows())
	var lines []string
	for _, f := range out {
		for line := range strings.Lines(string(f.lines)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(name, "wxproxy_api_hour_") && strings.HasPrefix(value, "0.09") || strings.HasPrefix(value, "0.10") {
				value = "0.1" // to 10 %
			}
			lines = append(lines, name+" "+value)
		}
	}
	want := map[string]bool{
		`wxproxy_api_requests_total{kind="wechat",path="/cgi-bin/user/get"} 4`:                    true,
		`wxproxy_api_requests_total{kind="wechat",path="other"} 500`:                              true,
		`wxproxy_api_requests_total{kind="wecom",path="other"} 1`:                                 true,
		`wxproxy_api_failures_total{errcode="40003",kind="wechat",path="/cgi-bin/user/get"} 1`:    true,
		`wxproxy_api_failures_total{errcode="http_502",kind="wechat",path="/cgi-bin/user/get"} 1`: true,
		`wxproxy_api_failures_total{errcode="40066",kind="wechat",path="other"} 500`:              true,
		`wxproxy_api_hour_p50_seconds{kind="wechat",path="/cgi-bin/user/get"} 0.1`:                true,
		`wxproxy_api_hour_p95_seconds{kind="wechat",path="/cgi-bin/user/get"} 0.1`:                true,
	}
	slices.Sort(lines)
	if sorted := slices.Sorted(maps.Keys(want)); !slices.Equal(lines, sorted) {
		t.Errorf("got %s\nwant %s", strings.Join(lines, "\n"), strings.Join(sorted, "\n"))
	}
}

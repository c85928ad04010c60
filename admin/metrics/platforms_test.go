package metrics

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wxproxy/platform"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
)

// withPlatform adds a platform that n accounts have authorized.
func withPlatform(s Sources, n int, arrived time.Time) Sources {
	own := s.Accounts()[0]
	own.Name, own.Status = "saas", func() token.Status { return token.Status{State: token.StateGone, Asleep: true} }
	s.Platforms = []Platform{{
		Component: own,
		Status: func() platform.Status {
			return platform.Status{
				Name: "saas", TicketArrived: arrived, ListedAt: time.Unix(1_800_000_000, 0), Waiting: 2,
				Authorizers: map[string]int{platform.StateReady: n, platform.StateFailing: 0, platform.StateNeedsAuthorization: 3, platform.StateUnauthorized: 0},
			}
		},
		Fetches: func() []token.FetchCount { return []token.FetchCount{{Reason: "due", Outcome: "success", N: 17}} },
	}}
	return s
}

func TestMetricsSayHowAPlatformIs(t *testing.T) {
	s := withPlatform(sources(t), 100_000, time.Unix(1_700_000_000, 500_000_000))
	s.Counts = traffic.NewCounts()
	s.Counts.Series("saas/*", "").Count(200)
	text, families := scrape(t, s)
	for _, want := range []string{
		`platform_ticket_timestamp_seconds{platform="saas"} 1.7000000005e+09`,
		`platform_list_timestamp_seconds{platform="saas"} 1.8e+09`,
		`platform_events_waiting{platform="saas"} 2`,
		`platform_authorizers{platform="saas",state="ready"} 100000`,
		`platform_authorizers{platform="saas",state="needs_authorization"} 3`,
		`platform_authorizers{platform="saas",state="unauthorized"} 0`,
		`platform_authorizers{platform="saas",state="failing"} 0`,
		`token_fetches_total{account="saas/*",outcome="success",reason="due"} 17`,
		// from the start on
		`token_fetches_total{account="saas/*",outcome="account",reason="due"} 0`,
		`token_fetches_total{account="saas",outcome="configuration",reason="start"} 0`,
		`requests_total{account="saas/*",client="",status="200"} 1`,
		`requests_total{account="saas/*",client="",status="503"} 0`,
		`requests_total{account="saas",client="",status="503"} 0`,
		`upstream_errcodes_total{account="saas/*",errcode="45009"} 0`,
		`retries_total{account="saas/*",errcode="40001",outcome="refused"} 0`,
	} {
		if strings.Count(text, "\nwxproxy_"+want+"\n") != 1 {
			t.Errorf("got not once %s", want)
		}
	}
	for _, m := range families["wxproxy_token_expiry_timestamp_seconds"].GetMetric() {
		if name := m.GetLabel()[0].GetValue(); strings.HasPrefix(name, "saas") {
			t.Errorf("got an expiry of %s, whose token nobody wants", name)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestAPlatformHasAsManySeriesWhoeverAuthorizedIt(t *testing.T) {
	few, _ := scrape(t, withPlatform(sources(t), 1, time.Time{}))
	many, _ := scrape(t, withPlatform(sources(t), 100_000, time.Time{}))
	if got, want := strings.Count(many, "\n"), strings.Count(few, "\n"); got != want {
		t.Errorf("got %d lines; want %d", got, want)
	}
	if want := "\nwxproxy_platform_ticket_timestamp_seconds{platform=\"saas\"} 0\n"; !strings.Contains(few, want) {
		t.Errorf("without a ticket got no %s", fmt.Sprintf("%q", want))
	}
	if without, _ := scrape(t, sources(t)); strings.Contains(without, "wxproxy_platform") {
		t.Error("without a platform got series of one")
	}
}

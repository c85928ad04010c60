package metrics

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"wxproxy/push"
	"wxproxy/push/inbox"
)

func pushSources(t *testing.T) Sources {
	t.Helper()
	s := sources(t)
	s.Pushes = &Pushes{
		Accounts: []string{"shop", "blog"},
		Snapshot: func() push.Snapshot {
			return push.Snapshot{
				Pushes: map[push.Count]uint64{
					{Account: "shop", Type: "text", Outcome: "answered"}: 4, {Account: "shop", Type: "text", Outcome: "failed"}: 1,
					{Account: "shop", Type: "event:CLICK", Outcome: "async"}: 2, {Account: "", Type: "", Outcome: "refused"}: 3,
					{Account: "shop", Outcome: "refused"}: 5,
				},
				Refusals:  map[push.Refusal]uint64{{Account: "shop", Reason: "signature"}: 5, {Account: "", Reason: "name"}: 3},
				Dropped:   map[string]uint64{"shop": 6},
				Durations: push.Durations{Counts: [13]uint64{5, 0, 1, 12: 1}, Total: 20 * time.Second},
			}
		},
		Inbox: func(context.Context) (inbox.State, error) {
			return inbox.State{Waiting: map[string]int{"shop": 2, "blog": 1}, Failed: map[string]int{"shop": 7}, Oldest: time.Now().Add(-time.Hour), Bytes: 100, Max: 1000, Lost: 2}, nil
		},
	}
	return s
}

func TestMetricsSayWhatBecameOfPushes(t *testing.T) {
	text, families := scrape(t, pushSources(t))
	for _, want := range []string{
		`pushes_total{account="shop",outcome="answered",type="text"} 4`,
		`pushes_total{account="shop",outcome="failed",type="text"} 1`,
		`pushes_total{account="shop",outcome="async",type="event:CLICK"} 2`,
		`pushes_total{account="shop",outcome="failed",type="event:CLICK"} 0`, // an alert looks for it
		`pushes_total{account="shop",outcome="refused",type=""} 5`,
		`pushes_total{account="blog",outcome="refused",type=""} 0`,
		`pushes_total{account="",outcome="refused",type=""} 3`,
		`push_refusals_total{account="shop",reason="signature"} 5`,
		`push_refusals_total{account="blog",reason="signature"} 0`,
		`push_refusals_total{account="",reason="name"} 3`,
		`push_copies_dropped_total{account="shop"} 6`,
		`push_copies_dropped_total{account="blog"} 0`,
		`push_duration_seconds_bucket{le="0.001"} 5`,
		`push_duration_seconds_bucket{le="10"} 6`,
		`push_duration_seconds_count 7`,
		`push_inbox 3`, `push_inbox_failed 7`, `push_inbox_lost_total 2`, `push_inbox_bytes 100`, `push_inbox_max_bytes 1000`,
	} {
		if strings.Count(text, "\nwxproxy_"+want+"\n") != 1 {
			t.Errorf("got not once %s", want)
		}
	}
	if oldest := families["wxproxy_push_inbox_oldest_seconds"].GetMetric()[0].GetGauge().GetValue(); oldest < 3600 || oldest > 3700 {
		t.Errorf("got the oldest of %v s; want an hour", oldest)
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestAnInboxThatCannotBeAskedHasNoSeries(t *testing.T) {
	s := pushSources(t)
	s.Pushes.Inbox = func(context.Context) (inbox.State, error) { return inbox.State{}, errors.New("Redis is away") }
	if text, _ := scrape(t, s); strings.Contains(text, "\nwxproxy_push_inbox") || !strings.Contains(text, "\nwxproxy_pushes_total") {
		t.Errorf("got %s", text)
	}
	if text, _ := scrape(t, sources(t)); strings.Contains(text, "wxproxy_push") {
		t.Error("without pushes got series of them")
	}
}

func TestAnEmptyInboxHasNoOldest(t *testing.T) {
	s := pushSources(t)
	s.Pushes.Inbox = func(context.Context) (inbox.State, error) { return inbox.State{}, nil }
	if text, _ := scrape(t, s); !strings.Contains(text, "\nwxproxy_push_inbox_oldest_seconds 0\n") || !strings.Contains(text, "\nwxproxy_push_inbox 0\n") {
		t.Errorf("got %s", text)
	}
}

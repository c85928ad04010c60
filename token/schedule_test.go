package token

import (
	"testing"
	"time"
)

func TestRefreshFallsIntoTheWindowBeforeExpiry(t *testing.T) {
	for _, test := range []struct {
		name         string
		life, before time.Duration
		random       float64
		want         time.Duration
	}{
		{"two hours, earliest", 2 * time.Hour, 5 * time.Minute, 0, 115 * time.Minute},
		{"two hours, half of the jitter", 2 * time.Hour, 5 * time.Minute, 0.5, 116 * time.Minute},
		{"an hour before", 2 * time.Hour, time.Hour, 0, time.Hour},
		{"a minute to live", time.Minute, 5 * time.Minute, 0, 30 * time.Second},
		{"a minute to live, half of the jitter", time.Minute, 5 * time.Minute, 0.5, 36 * time.Second},
		{"as long as the window", 5 * time.Minute, 5 * time.Minute, 0, 150 * time.Second},
		{"345 s, the manual's example", 345 * time.Second, 5 * time.Minute, 0, 172500 * time.Millisecond},
		{"one second", time.Second, 5 * time.Minute, 0, time.Second},
		{"nothing left", 0, 5 * time.Minute, 0.5, time.Second},
		{"long expired", -time.Hour, 5 * time.Minute, 0.5, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := refreshAfter(test.life, test.before, test.random); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func TestRefreshIsNeverEarlierThanTheWindowAndNeverAfterExpiry(t *testing.T) {
	for life := 2 * time.Second; life < 3*time.Hour; life += 7 * time.Second {
		for _, random := range []float64{0, 0.3, 0.999999} {
			got := refreshAfter(life, 5*time.Minute, random)
			if got < life-5*time.Minute || got < life/2 || got >= life {
				t.Errorf("life %v, random %v: got %v; want it in the last five minutes or half, before the end", life, random, got)
			}
		}
	}
}

func TestARepeatedTokenIsAskedForAgainSoonButNotAtOnce(t *testing.T) {
	for _, test := range []struct {
		name         string
		left, before time.Duration
		random       float64
		want         time.Duration
	}{
		{"a moment too early", 301 * time.Second, 5 * time.Minute, 0, 10 * time.Second},
		{"a moment too early, half of the jitter", 301 * time.Second, 5 * time.Minute, 0.5, 15 * time.Second},
		{"an hour too early", time.Hour, time.Hour, 0, 55 * time.Minute},
		{"wanted in the last minute", time.Hour, time.Minute, 0, 59 * time.Minute},
		{"nearly expired", 4 * time.Second, 5 * time.Minute, 0.5, 4 * time.Second},
		{"as good as expired", time.Millisecond, 5 * time.Minute, 0, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := repeatAfter(test.left, test.before, minRepeat, test.random); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func TestRetriesBackOffByClass(t *testing.T) {
	for _, test := range []struct {
		name     string
		class    Class
		failures int
		random   float64
		want     time.Duration
	}{
		{"transient, first", ClassTransient, 1, 0, time.Second},
		{"transient, second", ClassTransient, 2, 0, 2 * time.Second},
		{"transient, sixth", ClassTransient, 6, 0, 32 * time.Second},
		{"transient, seventh", ClassTransient, 7, 0, time.Minute},
		{"transient, after a week", ClassTransient, 1 << 40, 0, time.Minute},
		{"transient, half of the jitter", ClassTransient, 7, 0.5, 66 * time.Second},
		{"configuration, first", ClassConfiguration, 1, 0, time.Minute},
		{"configuration, fifth", ClassConfiguration, 5, 0, 16 * time.Minute},
		{"configuration, sixth", ClassConfiguration, 6, 0, 30 * time.Minute},
		{"quota, first", ClassQuota, 1, 0, time.Minute},
		{"quota, half of the jitter", ClassQuota, 9, 0.5, 33 * time.Minute},
		{"account, first", ClassAccount, 1, 0, time.Minute},
		{"none yet", ClassTransient, 0, 0, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := IssuerOfWeChat.Pacing.retryAfter(test.class, test.failures, test.random); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func TestDaysEndAtMidnightInBeijing(t *testing.T) {
	before := time.Date(2026, 3, 1, 15, 59, 59, 0, time.UTC)
	if got, want := BeijingDay(before.Add(time.Second)), BeijingDay(before)+1; got != want {
		t.Errorf("16:00 UTC is day %d; want %d", got, want)
	}
	if got, want := BeijingDay(before.Add(-23*time.Hour)), BeijingDay(before); got != want {
		t.Errorf("23 hours before the end is day %d; want %d", got, want)
	}
}

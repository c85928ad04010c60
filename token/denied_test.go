package token

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestARefusedAppSecretIsToldWhileTheTokenGoesOn(t *testing.T) {
	for _, test := range []struct {
		code   int
		errmsg string
		remedy string // empty: it says nothing of the AppSecret
	}{
		{40125, "invalid appsecret, rid: 1", "check secret"},
		{40164, "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist", "203.0.113.7"},
		{61004, "access clientip is not registered requestIP: 203.0.113.7", "203.0.113.7"},
		{40243, "appsecret is frozen", "unfreeze"},
		{40013, "invalid appid", "check app_id"},
		{50002, "user limited", "restricted"},
		{89503, "needs the confirmation of the admin", "administrator"},
		{40029, "invalid code", ""},
		{40163, "code been used", ""},
		{45011, "api minute-quota reach limit", ""},
		{-1, "system error", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWeChat{}
			var log strings.Builder
			k := newKeeper(w, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			k.Start()
			wantToken(t, k, "token-1")
			plan := k.Status().NextRefresh
			for range 100 {
				k.SecretRefused(test.code, test.errmsg)
				time.Sleep(time.Second)
			}
			synctest.Wait()
			s := k.Status()
			if s.State != StateFresh || !s.NextRefresh.Equal(plan) {
				t.Errorf("%d: got %+v; want the token to go on", test.code, s)
			}
			e := IssuerOfWeChat.Explain(s.LastError)
			if told := test.remedy != ""; told != (s.LastError != nil) || told && (e.Code != test.code || !strings.Contains(e.Remedy, test.remedy)) {
				t.Errorf("%d: got %+v; want %q", test.code, e, test.remedy)
			}
			want := 0
			if test.remedy != "" {
				want = 1
			}
			if got := strings.Count(log.String(), "level=WARN"); got != want {
				t.Errorf("%d: got %d warnings; want %d: %s", test.code, got, want, log.String())
			}
			if got := k.Denials(); len(got) != want || want > 0 && got[0] != (DenialCount{test.code, 100}) {
				t.Errorf("%d: got %v; want each counted", test.code, got)
			}
			k.SecretAccepted()
			if s := k.Status(); s.LastError != nil {
				t.Errorf("%d: after a request that went well: got %v", test.code, s.LastError)
			}
			wantFetches(t, w, 1)
			k.Stop()
		})
	}
}

func TestAFetchThatSucceedsEndsWhatWasSaidOfTheAppSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeeper(&fakeWeChat{})
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		k.SecretRefused(40164, "invalid ip")
		time.Sleep(time.Minute)
		if _, err := k.Refresh("", time.Minute); err != nil || k.Status().LastError != nil {
			t.Errorf("got %v and %v; want neither", err, k.Status().LastError)
		}
	})
}

func TestARefreshByHandEndsWhatWasSaidOfTheAppSecretAlsoWhileTheTokenIsYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		w := &fakeWeChat{}
		k := newKeeper(w, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		k.Start()
		wantToken(t, k, "token-1")
		k.SecretRefused(40125, "invalid appsecret")
		if _, err := k.Refresh("", time.Minute); err != nil || k.Status().LastError != nil {
			t.Errorf("got %v and %v; want neither", err, k.Status().LastError)
		}
		wantFetches(t, w, 2)
		k.Stop()
		if !strings.Contains(log.String(), "accepts the AppSecret again") {
			t.Errorf("got %s; want a line that it is over", log.String())
		}
	})
}

// An answer about the code that a login came with, or about a quota, is one for who
// has shown the right AppSecret.
func TestAnAnswerThatFollowsTheAppSecretEndsWhatWasSaidOfIt(t *testing.T) {
	for errcode, ends := range map[int]bool{40029: true, 40163: true, 45011: true, 48006: true, 41008: true, 40226: true, -1: false, 40164: false, 45009: false} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeeper(&fakeWeChat{})
			defer k.Stop()
			k.Start()
			wantToken(t, k, "token-1")
			k.SecretRefused(40125, "invalid appsecret")
			k.SecretRefused(errcode, "whatever")
			if got := k.Status().LastError; (got == nil) != ends {
				t.Errorf("%d: got %v; want none: %v", errcode, got, ends)
			}
		})
	}
}

func TestAnotherAppSecretIsTriedAtOnceAlsoWhileTheTokenIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeChat{}
		var changed atomic.Bool
		k := newKeeper(w, func(o *Options) { o.SecretChanged = changed.Load })
		defer k.Stop()
		k.Start()
		wantToken(t, k, "token-1")
		k.SecretRefused(40125, "invalid appsecret")
		time.Sleep(time.Minute)
		wantFetches(t, w, 1)
		changed.Store(true)
		time.Sleep(2 * secretLook)
		if s := k.Status(); s.LastError != nil || w.fetches() != 2 {
			t.Errorf("got %+v, %d fetches; want the new one tried", s, w.fetches())
		}
	})
}

func TestWhoeverRepairedTheAllowListDoesNotWaitForTheBackOff(t *testing.T) {
	for _, err := range []error{&Refusal{Code: 40164, Reason: "invalid ip"}, &Refusal{Code: 40125, Reason: "invalid appsecret"}} {
		synctest.Test(t, func(t *testing.T) {
			w := &fakeWeChat{err: err}
			k := newKeeper(w)
			defer k.Stop()
			k.Start()
			time.Sleep(time.Hour)
			before := w.fetches()
			for range 60 { // through another way out, which is on the list
				k.SecretAccepted()
				time.Sleep(time.Second)
			}
			if got := w.fetches() - before; got > 3 {
				t.Errorf("got %d fetches in a minute; want few", got)
			}
			time.Sleep(31 * time.Second)
			w.fail(nil)
			k.SecretAccepted()
			synctest.Wait()
			if s := k.Status(); s.State != StateFresh || s.LastError != nil {
				t.Errorf("got %+v; want the token fetched", s)
			}
		})
	}
}

func TestRefusalsByTurnsAreNotLoggedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		k := newKeeper(&fakeWeChat{}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		k.Start()
		wantToken(t, k, "token-1")
		for range 600 {
			k.SecretRefused(40164, "invalid ip")
			k.SecretAccepted()
			time.Sleep(time.Second)
		}
		k.Stop()
		if got := strings.Count(log.String(), "AppSecret"); got > 4 {
			t.Errorf("got %d lines in 10 minutes; want few", got)
		}
	})
}

func TestARefusedAppSecretIsNotSaidToLeaveATokenThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		k := newKeeper(&fakeWeChat{err: errAway}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		defer k.Stop()
		k.Start()
		synctest.Wait()
		k.SecretRefused(40125, "invalid appsecret")
		if got := log.String(); strings.Contains(got, "token goes on") || !strings.Contains(got, "there is no token either") {
			t.Errorf("got %s; want that there is no token", got)
		}
	})
}

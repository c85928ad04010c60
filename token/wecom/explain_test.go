package wecom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"wxproxy/internal/meanings"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

func TestRemediesAreWritten(t *testing.T) {
	all := map[string]remedy{"manyWrong": manyWrong, "deadToken": deadToken, "diedSoon": diedSoon, "successorLate": successorLate, "storeAway": storeAway,
		"secretPause": secretPause, "restPause": restPause, "manyWrongPause": manyWrongPause, "unknownRefusal": unknownRefusal, "unknownCall": unknownCall}
	for row := range meanings.WeCom.All() {
		if slices.Contains([]string{meanings.Token, meanings.Ticket, meanings.Call}, row.Situation) {
			all[fmt.Sprint(row.Situation, " ", row.Code)] = remedy{token.Class(row.Class), row.Remedy, row.RemedyZH}
		}
	}
	for trouble := asking.Other; trouble <= asking.LostConnection; trouble++ {
		row, ok := troubles[trouble]
		if !ok {
			t.Errorf("trouble %d has no remedy", trouble)
		}
		all[fmt.Sprint("trouble ", trouble)] = row
	}
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	for _, name := range slices.Sorted(maps.Keys(all)) {
		row := all[name]
		switch {
		case !slices.Contains([]token.Class{token.ClassTransient, token.ClassConfiguration, token.ClassQuota, token.ClassAccount}, row.class):
			t.Errorf("%s: got the class %q", name, row.class)
		case row.en == "" || !strings.ContainsFunc(row.zh, isHan):
			t.Errorf("%s: got %+v; want it in both languages", name, row)
		case regexp.MustCompile(`WeChat|微信`).MatchString(strings.ReplaceAll(row.en+row.zh, "企业微信", "")):
			t.Errorf("%s: %q is about WeChat", name, row.en+row.zh)
		}
	}
}

// The same numbers mean other things at WeChat.
func TestWhatErrcodesSayOfATokenAndASecret(t *testing.T) {
	issuer := NewIssuer()
	for code, want := range map[int]token.Verdict{
		40014: token.Dead, 42001: token.Dead, 40001: token.Unclear, 40082: token.Unclear, 42007: token.Unclear, 42009: token.Unclear,
		0: token.Alive, 45009: token.Alive, 45033: token.Alive, 48002: token.Alive, 60020: token.Alive, -1: token.Unclear, 50003: token.Unclear,
	} {
		if got := issuer.OfToken(code); got != want {
			t.Errorf("%d: got %v; want %v", code, got, want)
		}
		if issuer.OfSecret(code) != token.Unclear {
			t.Errorf("%d says something of a secret that no API but gettoken takes", code)
		}
	}
	for code, want := range map[int]bool{40001: true, 40013: true, 40091: true, 45009: false, 50003: false, 42001: false} {
		if got := issuer.BlamesSecret(&token.Refusal{Code: code}); got != want {
			t.Errorf("%d: got %v; want %v", code, got, want)
		}
	}
}

func TestExplanations(t *testing.T) {
	paused := &token.Paused{Cause: &token.Refusal{Code: 40091, Reason: "x"}, Until: time.Now()}
	for name, row := range map[string]struct {
		err    error
		class  token.Class
		remedy string
		local  bool
	}{
		"a wrong secret":         {&token.Refusal{Code: 40001, Reason: "x"}, token.ClassConfiguration, "check secret", true},
		"a wrong corp":           {&token.Refusal{Code: 40013, Reason: "x"}, token.ClassConfiguration, "check corp_id", true},
		"a pause":                {paused, token.ClassConfiguration, "another corp's", true},
		"its end":                {paused, token.ClassConfiguration, "; until 20", true},
		"what ends it":           {paused, token.ClassConfiguration, "nor a refresh by hand ends that, another secret does", true},
		"a rest":                 {&token.Paused{Cause: &token.Refusal{Code: 45009, Reason: "x"}, Asked: true}, token.ClassQuota, "no token is asked for: neither a reload", false},
		"the process's limit":    {&token.Paused{Cause: errManyWrong}, token.ClassQuota, "the limit is that of the whole process", true},
		"what calls meet":        {&token.Refusal{Code: 301002, API: "a call", Reason: "x"}, token.ClassConfiguration, "another application's", true},
		"too often":              {&token.Refusal{Code: 45009, Reason: "x"}, token.ClassQuota, "checkCorpSpamBlock", false},
		"too often for a ticket": {&token.Refusal{Code: 45009, Reason: "x", Ticket: true}, token.ClassQuota, "400 of a corp", false},
		"a strange address":      {&token.Refusal{Code: 60020, Reason: "from ip: 192.0.2.1, more"}, token.ClassConfiguration, "put 192.0.2.1 on", true},
		"the same for a ticket":  {&token.Refusal{Code: 60020, Reason: "from ip: , more", Ticket: true}, token.ClassConfiguration, "put this machine's public IP address on", true},
		"an unknown errcode":     {&token.Refusal{Code: 1234567, Reason: "x"}, token.ClassConfiguration, "look up", true},
		"a disabled application": {&token.Refusal{Code: 50003, Reason: "x"}, token.ClassAccount, "enable the application", false},
		"the budget":             {&token.Paused{Cause: errManyWrong}, token.ClassQuota, "correct the secrets", true},
		"busy":                   {&token.Refusal{Code: -1, Reason: "x"}, token.ClassTransient, "busy", false},
		"late":                   {asking.Failed(issuerName, "token", context.DeadlineExceeded), token.ClassTransient, "firewall", false},
		"DNS":                    {asking.Failed(issuerName, "token", &net.DNSError{Err: "no such host"}), token.ClassTransient, "upstream.wecom.url", false},
		"no connection":          {asking.Failed(issuerName, "token", syscall.ECONNREFUSED), token.ClassTransient, "cannot be reached", false},
		"resting":                {token.ErrResting, token.ClassAccount, "half a minute", false},
		"for want of a token":    {&token.Unavailable{Cause: paused}, token.ClassConfiguration, "another corp's", true},
		"explained before":       {&token.Unavailable{Why: token.Explanation{Class: token.ClassQuota, Remedy: "as said"}, Cause: paused}, token.ClassQuota, "as said", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(row.err)
			if got.Class != row.class || !strings.Contains(got.Remedy, row.remedy) || got.Local != row.local {
				t.Errorf("got %+v; want %s, %q, %v", got, row.class, row.remedy, row.local)
			}
		})
	}
	if got := Explain(nil); got != (token.Explanation{}) {
		t.Errorf("nothing: got %+v", got)
	}
}

// What a caller is told names WeCom.
func TestACallerIsToldOfWeCom(t *testing.T) {
	w := newFake()
	k := keeper(w.client(guard(nil), "wrong"), nil)
	defer k.Stop()
	_, err := k.Token(5 * time.Second)
	unavailable, ok := errors.AsType[*token.Unavailable](err)
	if !ok || !strings.Contains(err.Error(), "WeCom answered errcode 40001: invalid credential") || strings.Contains(err.Error(), "WeChat") {
		t.Fatalf("got %v; want WeCom's errcode", err)
	}
	if retry := unavailable.RetryAfter(); retry < 4*time.Minute || retry > 6*time.Minute {
		t.Errorf("got %v to wait; want five minutes", retry)
	}
}

// Lines of the log, and what callers are told, name the side that was asked, whatever
// becomes of an account's token.
func TestLinesOfTheLogNameWeCom(t *testing.T) {
	var log bytes.Buffer
	var told []error
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		k := token.NewKeeper(withLog(w.client(guard(nil), "right"), &log))
		k.Start()
		wantToken(t, k, "token-1")
		time.Sleep(time.Minute)
		_, _ = k.Replace("token-1", time.Minute) // which WeCom stands by
		time.Sleep(time.Minute)
		w.set(func() { w.dead, w.stubborn = true, true })
		_, err := k.Replace("token-1", time.Minute) // which is dead, and there is no other
		told = append(told, err, k.Status().LastError)
		w.set(func() { w.dead, w.stubborn = false, false })
		time.Sleep(time.Second)
		k.Accepted("token-1", time.Now())
		time.Sleep(time.Minute)
		told = append(told, k.ReplaceByForce(time.Minute))
		w.set(func() { w.dead, w.holds = true, time.Minute })
		_, err = k.Replace("token-1", time.Second)
		told = append(told, err)
		time.Sleep(10 * time.Minute)
		k.Stop()
	})
	for _, want := range []string{
		"WeCom refused the token in an answer, but a probe shows that it is good: WeCom is flapping", "the token is dead and WeCom has no other", "WeCom honours the token again",
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got no line %q", want)
		}
	}
	for _, err := range told {
		if err != nil {
			fmt.Fprintln(&log, err)
		}
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "WeChat") || strings.Contains(line, "{issuer}") {
			t.Errorf("got %s", line)
		}
	}
}

// withLog returns the options of a Keeper whose lines go to log.
func withLog(c *Client, log io.Writer) token.Options {
	return token.Options{
		Name: "crm", AppID: c.Key.AppID, Fetch: c.Fetch, Probe: c.Probe, SecretChanged: c.SecretChanged, Issuer: NewIssuer(),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

package metrics

import (
	"strings"
	"testing"
	"time"

	"wxproxy/token"
)

func TestAnApplicationOfWeComsThatIsPausedAndWhatItsCallsMeet(t *testing.T) {
	s := sources(t)
	before := s.Accounts
	paused := token.Status{State: token.StateGone, LastError: &token.Paused{Until: time.Now().Add(time.Minute), Cause: &token.Refusal{Code: 40001}}}
	over := token.Status{State: token.StateGone, LastError: &token.Paused{Until: time.Now().Add(-time.Minute), Cause: &token.Refusal{Code: 40001}}}
	of := func(name string, status token.Status) Account {
		return Account{Name: name, Status: func() token.Status { return status }, Fetches: func() []token.FetchCount { return nil }, Denials: func() []token.DenialCount { return nil },
			Pauses: true, Refusals: []int{60020}}
	}
	s.Accounts = func() []Account { return append(before(), of("typo", paused), of("crm", over)) }
	s.WrongSecrets = func() int { return 3 }
	text, _ := scrape(t, s)
	for _, want := range []string{
		`wxproxy_token_paused{account="typo"} 1`, `wxproxy_token_paused{account="crm"} 0`, "wxproxy_wecom_wrong_secrets 3",
		`wxproxy_upstream_errcodes_total{account="crm",errcode="60020"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("got no %s", want)
		}
	}
	if strings.Contains(text, `wxproxy_token_paused{account="shop"}`) || strings.Contains(text, `{account="shop",errcode="60020"}`) {
		t.Error("WeChat's accounts have them")
	}
	if text, _ := scrape(t, sources(t)); strings.Contains(text, "wrong_secrets") {
		t.Error("without WeCom its secrets are told of")
	}
}

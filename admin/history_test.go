package admin

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxproxy/token"
	"wxproxy/token/history"
)

// withHistory returns an Admin whose account "shop" has a history.
func withHistory(err error) *Admin {
	a := newAdmin()
	now := time.Now().UTC()
	event := func(ago time.Duration, outcome token.Outcome, reason string) history.Event {
		return history.Event{At: now.Add(-ago), LastAt: now.Add(-ago), Times: 1, Outcome: outcome, Reason: reason, Process: "host-<1>"}
	}
	refused, dead, ticket := event(time.Hour, token.OutcomeFailed, "due"), event(2*time.Hour, token.OutcomeDead, "refused"), event(3*time.Hour, token.OutcomeFailed, "start")
	refused.Errcode, refused.Errmsg, refused.Times, refused.At = 40164, "invalid ip 203.0.113.7 <b>", 1204, now.Add(-26*time.Hour)
	dead.Errmsg = "it repeats a dead token"
	ticket.Ticket, ticket.Errcode, ticket.Errmsg = "jsapi", 999_999_999, "an errcode that nobody knows"
	for i := range a.Accounts {
		if a.Accounts[i].Name == "shop" {
			a.Accounts[i].Kind = "wechat"
			a.Accounts[i].History = func() ([]history.Event, error) {
				return []history.Event{event(time.Minute, token.OutcomeRefreshed, "asked"), refused, dead, ticket}, err
			}
		}
	}
	return a
}

func TestThePageOfAnAccountTellsWhatCameOfItsFetches(t *testing.T) {
	t.Parallel()
	page := open(t, withHistory(nil), "/account?name=shop")
	mustShow(t, page, "<h1>wxproxy: shop</h1>", `id="account-shop"`, "What came of fetches in the last week", ">refreshed<", "an operator asked", "host-&lt;1&gt;",
		">failed <small>1,204 times since ", "invalid ip 203.0.113.7 &lt;b&gt;", "<b>40164</b> ", "What to do:", "put 203.0.113.7 on",
		"the same token, which is dead", "it repeats a dead token", "jsapi ticket", "an errcode that nobody knows")
	chinesePage := open(t, withHistory(errors.New("away")), "/account?name=shop&lang=zh")
	mustShow(t, chinesePage, `href="?lang=en&amp;name=shop"`, "token 存储没有应答", "最近一周获取", "1,204 次，始于", "处理办法")
	mustShow(t, chinesePage, "203.0.113.7 加入")
	mustShow(t, open(t, withHistory(history.ErrUnstored), "/account?name=shop"), "The last events are not stored yet")
	mustShow(t, open(t, newAdmin(), "/account?name=shop"), "Nothing was fetched.")
	mustShow(t, open(t, newAdmin(), "/"), `<a href="account?lang=en&amp;name=shop">shop</a>`)
	for _, name := range []string{"", "nobody", "%00"} {
		if w := ask(newAdmin(), "GET", "/account?name="+name, ""); w.Code != http.StatusNotFound {
			t.Errorf("%q: got %d; want 404", name, w.Code)
		}
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[id[1]] {
			t.Errorf("got the id %s twice", id[1])
		}
		ids[id[1]] = true
	}
}

func TestTheHistoryOfAnAccountIsTold(t *testing.T) {
	t.Parallel()
	got := ask(withHistory(errors.New("the store is away")), "GET", "/accounts/shop/history", "").Body.String()
	for _, want := range []string{`"account": "shop"`, `"outcome": "failed"`, `"times": 1204`, `"errcode": 40164`, `"problem": "the store is away"`} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want %s", got, want)
		}
	}
	if got := ask(newAdmin(), "GET", "/accounts/shop/history", "").Body.String(); !strings.Contains(got, `"events": []`) {
		t.Errorf("got %s; want no events", got)
	}
}

// Every word that a keeper reports has words on the page.
func TestThePageHasWordsForWhatIsReported(t *testing.T) {
	t.Parallel()
	for _, outcome := range []token.Outcome{token.OutcomeRefreshed, token.OutcomeUnchanged, token.OutcomeDead, token.OutcomeFailed} {
		if words := outcomeWords[outcome]; words[english] == "" || words[chinese] == "" {
			t.Errorf("%s: got no words", outcome)
		}
	}
	for _, reason := range []string{"start", "due", "refused", "asked", "forced"} {
		if words := causeWords[reason]; words[english] == "" || words[chinese] == "" {
			t.Errorf("%s: got no words", reason)
		}
	}
}

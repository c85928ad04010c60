package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/secret"
	"wxproxy/push"
	"wxproxy/push/inbox"
)

// received is when the pushes of the tests came.
var received = time.Date(2026, 11, 20, 20, 30, 15, 123, time.FixedZone("Beijing", 8*60*60))

// withPushes returns an Admin whose account "shop" has pushes, and "club" has none. What
// is retried is noted in retried.
func withPushes(retried *[]string) *Admin {
	a := newAdmin()
	a.Accounts = append(a.Accounts, account("club", fresh()))
	failures := []inbox.Failure{
		{ID: "0123456789abcdef0123456789abcdef", Account: "shop", Forward: "chat", Type: "text", Received: received, Attempts: 90, LastError: "the program answered 500"},
		{ID: "fedcba", Account: "shop", Type: "event:<b>", Received: received.Add(-time.Hour), Attempts: 2, LastError: "no answer"},
	}
	a.Pushes = &Pushes{
		Status: func(account string) (push.Status, bool) {
			if account != "shop" {
				return push.Status{}, false
			}
			return push.Status{LastAt: received, Today: 1234, LastFailure: &push.Failure{At: received, Words: "no answer within 4.5s"}}, true
		},
		Hour: func() []push.Minute {
			minutes := make([]push.Minute, 60)
			minutes[59] = push.Minute{Start: received, Taken: 7, Failed: 2, Refused: 1}
			return minutes
		},
		Inbox: func(context.Context) (inbox.State, error) {
			return inbox.State{Waiting: map[string]int{"shop": 3}, Failed: map[string]int{"shop": 2}, Oldest: time.Now().Add(-time.Minute), Bytes: 5, Max: 1 << 30}, nil
		},
		Failed: func(context.Context) ([]inbox.Failure, error) { return failures, nil },
		Retry: func(_ context.Context, id string) (bool, error) {
			if retried != nil {
				*retried = append(*retried, id)
			}
			return true, nil
		},
	}
	return a
}

func TestStatusTellsHowPushesAre(t *testing.T) {
	a := withPushes(nil)
	text := canonical(t, ask(a, "GET", "/status", "").Body.String())
	const want = `"pushes":{"failed":2,"last_at":"2026-11-20T12:30:15Z","last_failure":{"at":"2026-11-20T12:30:15Z","words":"no answer within 4.5s"},"today":1234,"waiting":3}`
	if !strings.Contains(text, want) || strings.Count(text, `"pushes"`) != 1 {
		t.Errorf("got %s; want %s of one account", text, want)
	}
	a.Pushes.Inbox = func(context.Context) (inbox.State, error) { return inbox.State{}, errors.New("Redis is away") }
	if text = canonical(t, ask(a, "GET", "/status", "").Body.String()); !strings.Contains(text, `"waiting":null`) || strings.Contains(text, "away") {
		t.Errorf("without an inbox got %s", text)
	}
	if text = ask(newAdmin(), "GET", "/status", "").Body.String(); strings.Contains(text, "pushes") {
		t.Errorf("without pushes got %s", text)
	}
}

// What waits for an account that was renamed or removed is not out of sight.
func TestAccountsThatOnlyTheInboxKnowsAreShown(t *testing.T) {
	a := withPushes(nil)
	oldest := time.Now().Add(-time.Minute)
	a.Pushes.Inbox = func(context.Context) (inbox.State, error) {
		return inbox.State{Waiting: map[string]int{"shop": 3, "gone": 4}, Failed: map[string]int{"shop": 2, "<old>": 1, "club": 0}, Oldest: oldest, Bytes: 5, Max: 7, Lost: 6}, nil
	}
	text := canonical(t, ask(a, "GET", "/status", "").Body.String())
	want := `"inbox":{"bytes":5,"failed":3,"lost":6,"max":7,"oldest_at":"` + oldest.UTC().Format(time.RFC3339) +
		`","other_accounts":[{"failed":1,"name":"\u003cold\u003e","waiting":0},{"failed":0,"name":"gone","waiting":4}],"waiting":7}`
	if !strings.Contains(text, want) {
		t.Errorf("got %s; want %s", text, want)
	}
	page := ask(a, "GET", "/?lang=en", "").Body.String()
	for _, want := range []string{`id="pushes-gone"`, `id="pushes-&lt;old&gt;"`, "not configured any more"} {
		if !strings.Contains(page, want) {
			t.Errorf("got no %s", want)
		}
	}
	a.Pushes.Inbox = func(context.Context) (inbox.State, error) { return inbox.State{}, errors.New("Redis is away") }
	if text := ask(a, "GET", "/status", "").Body.String(); strings.Contains(text, `"inbox"`) {
		t.Errorf("without an inbox got %s", text)
	}
}

func TestFailedPushesAreListedNewestFirst(t *testing.T) {
	mustAnswer(t, ask(withPushes(nil), "GET", "/pushes/failed", ""), http.StatusOK, `{"failed":[
		{"id":"0123456789abcdef0123456789abcdef","account":"shop","forward":"chat","type":"text","received_at":"2026-11-20T12:30:15Z","attempts":90,"last_error":"the program answered 500"},
		{"id":"fedcba","account":"shop","forward":"","type":"event:<b>","received_at":"2026-11-20T11:30:15Z","attempts":2,"last_error":"no answer"}]}`)
	mustAnswer(t, ask(newAdmin(), "GET", "/pushes/failed", ""), http.StatusOK, `{"failed":[]}`)
	a := withPushes(nil)
	a.Pushes.Failed = func(context.Context) ([]inbox.Failure, error) { return nil, errors.New("Redis is away") }
	mustAnswer(t, ask(a, "GET", "/pushes/failed", ""), http.StatusServiceUnavailable, `{"error":"the inbox of pushes cannot be asked now; the log says why"}`)
}

func TestAFailedPushIsRetried(t *testing.T) {
	const path = "/pushes/failed/fedcba/retry"
	for _, row := range []struct {
		name, method, path, authorization string
		code                              int
		said                              string
	}{
		{"with the key", "POST", path, "Bearer " + key, http.StatusOK, `action=retry_push key=admin.key client="" account=shop address=192.0.2.1 outcome=done`},
		{"another id", "POST", "/pushes/failed/made-up/retry", "Bearer " + key, http.StatusNotFound, ""},
		{"no id", "POST", "/pushes/failed//retry", "Bearer " + key, http.StatusTemporaryRedirect, ""},
		{"by GET", "GET", path, "Bearer " + key, http.StatusMethodNotAllowed, ""},
		{"without the key", "POST", path, "", http.StatusUnauthorized, `action=retry_push key="" client="" account="" address=192.0.2.1 outcome=refused`},
		{"with the key for reading", "POST", path, "Bearer the-key-for-reading", http.StatusForbidden, `action=retry_push key=admin.read_key`},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log strings.Builder
			var retried []string
			a := withPushes(&retried)
			a.Key, a.ReadKey = secret.New(key), secret.New("the-key-for-reading")
			a.Audit = audit.New(slog.New(slog.NewTextHandler(&log, nil)))
			w := ask(a, row.method, row.path, row.authorization)
			if w.Code != row.code || (len(retried) == 1) != (row.code == http.StatusOK) {
				t.Errorf("got %d, and %v retried; want %d", w.Code, retried, row.code)
			}
			if got := log.String(); !strings.Contains(got, row.said) || row.said == "" && got != "" {
				t.Errorf("got %s; want %s", got, row.said)
			}
		})
	}
	mustAnswer(t, ask(withPushes(nil), "POST", path, ""), http.StatusOK, `{"id":"fedcba","retried":true}`)
	mustAnswer(t, ask(newAdmin(), "POST", path, ""), http.StatusNotFound, `{"error":"no push of this id has failed"}`)
}

func TestThePageShowsPushes(t *testing.T) {
	a := withPushes(nil)
	for lang, wants := range map[string][]string{
		"en": {"Pushes from WeChat, the last hour", "2 failed, 1 refused", "1 of 1,024 MiB", "no answer within 4.5s", "1,234", "event:&lt;b&gt;", "the program answered 500", "0123456789abcdef0123456789abcdef"},
		"zh": {"最近一小时的消息推送", "失败 2，拒绝 1", "未能投递", "no answer within 4.5s"},
	} {
		page := ask(a, "GET", "/?lang="+lang, "").Body.String()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s: got no %q", lang, want)
			}
		}
		if strings.Contains(page, `id="pushes-club"`) || !strings.Contains(page, `id="pushes-shop"`) {
			t.Errorf("%s: got other accounts than those that have pushes", lang)
		}
	}
	if page := ask(newAdmin(), "GET", "/", "").Body.String(); strings.Contains(page, "Pushes") {
		t.Error("without pushes got a section of them")
	}
}

func TestThePageSaysThatPushesWaitForLong(t *testing.T) {
	a := withPushes(nil)
	const words = "Pushes have been waiting for more than 10 minutes"
	if strings.Contains(ask(a, "GET", "/", "").Body.String(), words) {
		t.Error("got it after a minute")
	}
	a.Pushes.Inbox = func(context.Context) (inbox.State, error) {
		return inbox.State{Oldest: time.Now().Add(-11 * time.Minute)}, nil
	}
	if !strings.Contains(ask(a, "GET", "/", "").Body.String(), words) {
		t.Error("got nothing after eleven minutes")
	}
	a.Pushes.Inbox = func(context.Context) (inbox.State, error) { return inbox.State{}, errors.New("Redis is away") }
	if page := ask(a, "GET", "/", "").Body.String(); !strings.Contains(page, "the inbox cannot be asked now") || strings.Contains(page, "away") {
		t.Error("got no word of the inbox")
	}
}

func TestThePageShowsTheNewestFailedPushes(t *testing.T) {
	a := withPushes(nil)
	a.Pushes.Failed = func(context.Context) (failed []inbox.Failure, _ error) {
		for i := range maxFailedShown + 3 {
			failed = append(failed, inbox.Failure{ID: fmt.Sprintf("push-%02d", i), Account: "shop"})
		}
		return failed, nil
	}
	page := ask(a, "GET", "/?lang=en", "").Body.String()
	if got := strings.Count(page, "push-"); got < maxFailedShown || strings.Contains(page, fmt.Sprint("push-", maxFailedShown)) || !strings.Contains(page, fmt.Sprintf(wordMore[0], "3")) {
		t.Errorf("got %d; want %d, and how many more there are", got, maxFailedShown)
	}
}

func TestAFailedPushOfAnUnknownTimeIsShown(t *testing.T) {
	a := withPushes(nil)
	a.Pushes.Failed = func(context.Context) ([]inbox.Failure, error) {
		return []inbox.Failure{{ID: "0af7", Account: "shop", LastError: "the record is damaged"}}, nil
	}
	if w := ask(a, "GET", "/", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "0af7") {
		t.Errorf("got %d; want it shown", w.Code)
	}
}

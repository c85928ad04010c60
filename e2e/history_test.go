package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

// historyOf returns the events of an account, the newest first, as outcome, reason, errcode
// and ticket.
func (p *program) historyOf(account string) (events []string) {
	p.t.Helper()
	a := p.mustAsk("GET", p.admin+"/accounts/"+account+"/history", "")
	var told struct {
		Events []struct {
			Outcome, Reason, Ticket, Errmsg string
			Errcode                         int
		}
		Problem string
	}
	if err := json.Unmarshal([]byte(a.body), &told); a.code != http.StatusOK || err != nil || told.Problem != "" {
		p.t.Fatalf("got %d %s, %v; want the history", a.code, a.body, err)
	}
	if strings.Contains(a.body, wechattest.TokenPrefix) || strings.Contains(a.body, appSecret) {
		p.t.Errorf("got %s; want no secret in it", a.body)
	}
	for _, e := range told.Events {
		events = append(events, strings.TrimSpace(fmt.Sprint(e.Outcome, " ", e.Reason, " ", e.Errcode, " ", e.Ticket)))
	}
	return events
}

// What came of an account's fetches outlives the process, in files and in Redis, encrypted or
// not, and goes when the account does.
func TestTheHistoryOfAnAccountOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(*testing.T) string{
		"files": func(t *testing.T) string { return "store = \"file:" + t.TempDir() + "\"\n" },
		"files, encrypted": func(t *testing.T) string {
			return "store = \"file:" + t.TempDir() + "\"\nencryption_key = \"" + strings.Repeat("QUJD", 10) + "QUI=\"\n"
		},
		"Redis": func(t *testing.T) string { return "store = \"redis://" + redistest.Start(t).Addr + "/0\"\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, kept := startWeChat(t), store(t)
			w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Times: 1, Errcode: 40164})
			toml := fourLines + "default = true\n[token]\n" + kept
			p := serving(t, w.URL, toml)
			p.eventually("a refusal", func() bool { return len(p.historyOf("shop")) > 0 })
			p.mustAsk("POST", p.admin+"/accounts/shop/refresh", "")
			p.awaitReady()
			if a := p.call("GET", "/cgi-bin/ticket/getticket?type=jsapi", ""); a.code != http.StatusOK {
				t.Fatalf("got %d %s; want a ticket", a.code, a.body)
			}
			w.Revoke(appID)
			p.mustSucceed()
			want := []string{"refreshed refused 0", "refreshed start 0 jsapi", "refreshed asked 0", "failed start 40164"}
			p.eventually("the history", func() bool { return len(p.historyOf("shop")) >= len(want) })
			if got := p.historyOf("shop"); !slices.Equal(got, want) {
				t.Errorf("got %q; want %q", got, want)
			}
			p.stop()
			p = serving(t, w.URL, toml)
			p.awaitReady()
			if got := p.historyOf("shop"); !slices.Equal(got, want) {
				t.Errorf("after a restart: got %q; want %q", got, want)
			}
			if a := p.mustAsk("GET", p.admin+"/accounts/nobody/history", ""); a.code != http.StatusNotFound {
				t.Errorf("got %d %s of no account; want 404", a.code, a.body)
			}
			p.stop()
		})
	}
}

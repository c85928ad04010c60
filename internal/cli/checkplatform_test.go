package cli

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/token"
)

func TestCheckLiveAsksForTicketsOfAPlatform(t *testing.T) {
	w := wechattest.New()
	p := platformtest.Add(w, platformtest.Settings{AppID: component, Secret: "canary-component-secret"})
	server := httptest.NewServer(w)
	defer server.Close()
	t.Setenv("WXPROXY_UPSTREAM_URL", server.URL)
	config, dir := configured(t, "")
	code, printed := run(t, "check", "-live", "-config", config)
	if code != 0 || !strings.Contains(printed, "  saas: good; WeChat accepts its AppSecret") || !strings.Contains(printed, "/push/saas") ||
		!strings.Contains(printed, "no ticket has come yet: the token store is not there") || strings.Contains(printed, "each account") {
		t.Errorf("got %d %s; want a good platform", code, printed)
	}
	if _, err := opened(t, dir, "").Amend(token.Key{Platform: component, AppID: component}, func(r *token.Record) bool {
		r.Ticket, r.TicketArrived, r.TicketCreated = secret.New("ticket@@@canary"), time.Now().Add(-7*time.Minute), time.Now()
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if code, printed = run(t, "check", "-live", "-config", config); code != 0 || !strings.Contains(printed, "the last ticket came 7m") {
		t.Errorf("got %d %s; want when a ticket came", code, printed)
	}
	if p.Counts().ComponentTokens != 0 {
		t.Error("a component token was fetched, which ends the one in use")
	}
	p.Change(func(s *platformtest.Settings) { s.Secret = "another" })
	code, printed = run(t, "check", "-live", "-config", config)
	if code != 1 || !strings.Contains(printed, "  saas: errcode ") || !strings.Contains(printed, "WeChat refuses 1 of 1 platforms") {
		t.Errorf("got %d %s; want that the AppSecret is wrong", code, printed)
	}
}

package token_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/token"
)

const getTicket = "/cgi-bin/ticket/getticket"

// withTickets runs f in a bubble with the tickets of a started Keeper.
func withTickets(t *testing.T, store func() token.Store, f func(w *wechattest.WeChat, tickets *token.Tickets)) {
	t.Helper()
	withTokenAndTickets(t, store, func(w *wechattest.WeChat, _ *token.Keeper, tickets *token.Tickets) { f(w, tickets) })
}

func withTokenAndTickets(t *testing.T, store func() token.Store, f func(w *wechattest.WeChat, k *token.Keeper, tickets *token.Tickets)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: secret})
		client := newClient(w, token.Stable)
		k := newKeeper(w, token.Stable, func(o *token.Options) {
			o.Fetch, o.Probe, o.Force, o.Store = client.Fetch, client.Probe, client.Force, store()
		})
		defer k.Stop()
		k.Start()
		tickets := token.NewTickets(client, k)
		defer tickets.Stop()
		f(w, k, tickets)
	})
}

func mustTicket(t *testing.T, tickets *token.Tickets, kind string) (string, time.Duration) {
	t.Helper()
	ticket, life, err := tickets.Ticket(kind, time.Minute)
	if err != nil || !strings.HasPrefix(ticket, "ticket-") {
		t.Fatalf("%s: got %q, %v; want a ticket", kind, ticket, err)
	}
	return ticket, life
}

func TestATicketIsCachedPerTypeAndItsLifeCountsDown(t *testing.T) {
	withTickets(t, func() token.Store { return token.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
		first, life := mustTicket(t, tickets, "jsapi")
		if life != 2*time.Hour {
			t.Errorf("got a life of %v; want 2h", life)
		}
		if other, _ := mustTicket(t, tickets, "wx_card"); other == first {
			t.Error("got the same ticket for two types")
		}
		time.Sleep(time.Hour)
		if again, life := mustTicket(t, tickets, "jsapi"); again != first || life != time.Hour {
			t.Errorf("after an hour: got %v left; want the same ticket with 1h left", life)
		}
		if got := w.Calls(getTicket); got != 2 {
			t.Errorf("got %d calls of getticket; want one for each type", got)
		}
	})
}

func TestATicketIsRefreshedAheadThoughWeChatRepeatsItUntilItsEnd(t *testing.T) {
	withTickets(t, func() token.Store { return token.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
		seen := map[string]bool{}
		const hours = 20
		for range hours * 60 {
			began := time.Now()
			ticket, life := mustTicket(t, tickets, "jsapi")
			if seen[ticket] = true; life > 2*time.Hour || time.Since(began) > 0 && len(seen) > 1 {
				t.Errorf("got a life of %v after %v; want at most 2h, and nobody waiting", life, time.Since(began))
			}
			time.Sleep(time.Minute)
		}
		if got := w.Calls(getTicket); len(seen) < hours/2 || got > 10*len(seen) {
			t.Errorf("got %d calls for %d tickets in %d hours; want a few for each", got, len(seen), hours)
		}
	})
}

func TestATicketSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	open := func() token.Store {
		s, err := token.NewFileStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var first string
	withTickets(t, open, func(_ *wechattest.WeChat, tickets *token.Tickets) { first, _ = mustTicket(t, tickets, "jsapi") })
	withTickets(t, open, func(w *wechattest.WeChat, tickets *token.Tickets) {
		if again, _ := mustTicket(t, tickets, "jsapi"); again != first || w.Calls(getTicket) != 0 {
			t.Errorf("got %d calls of getticket after a restart; want the stored ticket", w.Calls(getTicket))
		}
	})
}

func TestATicketIsFetchedThroughARefusedToken(t *testing.T) {
	withTickets(t, func() token.Store { return token.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
		mustTicket(t, tickets, "wx_card")
		w.Revoke(appID)
		mustTicket(t, tickets, "jsapi")
	})
}

func TestATicketIsFetchedAsSoonAsThereIsANewToken(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(w *wechattest.WeChat, k *token.Keeper) (mend func())
	}{
		{"its token was dead", func(w *wechattest.WeChat, k *token.Keeper) func() {
			w.Kill(appID)
			call(t, w, k) // which uses the forced refresh of these 30 s
			w.Kill(appID)
			return func() { time.Sleep(31 * time.Second); call(t, w, k) }
		}},
		{"there was no token", func(w *wechattest.WeChat, k *token.Keeper) func() {
			mend := w.Inject(wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: 40125})
			time.Sleep(2 * time.Hour)
			return func() { mend(); time.Sleep(35 * time.Minute) }
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			withTokenAndTickets(t, func() token.Store { return token.NewMemory() }, func(w *wechattest.WeChat, k *token.Keeper, tickets *token.Tickets) {
				time.Sleep(time.Second)
				mend := row.spoil(w, k)
				before := w.Calls(getTicket)
				for range 100 {
					if ticket, _, err := tickets.Ticket("jsapi", time.Minute); err == nil {
						t.Fatalf("got %q with a dead token", ticket)
					}
					time.Sleep(10 * time.Millisecond)
				}
				if got := w.Calls(getTicket) - before; got > 2 {
					t.Errorf("got %d calls of getticket; want the back-off to hold while the token is the same", got)
				}
				mend()
				mustTicket(t, tickets, "jsapi")
			})
		})
	}
}

func TestWhyThereIsNoTicketIsSaid(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault wechattest.Fault
		code  int
		want  string // behind what is missing
	}{
		{"not permitted", wechattest.Fault{Path: getTicket, Errcode: 48001}, 48001, ": WeChat answered errcode 48001: "},
		{"refused whatever the token", wechattest.Fault{Path: getTicket, Errcode: 40001}, 40001, ": WeChat answered errcode 40001: "},
		{"away", wechattest.Fault{Path: getTicket, Status: http.StatusBadGateway}, 0, ": asking WeChat for a ticket: WeChat's answer is HTTP status 502; "},
		{"without a ticket", wechattest.Fault{Path: getTicket, Body: []byte(`{"errcode":0,"errmsg":"ok"}`)}, 0, ": WeChat's answer has no ticket; "},
		{"slow", wechattest.Fault{Path: getTicket, Delay: 5 * time.Minute}, 0, " yet: WeChat has not answered within "},
		{"no token to be had", wechattest.Fault{Path: "/cgi-bin/stable_token", Errcode: 40164}, 40164, ": WeChat answered errcode 40164: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			withTickets(t, func() token.Store { return token.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
				w.Inject(row.fault)
				_, _, err := tickets.Ticket("jsapi", 10*time.Second)
				if got := token.Explain(err); err == nil || got.Code != row.code || strings.Contains(err.Error(), wechattest.TokenPrefix) {
					t.Fatalf("got %v; want errcode %d and no token", err, row.code)
				}
				if want := "no jsapi ticket for account shop" + row.want; !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %q\nwant %q at its beginning", err, want)
				}
			})
		})
	}
}

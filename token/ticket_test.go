package token_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

const getTicket = "/cgi-bin/ticket/getticket"

// withTickets runs f in a bubble with the tickets of a started Keeper.
func withTickets(t *testing.T, kept func() token.Store, f func(w *wechattest.WeChat, tickets *token.Tickets)) {
	t.Helper()
	withTokenAndTickets(t, kept, func(w *wechattest.WeChat, _ *token.Keeper, tickets *token.Tickets) { f(w, tickets) })
}

func withTokenAndTickets(t *testing.T, kept func() token.Store, f func(w *wechattest.WeChat, k *token.Keeper, tickets *token.Tickets)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		client := newClient(w, wechat.Stable)
		k := newKeeper(w, wechat.Stable, func(o *token.Options) {
			o.Fetch, o.Probe, o.Force, o.Store = client.Fetch, client.Probe, client.Force, kept()
		})
		defer k.Stop()
		k.Start()
		tickets := token.NewTickets(client.Ticket, k)
		defer tickets.Stop()
		f(w, k, tickets)
	})
}

func mustTicket(t *testing.T, tickets *token.Tickets, kind string) (string, time.Duration) {
	t.Helper()
	ticket, life, err := tickets.Lend(kind, time.Minute)
	if err != nil || !strings.HasPrefix(ticket, "ticket-") {
		t.Fatalf("%s: got %q, %v; want a ticket", kind, ticket, err)
	}
	return ticket, life
}

func TestATicketIsCachedPerTypeAndItsLifeCountsDown(t *testing.T) {
	withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
		first, life := mustTicket(t, tickets, "jsapi")
		if life != 2*time.Hour {
			t.Errorf("got a life of %v; want 2h", life)
		}
		if other, _ := mustTicket(t, tickets, "wx_card"); other == first {
			t.Error("got the same ticket for two types")
		}
		time.Sleep(59 * time.Minute)
		if again, life := mustTicket(t, tickets, "jsapi"); again != first || life != 61*time.Minute {
			t.Errorf("after 59 minutes: got %v left; want the same ticket with 61m left", life)
		}
		if got := w.Calls(getTicket); got != 2 {
			t.Errorf("got %d calls of getticket; want one for each type", got)
		}
	})
}

// answering replaces WeChat's getticket by answer, which is told how often it was
// asked before.
type answering struct {
	*wechattest.WeChat
	answer func(asked int) string

	mu    sync.Mutex // guards asked
	asked int
}

// calls returns how often getticket was called.
func (a *answering) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func (a *answering) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path != getTicket {
		return a.WeChat.RoundTrip(req)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	body := a.answer(a.asked)
	a.asked++
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func ticketOf(value string, life any) string {
	return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","ticket":"ticket-%s","expires_in":%v}`, value, life)
}

// Whoever keeps a ticket himself gets it with half of the life at least that WeChat
// gave it, in whole seconds, whether WeChat repeats it for ever, replaces it or
// says what it has left.
func TestNobodyIsHandedATicketThatHasLessThanHalfOfItsLife(t *testing.T) {
	for _, row := range []struct {
		name   string
		life   time.Duration
		answer func(born time.Time, asked int) string
	}{
		{"repeated for ever", 2 * time.Hour, func(time.Time, int) string { return ticketOf("same", 7200) }},
		{"replaced each time", 2 * time.Hour, func(_ time.Time, asked int) string { return ticketOf(strconv.Itoa(asked), 7200) }},
		{"replaced at its end", 2 * time.Hour, func(born time.Time, _ int) string {
			return ticketOf(strconv.Itoa(int(time.Since(born)/(2*time.Hour))), 7200)
		}},
		{"of a brief life", 20 * time.Second, func(time.Time, int) string { return ticketOf("same", 20) }},
		{"of a life of three seconds", 3 * time.Second, func(time.Time, int) string { return ticketOf("same", 3) }},
		{"whose life is a string", 2 * time.Hour, func(time.Time, int) string { return ticketOf("same", `"7200"`) }},
		{"of an absurd life", 2 * time.Hour, func(time.Time, int) string { return ticketOf("same", 1e9) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				born := time.Now()
				a := &answering{WeChat: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}),
					answer: func(asked int) string { return row.answer(born, asked) }}
				tickets, stop := ticketsOf(a, store.NewMemory())
				defer stop()
				const looks = 1000
				for range looks {
					if _, life := mustTicket(t, tickets, "jsapi"); life < row.life/2 || life > row.life {
						t.Fatalf("after %v: got a life of %v; want half of %v at least", time.Since(born), life, row.life)
					}
					time.Sleep(row.life / 61)
				}
				if most := looks*2/61 + 2; a.calls() > most {
					t.Errorf("got %d calls of getticket; want %d at most", a.calls(), most)
				}
			})
		})
	}
}

// ticketsOf returns the tickets of an account whose WeChat is w, until stop.
func ticketsOf(w http.RoundTripper, kept token.Store, with ...func(*token.Options)) (tickets *token.Tickets, stop func()) {
	client := newClient(w, wechat.Stable)
	o := token.Options{Issuer: wechat.NewIssuer(), Name: "shop", AppID: appID, Fetch: client.Fetch, Probe: client.Probe, Store: kept}
	for _, change := range with {
		change(&o)
	}
	k := token.NewKeeper(o)
	k.Start()
	tickets = token.NewTickets(client.Ticket, k)
	return tickets, func() {
		tickets.Stop()
		k.Stop()
	}
}

// Should WeChat some day say what a repeated ticket has left, that is told, and
// never a life of 0.
func TestATicketWhoseLifeWeChatCountsDownIsHandedOutWithItsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		born, life := time.Now(), 2*time.Hour
		a := &answering{WeChat: wechattest.New(wechattest.App{ID: appID, Secret: appSecret})}
		a.answer = func(int) string {
			age := time.Since(born)
			return ticketOf(strconv.Itoa(int(age/life)), int((life-age%life)/time.Second))
		}
		tickets, stop := ticketsOf(a, store.NewMemory())
		defer stop()
		const hours = 20
		for range hours * 360 {
			got, left := mustTicket(t, tickets, "jsapi")
			age := time.Since(born)
			if want := "ticket-" + strconv.Itoa(int(age/life)); got != want || left < time.Second || left > life-age%life {
				t.Fatalf("after %v: got %s with %v left; want %s with at most %v and at least 1s", age, got, left, want, life-age%life)
			}
			time.Sleep(10 * time.Second)
		}
		if most := hours / 2 * 20; a.calls() > most {
			t.Errorf("got %d calls of getticket in %d hours; want %d at most", a.calls(), hours, most)
		}
	})
}

func TestALifeThatWeChatDoesNotStateIsNeverTakenForNone(t *testing.T) {
	for _, life := range []string{"0", "-1", "null", `""`, `"0"`, "0.4", `"soon"`, "[]", "-7200"} {
		synctest.Test(t, func(t *testing.T) {
			a := &answering{WeChat: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), answer: func(int) string { return ticketOf("same", life) }}
			tickets, stop := ticketsOf(a, store.NewMemory())
			defer stop()
			for range 60 {
				if _, left := mustTicket(t, tickets, "jsapi"); left < time.Minute {
					t.Fatalf("%s: got %v; want some minutes", life, left)
				}
				time.Sleep(10 * time.Second)
			}
		})
	}
}

// A ticket that is still good is better than none, however little is left of it;
// who uses it at once gets it without a wait.
func TestWhatIsLeftOfATicketIsServedWhileThereIsNoOther(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault wechattest.Fault
	}{
		{"WeChat refuses", wechattest.Fault{Path: getTicket, Errcode: 45009}},
		{"WeChat flaps", wechattest.Fault{Path: getTicket, Errcode: 40001}},
		{"WeChat is away", wechattest.Fault{Path: getTicket, Status: http.StatusBadGateway}},
		{"WeChat is silent", wechattest.Fault{Path: getTicket, Delay: time.Hour}},
	} {
		t.Run(row.name, func(t *testing.T) {
			withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
				first, _ := mustTicket(t, tickets, "jsapi")
				end := time.Now().Add(2 * time.Hour)
				mend := w.Inject(row.fault)
				time.Sleep(61 * time.Minute)
				for range 29 {
					asked := time.Now()
					if got, err := tickets.Ticket("jsapi", time.Minute); got != first || err != nil || time.Since(asked) > 0 {
						t.Fatalf("to be used at once: got %q, %v after %v; want the ticket at once", got, err, time.Since(asked))
					}
					got, life := mustTicket(t, tickets, "jsapi")
					if left := time.Until(end); got != first || life != left {
						t.Fatalf("got a life of %v; want the %v that are left", life, left)
					}
					if waited := time.Since(asked); waited > 11*time.Second {
						t.Fatalf("got a ticket after %v; want it after one try at most", waited)
					}
					time.Sleep(time.Minute)
				}
				time.Sleep(time.Until(end) - 500*time.Millisecond)
				if _, life, err := tickets.Lend("jsapi", time.Minute); err == nil {
					t.Errorf("at the very end: got a life of %v; want none of less than a second", life)
				}
				mend()
				time.Sleep(37 * time.Minute)
				if _, life := mustTicket(t, tickets, "jsapi"); life < time.Hour {
					t.Errorf("after WeChat's return: got a life of %v; want an hour at least", life)
				}
			})
		})
	}
}

// A ticket out of the store has lived for a while: as long as nobody knows how
// long, half of the usual life has to be left of it.
func TestAStoredTicketIsHandedOutWithHalfOfItsLife(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
		for range 30 {
			kept, err := store.NewFile(dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			tickets, stop := ticketsOf(w, kept)
			if _, life := mustTicket(t, tickets, "jsapi"); life < time.Hour {
				t.Errorf("got a life of %v; want an hour at least", life)
			}
			stop()
			time.Sleep(7 * time.Minute)
		}
		if got := w.Calls(getTicket); got > 5 {
			t.Errorf("got %d calls of getticket in 3.5 hours; want one for each hour", got)
		}
	})
}

func TestReplicasHandOutBriefTicketsWithHalfOfTheirLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a := &answering{WeChat: wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), answer: func(int) string { return ticketOf("same", 20) }}
		var replicas []*token.Tickets
		for range 3 {
			m := h.join()
			tickets, stop := ticketsOf(a, m, func(o *token.Options) { o.Shared = m })
			defer stop()
			replicas = append(replicas, tickets)
		}
		for range 1000 {
			for i, tickets := range replicas {
				if _, life := mustTicket(t, tickets, "jsapi"); life < 10*time.Second {
					t.Fatalf("replica %d: got a life of %v; want 10s at least", i, life)
				}
			}
			time.Sleep(700 * time.Millisecond)
		}
		if a.calls() > 90 {
			t.Errorf("got %d calls of getticket in 700 s; want one in 10 s", a.calls())
		}
	})
}

func TestReplicasHandOutTicketsWithHalfOfTheirLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), newHub()
		var replicas []*token.Tickets
		for range 3 {
			m := h.join()
			tickets, stop := ticketsOf(w, m, func(o *token.Options) { o.Shared = m })
			defer stop()
			replicas = append(replicas, tickets)
		}
		const hours = 10
		for range hours * 60 {
			for i, tickets := range replicas {
				if _, life := mustTicket(t, tickets, "jsapi"); life < time.Hour {
					t.Fatalf("replica %d: got a life of %v; want an hour at least", i, life)
				}
			}
			time.Sleep(time.Minute)
		}
		if got := w.Calls(getTicket); got > hours+2 {
			t.Errorf("got %d calls of getticket by 3 replicas in %d hours; want one for each hour", got, hours)
		}
	})
}

func TestATicketSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	open := func() token.Store {
		s, err := store.NewFile(dir, nil, nil)
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
	withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
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
			withTokenAndTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, k *token.Keeper, tickets *token.Tickets) {
				time.Sleep(time.Second)
				mend := row.spoil(w, k)
				before := w.Calls(getTicket)
				for range 100 {
					if ticket, _, err := tickets.Lend("jsapi", time.Minute); err == nil {
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

// A refusal of the token on this one path passes: it is not taken for a wrong
// AppSecret, which would be asked about every minute and then every half hour.
func TestFlapsOfGetticketDelayATicketBySecondsOnly(t *testing.T) {
	for _, errcode := range []int{40001, 40014, 42001, -1} {
		withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
			w.Inject(wechattest.Fault{Path: getTicket, Errcode: errcode, Times: 4}) // a refused token is replaced, and shown once more
			began := time.Now()
			for {
				if _, _, err := tickets.Lend("jsapi", time.Minute); err == nil {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%d: got a ticket after %v; want it after seconds", errcode, took)
			}
		})
	}
}

func TestTheStatusOfTicketsSaysWhatIsWrongWithThem(t *testing.T) {
	withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
		mustTicket(t, tickets, "wx_card")
		mend := w.Inject(wechattest.Fault{Path: getTicket, Errcode: 48001})
		if _, err := tickets.Ticket("jsapi", time.Minute); err == nil {
			t.Fatal("got a ticket; want none")
		}
		all := tickets.Status()
		if len(all) != 2 || all[0].Type != "jsapi" || all[1].Type != "wx_card" {
			t.Fatalf("got %+v; want jsapi and wx_card", all)
		}
		if e := wechat.Explain(all[0].LastError); e.Code != 48001 || !strings.Contains(e.Remedy, "JS-SDK") || strings.Contains(e.Remedy, "token_api") {
			t.Errorf("jsapi: got %+v; want what 48001 means of getticket", e)
		}
		if all[1].LastError != nil || time.Until(all[1].Expires) < time.Hour {
			t.Errorf("wx_card: got %+v; want a good one", all[1])
		}
		mend()
		time.Sleep(4 * time.Second)
		tickets.Retry()
		mustTicket(t, tickets, "jsapi")
	})
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
			withTickets(t, func() token.Store { return store.NewMemory() }, func(w *wechattest.WeChat, tickets *token.Tickets) {
				w.Inject(row.fault)
				_, _, err := tickets.Lend("jsapi", 10*time.Second)
				if got := wechat.Explain(err); err == nil || got.Code != row.code || strings.Contains(err.Error(), wechattest.TokenPrefix) {
					t.Fatalf("got %v; want errcode %d and no token", err, row.code)
				}
				if want := "no jsapi ticket for account shop" + row.want; !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %q\nwant %q at its beginning", err, want)
				}
			})
		})
	}
}

// The end of one ticket may take its time, as its store may.
func TestTheEndOfTheTicketsKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		k := token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Store: stuckStore{hang}, Fetch: func(context.Context) (token.Token, error) {
			return token.Token{}, errors.New("no token")
		}})
		tickets := token.NewTickets(nil, k)
		tickets.Ticket("jsapi", time.Second)
		go tickets.Stop()
		synctest.Wait()
		began := time.Now()
		if _, err := tickets.Ticket("wx_card", time.Second); err == nil || time.Since(began) > time.Second {
			t.Errorf("got %v after %v; want an error at once", err, time.Since(began))
		}
		if n := len(tickets.Status()); n != 2 || time.Since(began) > time.Second {
			t.Errorf("got %d tickets after %v; want two at once", n, time.Since(began))
		}
		close(hang)
	})
}

// A stuckStore answers nothing before it is freed.
type stuckStore struct{ free chan struct{} }

func (s stuckStore) Load(token.Key) (token.Record, error) {
	<-s.free
	return token.Record{}, token.ErrNotStored
}

func (s stuckStore) Save(_ token.Key, r token.Record) (token.Record, error) {
	<-s.free
	return r, nil
}

package wecom

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// answers is a RoundTripper that answers always the same, and keeps what it was asked.
type answers struct {
	status int
	body   string
	asked  []string
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, req.Method+" "+req.URL.String())
	return &http.Response{StatusCode: max(a.status, http.StatusOK), Body: io.NopCloser(strings.NewReader(a.body)), Header: http.Header{"Location": {"https://elsewhere.example"}}}, nil
}

func clientOf(a *answers) *Client {
	return &Client{HTTP: &http.Client{Transport: a}, URL: "http://wecom.internal:8080", CorpID: "ww1", Key: token.Key{AppID: "ww1.7"},
		Secret: func() (secret.Secret, error) { return secret.New("canary+/secret"), nil }}
}

func TestTheQuestionForAToken(t *testing.T) {
	a := &answers{body: `{"errcode":0,"errmsg":"ok","access_token":"T","expires_in":7200}`}
	got, err := clientOf(a).Fetch(t.Context())
	if err != nil || !got.Value.Equal("T") || time.Until(got.Expires).Round(time.Second) != 2*time.Hour {
		t.Errorf("got %q until %v, %v; want T for two hours", got.Value.Reveal(), got.Expires, err)
	}
	if want := []string{"GET http://wecom.internal:8080/cgi-bin/gettoken?corpid=ww1&corpsecret=canary%2B%2Fsecret"}; !slices.Equal(a.asked, want) {
		t.Errorf("got %q; want %q", a.asked, want)
	}
}

func TestAnswersWithoutAToken(t *testing.T) {
	for name, row := range map[string]struct {
		answers
		code int
		text string
	}{
		"a refusal":       {answers{body: `{"errcode":40001,"errmsg":"invalid credential canary+/secret, from ip: 203.0.113.7"}`}, 40001, "WeCom refuses to issue a token"},
		"a late errcode":  {answers{body: `{"ip_list":[],"errmsg":"x","errcode":"50003"}`}, 50003, "errcode 50003"},
		"nothing":         {answers{}, 0, "WeCom's answer is empty"},
		"no JSON":         {answers{body: "<html>canary"}, 0, "WeCom's answer is not the JSON it documents"},
		"no token":        {answers{body: `{"errcode":0}`}, 0, "WeCom's answer has no access_token"},
		"another status":  {answers{status: 502, body: "canary"}, 0, "WeCom's answer is HTTP status 502"},
		"a redirect":      {answers{status: 302, body: "canary"}, 0, "WeCom's answer is HTTP status 302"},
		"a spoiled token": {answers{body: `{"access_token":"a b"}`}, 0, "WeCom's answer has no access_token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := clientOf(&row.answers).Fetch(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.text) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v; want %q, and no secret", err, row.text)
			}
			if e := Explain(err); e.Code != row.code || e.Remedy == "" || e.RemedyZH == "" {
				t.Errorf("got %+v; want errcode %d", e, row.code)
			}
			if len(row.asked) != 1 {
				t.Errorf("got the questions %q; want one", row.asked)
			}
		})
	}
}

func TestBothTickets(t *testing.T) {
	w := newFake()
	c := w.client(nil, "right")
	tok, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, ticketType := range []string{"jsapi", "agent_config", "wx_card"} {
		if got, err := c.Ticket(t.Context(), ticketType, tok.Value.Reveal()); err != nil || got.Value.Empty() || time.Until(got.Expires) < 7190*time.Second {
			t.Errorf("%s: got %+v, %v; want a ticket", ticketType, got, err)
		}
	}
	if want := []string{"/cgi-bin/get_jsapi_ticket?", "/cgi-bin/ticket/get?type=agent_config", "/cgi-bin/ticket/get?type=wx_card"}; !slices.Equal(w.tickets, want) {
		t.Errorf("got the questions %q; want %q", w.tickets, want)
	}
	_, err = c.Ticket(t.Context(), "jsapi", "stale")
	refusal, ok := errors.AsType[*token.Refusal](err)
	if !ok || !refusal.Ticket || refusal.Code != 42001 || !strings.HasPrefix(err.Error(), "WeCom refuses to issue a ticket") {
		t.Errorf("got %v; want WeCom's refusal of a ticket", err)
	}
	if e := Explain(err); e.Class != token.ClassTransient || !strings.Contains(e.Remedy, "the ticket again by itself") {
		t.Errorf("got %+v", e)
	}
}

// Both tickets are kept, and their token is replaced when WeCom refuses that.
func TestTicketsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		c := w.client(guard(nil), "right")
		k := keeper(c, nil)
		k.Start()
		defer k.Stop()
		tickets := token.NewTickets(c.Ticket, k)
		defer tickets.Stop()
		time.Sleep(time.Minute)
		w.set(func() { w.dead = true })
		for range 3 {
			for _, ticketType := range []string{"jsapi", "agent_config"} {
				if got, err := tickets.Ticket(ticketType, time.Minute); err != nil || got == "" {
					t.Errorf("%s: got %q, %v", ticketType, got, err)
				}
			}
		}
		wantFetches(t, w, 2)
		if len(w.tickets) > 4 { // a probe may be among them
			t.Errorf("got the questions %q; want one for each ticket", w.tickets)
		}
	})
}

func TestATokenIsKeptFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		for range 12 * 60 {
			if _, err := k.Token(time.Minute); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if w.issued < 6 || w.issued > 7 {
			t.Errorf("got %d tokens in twelve hours; want 6 or 7", w.issued)
		}
		if w.fetches() > 8*w.issued { // it is repeated until its end, once a minute
			t.Errorf("gettoken was asked %d times for %d tokens", w.fetches(), w.issued)
		}
	})
}

// WeCom may let a token live longer when it is asked for it again.
func TestAProlongedTokenIsNotAskedForAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		w.prolongs = true
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		for range 12 * 60 {
			wantToken(t, k, "token-1")
			time.Sleep(time.Minute)
		}
		if got := w.fetches(); got < 6 || got > 8 {
			t.Errorf("gettoken was asked %d times in twelve hours; want once before each end", got)
		}
	})
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		time.Sleep(time.Hour)
		w.set(func() { w.dead = true })
		for range 10 {
			if got, err := k.Replace("token-1", time.Minute); got != "token-2" {
				t.Errorf("got %q, %v; want the next token", got, err)
			}
		}
		wantFetches(t, w, 2)
	})
}

// A good token that one API refuses is left alone.
func TestAGoodTokenStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		time.Sleep(time.Hour)
		for range 10 {
			if got, err := k.Replace("token-1", time.Minute); got != "token-1" {
				t.Errorf("got %q, %v; want the same token", got, err)
			}
		}
		wantFetches(t, w, 2)
	})
}

// WeCom may hand out a token that is dead already for a moment.
func TestADeadTokenIsReplacedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		w.stubborn = true
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		time.Sleep(time.Hour)
		w.set(func() { w.dead = true })
		_, _ = k.Replace("token-1", time.Minute)
		w.set(func() { w.stubborn = false })
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantToken(t, k, "token-2")
	})
}

// Nothing makes WeCom replace a token, not even one that it repeats although it is dead.
func TestATokenIsNeverForced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFake()
		w.stubborn = true
		k := keeper(w.client(guard(nil), "right"), nil)
		k.Start()
		defer k.Stop()
		time.Sleep(time.Hour)
		if err := k.ReplaceByForce(time.Minute); err == nil || !strings.Contains(err.Error(), "cannot be made to replace it") {
			t.Errorf("got %v; want it refused", err)
		}
		wantFetches(t, w, 1)
		w.set(func() { w.dead = true })
		_, _ = k.Replace("token-1", time.Minute)
		s := k.Status()
		if p := s.Problem(); !errors.As(s.LastError, new(token.StuckToken)) || !strings.Contains(p.Remedy, "WeCom's console") {
			t.Errorf("got %v, %+v; want it stuck", s.LastError, p)
		}
		asked := w.fetches()
		time.Sleep(10 * time.Minute)
		if n := w.fetches() - asked; n > 20 {
			t.Errorf("gettoken was asked %d times in ten minutes", n)
		}
		w.set(func() { w.stubborn = false })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantToken(t, k, "token-2")
	})
}

func TestAnUnreadableSecretIsNotShown(t *testing.T) {
	a := &answers{}
	c := clientOf(a)
	c.Guard, c.Secret = guard(nil), func() (secret.Secret, error) { return secret.Secret{}, errors.New("no such file") }
	_, err := c.Fetch(t.Context())
	if e := Explain(err); !errors.Is(err, token.ErrNotAsked) || e.Class != token.ClassConfiguration || len(a.asked) != 0 || !NewIssuer().BlamesSecret(err) {
		t.Errorf("got %v, %+v; want nothing asked", err, e)
	}
	if c.SecretChanged() {
		t.Error("an unreadable secret is said to be another one")
	}
}

// Fetching a token does not show whether the address is trusted: a call does.
func TestATrySaysWhichListAnAddressBelongsOn(t *testing.T) {
	w := newFake()
	c := w.client(nil, "right")
	tok, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Try(t.Context(), tok.Value, "1000002"); err != nil {
		t.Errorf("got %v; want it accepted", err)
	}
	w.trusted = false
	e := Explain(c.Try(context.Background(), tok.Value, "1000002"))
	if e.Code != 60020 || !strings.Contains(e.Remedy, "put 203.0.113.7 on the list of trusted IP addresses") || !strings.Contains(e.RemedyZH, "203.0.113.7") {
		t.Errorf("got %+v; want the list and the address", e)
	}
	if err := c.Try(t.Context(), tok.Value, ""); err != nil {
		t.Errorf("without an agent_id: got %v", err)
	}
}

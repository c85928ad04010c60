package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// anotherIssuer is not WeChat.
func anotherIssuer() *token.Issuer {
	unclear := func(int) token.Verdict { return token.Unclear }
	return &token.Issuer{
		Explain: func(err error) token.Explanation {
			if err == nil {
				return token.Explanation{}
			}
			return token.Explanation{Code: 7, Reason: "no", Remedy: "ask the other one", RemedyZH: "问另一个", Class: token.ClassTransient}
		},
		OfToken:      unclear,
		OfSecret:     unclear,
		BlamesSecret: func(error) bool { return false },
		Pacing: token.Pacing{
			Transient: token.Backoff{First: 40 * time.Second, Longest: time.Hour},
			Lasting:   token.Backoff{First: time.Hour, Longest: time.Hour},
			Waiting:   20 * time.Second,

			ForcedPerDay: 1, FetchesPerDay: 2, FetchPause: 3 * time.Hour,
		},
	}
}

func TestAnIssuerBringsItsOwnWordsAndPacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := token.NewKeeper(token.Options{Issuer: anotherIssuer(), Name: "shop", AppID: "wx1", Fetch: func(context.Context) (token.Token, error) {
			return token.Token{}, errors.New("refused")
		}})
		defer k.Stop()
		_, err := k.Token(time.Second)
		unavailable, ok := errors.AsType[*token.Unavailable](err)
		if !ok || !strings.Contains(err.Error(), "errcode 7: no; ask the other one (问另一个)") || unavailable.RetryAfter() > 20*time.Second {
			t.Errorf("got %v; want the issuer's words, and its wait", err)
		}
		s := k.Status()
		if s.Problem().Remedy != "ask the other one" {
			t.Errorf("got %+v; want the issuer's words", s.Problem())
		}
		if left := time.Until(s.NextRefresh); left < 30*time.Second || left > 50*time.Second {
			t.Errorf("got the next try in %v; want it after the issuer's back-off", left)
		}
	})
}

func TestAnIssuerBringsItsOwnBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		k := token.NewKeeper(token.Options{Issuer: anotherIssuer(), AppID: "wx1", Kind: token.Rotating{}, Fetch: func(context.Context) (token.Token, error) {
			fetched++
			return token.Token{Value: secret.New(fmt.Sprint("t", fetched)), Expires: time.Now().Add(2 * time.Hour)}, nil
		}})
		defer k.Stop()
		for _, want := range []string{"t2", "t2"} { // the second is refused after the last of the day
			time.Sleep(time.Minute)
			refused, err := k.Token(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := k.Replace(refused, time.Minute); err != nil || got != want {
				t.Errorf("got %q, %v instead of %q; want %q", got, err, refused, want)
			}
		}
		if s := k.Status(); !errors.Is(s.LastError, token.ErrManyFetches) || s.FetchesToday != 2 {
			t.Errorf("got %v after %d fetches; want the end of the budget after 2", s.LastError, s.FetchesToday)
		}
	})
}

func TestUntilWhenAnIssuerIsNotAsked(t *testing.T) {
	now := time.Now()
	until := now.Add(time.Minute)
	for name, row := range map[string]struct {
		err  error
		want time.Time
	}{
		"a pause":              {&token.Paused{Cause: &token.Refusal{Code: 40001}, Until: until}, until},
		"for want of a token":  {&token.Unavailable{Cause: &token.Paused{Cause: &token.Refusal{Code: 40001}, Until: until}}, until},
		"a pause that is over": {&token.Paused{Cause: &token.Refusal{Code: 40001}, Until: now}, time.Time{}},
		"another failure":      {&token.Refusal{Code: 40001}, time.Time{}},
		"none":                 {nil, time.Time{}},
	} {
		s := token.Status{LastError: row.err}
		if got := s.PausedUntil(now); !got.Equal(row.want) {
			t.Errorf("%s: got %v; want %v", name, got, row.want)
		}
	}
}

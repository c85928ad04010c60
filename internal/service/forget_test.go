package service

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"wxproxy/config"
	"wxproxy/token"
	"wxproxy/token/history"
	"wxproxy/token/store"
)

// A remover answers the records of tickets with one error and those of tokens with
// another.
type remover struct{ ofToken, ofTicket error }

func (r remover) Remove(key token.Key) error {
	if key.Ticket == "" {
		return r.ofToken
	}
	return r.ofTicket
}

func TestWhyAnAccountIsNotForgottenIsSaidOnce(t *testing.T) {
	away, newer := fmt.Errorf("%w: cut", token.ErrAway), fmt.Errorf("wx1: %w", token.ErrNewer)
	for _, row := range []struct {
		store remover
		want  error
	}{
		{remover{}, nil},
		{remover{away, away}, away},
		{remover{nil, away}, away},
		{remover{newer, nil}, newer},
		{remover{newer, away}, away}, // which is worth another try
		{remover{away, newer}, away},
	} {
		if err := removeAll(row.store, config.Account{AppID: "wx1"}); !errors.Is(err, row.want) || err != nil && err.Error() != row.want.Error() {
			t.Errorf("%v: got %v; want %v", row.store, err, row.want)
		}
	}
}

// A refusing store takes no events now.
type refusing struct{ *store.Memory }

func (refusing) Amend(token.Key, func(*token.Record) bool) (token.Record, error) {
	return token.Record{}, token.ErrAway
}

// A reload forgets what waits of accounts that are removed, and of no other.
func TestAReloadKeepsTheEventsOfAccountsThatStay(t *testing.T) {
	kept := refusing{store.NewMemory()}
	log := slog.New(slog.DiscardHandler)
	s := &Service{store: kept, log: log, history: history.New(kept, log)}
	defer s.history.Stop()
	stays, goes := config.Account{Name: "stays", AppID: "wx1"}, config.Account{Name: "goes", AppID: "wx2"}
	s.now.Store(&setup{cfg: &config.Config{Accounts: []config.Account{stays}}})
	for _, account := range []config.Account{stays, goes} {
		s.history.Add(account.Key(), token.Report{At: time.Now(), Outcome: token.OutcomeRefreshed})
	}
	s.forget(&setup{cfg: &config.Config{Accounts: []config.Account{stays, goes}}})
	for appID, want := range map[string]int{"wx1": 1, "wx2": 0} {
		if events, _ := s.history.Of(appID); len(events) != want {
			t.Errorf("%s: got %v; want %d events", appID, events, want)
		}
	}
}

package service

import (
	"errors"
	"slices"
	"time"

	"wxproxy/config"
	"wxproxy/token"
	"wxproxy/token/history"
)

// forgetAgain is how soon the store is asked again to forget an account, if it could not.
const forgetAgain = 10 * time.Second

// forget has the tokens leave the store of the accounts that old has and the present
// configuration has not. Another replica that was not reloaded yet stores its token
// again, and removes it when it is.
func (s *Service) forget(old *setup) {
	store, can := s.store.(token.Remover)
	if !can {
		return
	}
	for _, account := range old.cfg.Accounts {
		s.forgetApp(store, account)
	}
}

// hasApp reports whether the present configuration has the account that is stored under
// key.
func (s *Service) hasApp(key string) bool {
	for _, account := range s.now.Load().cfg.Accounts {
		if account.Key() == key {
			return true
		}
	}
	return false
}

// forgetApp removes the app's records. It tries again while the store is away, until the
// process ends or the account is back.
func (s *Service) forgetApp(store token.Remover, account config.Account) {
	name, appID := account.Name, account.Key()
	for said := false; !s.hasApp(appID); said = true {
		s.history.Forget(appID)
		err := removeAll(store, account)
		switch {
		case err == nil:
			s.log.Info("the tokens of an account that was removed have left the store", "account", name, "app_id", appID)
			return
		case errors.Is(err, token.ErrNewer):
			return // the store says that
		case !said:
			s.log.Warn("the tokens of an account that was removed are still in the store; it is tried again", "account", name, "app_id", appID, "err", err)
		}
		again := time.NewTimer(forgetAgain)
		select {
		case <-again.C:
		case <-s.drained:
			again.Stop()
			return
		}
	}
}

// removeAll removes the records of the app's token, tickets and history. What keeps the store from
// that keeps it from all of them mostly, and is said once.
func removeAll(store token.Remover, account config.Account) error {
	first := store.Remove(token.Key{AppID: account.Key()})
	for _, ticket := range slices.Concat(account.Kind.Table().AllTickets(), []string{history.Record}) {
		err := store.Remove(token.Key{AppID: account.Key(), Ticket: ticket})
		if first == nil || errors.Is(first, token.ErrNewer) && err != nil {
			first = err
		}
	}
	return first
}

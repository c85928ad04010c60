package service

import (
	"errors"
	"fmt"
	"testing"

	"wxproxy/config"
	"wxproxy/token"
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

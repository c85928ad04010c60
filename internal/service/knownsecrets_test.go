package service

import (
	"testing"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

func TestTheLastTwoAppSecretsAreRemembered(t *testing.T) {
	var s knownSecrets
	s.addAll(&config.Config{Accounts: []config.Account{{AppID: "wx1", Secret: secret.New("first")}}})
	for _, value := range []string{"second", "second", "third", ""} {
		s.recent.add("wx1", secret.New(value))
	}
	kept := s.recent.of("wx1")
	if len(kept) != 2 || !kept[0].Equal("third") || !kept[1].Equal("second") || len(s.recent.of("wx2")) != 0 {
		t.Errorf("got %d secrets; want the third and the second", len(kept))
	}
}

package service

import (
	"strings"
	"testing"

	"wxproxy/config"
	"wxproxy/internal/platforms"
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

// A hundred thousand accounts have too many tokens to compare with each.
func TestWhatWeChatHandsToPlatformsIsKnownByItsLooks(t *testing.T) {
	var s Service
	with, without := s.isSecret(&setup{cfg: &config.Config{}, platforms: []*platforms.Running{nil}}), s.isSecret(&setup{cfg: &config.Config{}})
	for word, want := range map[string]bool{
		strings.Repeat("a", leastGranted): true, "refreshtoken@@@" + strings.Repeat("a", 43): true, "ticket@@@" + strings.Repeat("a", 43): true,
	} {
		if with([]byte(word)) != want || without([]byte(word)) {
			t.Errorf("%s: got %t with a platform, %t without; want %t", word, with([]byte(word)), without([]byte(word)), want)
		}
	}
	if without([]byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")) {
		t.Error("got a secret; want an id of a request")
	}
}

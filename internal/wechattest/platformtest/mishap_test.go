package platformtest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestChaosEndsTokensOfThePlatformAndOfItsAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		access, _ := s.redeem(component, s.Grant(shop).Code)
		go s.Chaos(t.Context(), time.Second)
		time.Sleep(5 * time.Minute)
		good := append(s.Tokens(saasID), s.Tokens(shop)...)
		for _, value := range good {
			if value == component || value == access {
				t.Error("a token is good after five minutes of chaos")
			}
		}
	})
}

func TestWhatIsStolenIsHonouredForFiveMoreMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		s.Steal(saasID)
		if got := errcode(s.api("api_create_preauthcode", component, `"x":1`)); got != 0 {
			t.Errorf("at once: got %d", got)
		}
		time.Sleep(5 * time.Minute)
		if got := errcode(s.api("api_create_preauthcode", component, `"x":1`)); got != 40001 {
			t.Errorf("after five minutes: got %d; want 40001", got)
		}
	})
}

func TestAReplacedRefreshTokenIsInTheList(t *testing.T) {
	s, component := started(t)
	_, refresh := s.redeem(component, s.Grant(shop).Code)
	s.ReplaceRefresh(shop)
	if got := errcode(s.refresh(component, shop, refresh)); got != 61023 {
		t.Errorf("the one before: got %d; want 61023", got)
	}
	list := s.api("api_get_authorizer_list", component, `"count":1`)["list"].([]any)
	listed, _ := list[0].(map[string]any)["refresh_token"].(string)
	if got := errcode(s.refresh(component, shop, listed)); got != 0 {
		t.Errorf("the listed one: got %d", got)
	}
}

package platformtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

func TestACodeIsRedeemedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		grant, d := s.Authorize(t.Context(), shop)
		if d.Fault != "" || s.latest("InfoType") != "authorized" || s.latest("AuthorizerAppid") != shop || s.latest("AuthorizationCode") != grant.Code {
			t.Errorf("got the fault %q and the event %s", d.Fault, s.plain[len(s.plain)-1])
		}
		s.redeem(component, grant.Code)
		query := func(code string) int {
			return errcode(s.api("api_query_auth", component, `"authorization_code":"`+code+`"`))
		}
		if got := query(grant.Code); got != 61009 {
			t.Errorf("got %d for a code that was redeemed; want 61009", got)
		}
		if got := query("queryauthcode@@@x"); got != 61009 {
			t.Errorf("got %d for an unknown code; want 61009", got)
		}
		again := s.Grant(shop)
		if again.Event.InfoType != "updateauthorized" {
			t.Errorf("got %s; want updateauthorized", again.Event.InfoType)
		}
		newest := s.Grant(shop)
		if got := query(again.Code); got != 61010 {
			t.Errorf("got %d for the code of an earlier authorization; want 61010", got)
		}
		time.Sleep(time.Hour)
		if got := query(newest.Code); got != 61010 {
			t.Errorf("got %d for a code of an hour; want 61010", got)
		}
		if got, want := s.Counts().QueryAuths, 1; got != want {
			t.Errorf("got %d codes redeemed; want %d", got, want)
		}
	})
}

func TestTheListHasNoRefreshTokenUntilACodeIsRedeemed(t *testing.T) {
	s, component := started(t)
	grant := s.Grant(shop)
	s.Grant(cafe)
	seen := func() string {
		answer := s.api("api_get_authorizer_list", component, `"offset":0,"count":500`)
		var shown []string
		for _, one := range answer["list"].([]any) {
			one := one.(map[string]any)
			shown = append(shown, fmt.Sprint(one["authorizer_appid"], " ", one["refresh_token"] != nil))
		}
		info := s.api("api_get_authorizer_info", component, `"authorizer_appid":"`+shop+`"`)["authorization_info"].(map[string]any)
		return fmt.Sprintf("%v%v%v", answer["total_count"], shown, info["authorizer_refresh_token"] != nil)
	}
	if got, want := seen(), "2["+shop+" false "+cafe+" false]false"; got != want {
		t.Errorf("before: got %s; want %s", got, want)
	}
	_, refresh := s.redeem(component, grant.Code)
	if got, want := seen(), "2["+shop+" true "+cafe+" false]true"; got != want {
		t.Errorf("after: got %s; want %s", got, want)
	}
	s.LoseRefresh(shop)
	if got, want := seen(), "2["+shop+" false "+cafe+" false]false"; got != want {
		t.Errorf("lost: got %s; want %s", got, want)
	}
	if got := errcode(s.refresh(component, shop, refresh)); got != 61023 {
		t.Errorf("lost: got %d; want 61023", got)
	}
	s.SpoilList(ListFault{Without: []string{shop}, Too: []string{"wx4444444444444444"}, Extra: 3})
	if got := s.api("api_get_authorizer_list", component, `"offset":0,"count":500`); !strings.Contains(fmt.Sprint(got), "wx4444") || got["total_count"] != 5. {
		t.Errorf("a list with faults: got %v", got)
	}
	for _, count := range []string{"0", "501"} {
		if got := errcode(s.api("api_get_authorizer_list", component, `"offset":0,"count":`+count)); got != 40170 {
			t.Errorf("a page of %s: got %d; want 40170", count, got)
		}
	}
}

func TestARefreshWantsTheAccountsOwnRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		s.Authorize(t.Context(), cafe)
		_, foreign := s.redeem(component, s.latest("AuthorizationCode"))
		s.Authorize(t.Context(), shop)
		access, refresh := s.redeem(component, s.latest("AuthorizationCode"))
		answer := s.refresh(component, shop, refresh)
		if answer["authorizer_refresh_token"] != refresh || answer["authorizer_access_token"] == access || s.Refreshes(shop) != 1 {
			t.Errorf("got %v; want another token, and the same refresh token", answer)
		}
		for _, row := range []struct {
			appID, refresh string
			want           int
		}{
			{shop, foreign, 61023},
			{shop, "", 61023},
			{"wx5555555555555555", refresh, 61003},
			{"", refresh, 40013},
		} {
			if got := errcode(s.refresh(component, row.appID, row.refresh)); got != row.want {
				t.Errorf("%s with %.20s: got %d; want %d", row.appID, row.refresh, got, row.want)
			}
		}
		s.Disown(shop, true)
		if got := errcode(s.refresh(component, shop, refresh)); got != 61003 {
			t.Errorf("disowned: got %d; want 61003", got)
		}
		s.Disown(shop, false)

		s.Change(func(settings *Settings) { settings.Rotate = true })
		rotated := s.refresh(component, shop, refresh)["authorizer_refresh_token"].(string)
		time.Sleep(4 * time.Minute)
		if got := errcode(s.refresh(component, cafe, foreign)); rotated == refresh || got != 0 {
			t.Errorf("it does not rotate, or got %d", got)
		}
		time.Sleep(2 * time.Minute)
		if got := errcode(s.refresh(component, shop, refresh)); got != 61023 {
			t.Errorf("the one before, after six minutes: got %d; want 61023", got)
		}
		if got := errcode(s.refresh(component, shop, rotated)); got != 0 {
			t.Errorf("the current one: got %d", got)
		}
	})
}

func TestAuthorizingAgainEndsWhatCameBefore(t *testing.T) {
	s, component := started(t)
	grant := s.Grant(shop)
	access, refresh := s.redeem(component, grant.Code)
	s.Grant(shop)
	if got := errcode(s.call("/cgi-bin/getcallbackip?access_token="+access, "")); got != 40001 {
		t.Errorf("the token: got %d; want 40001", got)
	}
	if got := errcode(s.refresh(component, shop, refresh)); got != 61023 {
		t.Errorf("the refresh token: got %d; want 61023", got)
	}
	if s.RefreshToken(shop) != "" {
		t.Error("there is a refresh token before the code was redeemed")
	}
}

func TestCancellingEndsAnAuthorization(t *testing.T) {
	s, component := started(t)
	grant := s.Grant(shop)
	access, refresh := s.redeem(component, grant.Code)
	late := s.NewCode(shop)
	s.Cancel(t.Context(), shop)
	if s.latest("InfoType") != "unauthorized" || s.latest("AuthorizerAppid") != shop {
		t.Errorf("got the event %s", s.plain[len(s.plain)-1])
	}
	if got := errcode(s.call("/cgi-bin/getcallbackip?access_token="+access, "")); got != 40001 {
		t.Errorf("the token: got %d; want 40001", got)
	}
	if got := errcode(s.refresh(component, shop, refresh)); got != 61003 {
		t.Errorf("the refresh token: got %d; want 61003", got)
	}
	if got := errcode(s.api("api_query_auth", component, `"authorization_code":"`+late+`"`)); got != 61010 {
		t.Errorf("a code: got %d; want 61010", got)
	}
	if got := s.api("api_get_authorizer_list", component, `"count":10`); got["total_count"] != 0. {
		t.Errorf("the list: got %v", got)
	}
	if again := s.Grant(shop); again.Event.InfoType != "authorized" {
		t.Errorf("afterwards: got %s; want authorized", again.Event.InfoType)
	}
}

func TestTwoPlatformsDoNotShareWhatTheyHave(t *testing.T) {
	s, component := started(t)
	other := Add(s.wechat, Settings{AppID: "wxbbbbbbbbbbbbbbbb", Secret: "x"})
	_, refresh := s.redeem(component, s.Grant(shop).Code)
	theirs := other.Grant(shop)
	if got := errcode(s.api("api_query_auth", component, `"authorization_code":"`+theirs.Code+`"`)); got != 61009 {
		t.Errorf("another platform's code: got %d; want 61009", got)
	}
	if got := errcode(s.refresh(component, shop, refresh)); got != 0 {
		t.Errorf("the account is authorized to both: got %d", got)
	}
	if len(s.Tokens(shop)) != 2 || len(other.Tokens(shop)) != 0 {
		t.Errorf("got %d and %d tokens; want 2 and 0", len(s.Tokens(shop)), len(other.Tokens(shop)))
	}
}

func TestAnswersComeInEveryShapeThatWasSeen(t *testing.T) {
	s, component := started(t, func(settings *Settings) { settings.Unwrapped = true })
	grant := s.Grant(shop)
	if got := s.api("api_query_auth", component, `"authorization_code":"`+grant.Code+`"`); got["authorizer_appid"] != shop || got["authorizer_refresh_token"] == nil {
		t.Errorf("without the wrapper: got %v", got)
	}
	grant = s.Grant(cafe)
	s.Forbid(cafe)
	if got := s.api("api_query_auth", component, `"authorization_code":"`+grant.Code+`"`); got["authorizer_appid"] != cafe || got["authorizer_access_token"] != nil {
		t.Errorf("without permission: got %v", got)
	}
}

func TestEventsAreWrittenAsTheSamplesAre(t *testing.T) {
	s := newSaas(t, func(settings *Settings) { settings.Malformed, settings.Relative = true, true })
	s.Authorize(t.Context(), shop)
	event := s.plain[0]
	if _, err := wechattest.Members([]byte(event)); err == nil || !strings.HasSuffix(event, "<xml>") || s.latest("AuthorizationCodeExpiredTime") != "3600" {
		t.Errorf("got %s; want one that is not well-formed", event)
	}
	s.Push(t.Context(), s.Register(cafe).Event)
	if event := s.plain[1]; !strings.Contains(event, "<appid>"+cafe+"<appid>") || s.latest("auth_code") == "" {
		t.Errorf("got %s; want an end tag without its slash", event)
	}
	s.Change(func(settings *Settings) { settings.Malformed = false })
	s.Push(t.Context(), s.Register("wx6666666666666666").Event)
	members, err := wechattest.Members([]byte(s.plain[2]))
	if err != nil || members["appid"] != "wx6666666666666666" || members["status"] != "0" {
		t.Errorf("got %v of %s: %v", members, s.plain[2], err)
	}
}

func TestAnotherURLGetsTheSameEvents(t *testing.T) {
	s := newSaas(t, func(settings *Settings) { settings.AlsoURL = "http://test/push/saas" })
	s.PushTicket(t.Context())
	if d := s.Deliveries(); len(d) != 2 || d[0].URL == d[1].URL || s.plain[0] != s.plain[1] {
		t.Errorf("got %d deliveries; want 2 of the same event", len(d))
	}
}

func TestABrowserGoesFromThePageToTheRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		newPage := func() string {
			code := s.api("api_create_preauthcode", component, `"x":1`)["pre_auth_code"].(string)
			return "https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid=" + saasID + "&pre_auth_code=" + strings.ReplaceAll(code, "@", "%40") +
				"&redirect_uri=https%3A%2F%2Fsaas.example%2Fback%3Fa%3Db&auth_type=3"
		}
		page := newPage()
		got, err := s.Visit(page, shop)
		if err != nil || !strings.HasPrefix(got.Redirect, "https://saas.example/back?a=b&auth_code=") || !strings.HasSuffix(got.Redirect, "&expires_in=3600") {
			t.Fatalf("got %q and %v", got.Redirect, err)
		}
		s.redeem(component, got.Code)
		late := newPage()
		time.Sleep(30 * time.Minute)
		for name, row := range map[string]struct {
			page string
			want error
		}{
			"again":                 {page, ErrPreAuthCode},
			"late":                  {late, ErrPreAuthCode},
			"another platform's":    {strings.Replace(newPage(), saasID, "wxbbbbbbbbbbbbbbbb", 1), ErrOtherPage},
			"nowhere to go back to": {strings.Replace(newPage(), "redirect_uri", "redirect", 1), ErrRedirect},
			"no page":               {"https://saas.example/", ErrPage},
			"a type of none":        {strings.Replace(newPage(), "auth_type=3", "auth_type=7", 1), ErrAuthType},
		} {
			if _, err := s.Visit(row.page, shop); !errors.Is(err, row.want) {
				t.Errorf("%s: got %v; want %v", name, err, row.want)
			}
		}
		phone := strings.Replace(newPage(), "mp.weixin.qq.com/cgi-bin/componentloginpage?", "open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&", 1) + "&biz_appid=" + cafe + "#wechat_redirect"
		if got, err := s.Visit(phone, shop); err != nil || got.AppID != cafe {
			t.Errorf("on a phone: got %s and %v; want the account that the page names", got.AppID, err)
		}
	})
}

// A test decides in which order events come, how often, and when.
func TestEventsComeTwiceInAnotherOrderAndLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, component := started(t)
		first := s.Grant(shop)
		time.Sleep(time.Second)
		cancelled := s.Revoke(shop)
		time.Sleep(time.Second)
		second := s.Grant(shop)
		for _, e := range []Event{second.Event, first.Event, cancelled, second.Event} {
			s.Push(t.Context(), e)
		}
		got := s.plain[len(s.plain)-4:]
		if got[0] != got[3] || got[0] == got[1] || !strings.Contains(got[2], "unauthorized") {
			t.Errorf("got %q; want the second authorization, the first, the end, and the second again", got)
		}
		if !first.Event.Created.Before(cancelled.Created) || !cancelled.Created.Before(second.Event.Created) {
			t.Error("the events do not say in which order things happened")
		}

		// One comes while a code is redeemed: the answer is held back once the code is spent.
		s.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_query_auth", Times: 1, Delay: time.Second})
		answered := make(chan time.Time, 1)
		go func() {
			s.redeem(component, second.Code)
			answered <- time.Now()
		}()
		time.Sleep(time.Second / 2)
		s.Cancel(t.Context(), shop)
		if pushed := time.Now(); !pushed.Before(<-answered) {
			t.Error("the answer came before the event")
		}
	})
}

func TestWeChatLooksAtWhereAPlatformsEventsGo(t *testing.T) {
	s, component := started(t)
	const ask = `{"action":"dns","check_operator":"DEFAULT"}`
	if got := s.call("/cgi-bin/callback/check?access_token="+component, ask); errcode(got) != 0 || got["dns"] == nil {
		t.Errorf("got %v; want what it sees", got)
	}
	access, _ := s.redeem(component, s.Grant(shop).Code)
	if got := s.call("/cgi-bin/callback/check?access_token="+access, ask); errcode(got) != 40201 {
		t.Errorf("an account's: got %v; want 40201, as it has no URL", got)
	}
}

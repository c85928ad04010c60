package wechattest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

func TestATokenIsLongAndSafeInURLsAndHasThePrefix(t *testing.T) {
	token := classic(t, newWeChat()).Token
	if !strings.HasPrefix(token, wechattest.TokenPrefix) || len(token) < 140 || len(token) > 160 {
		t.Errorf("got %q of length %d; want about 150 characters after %q", token, len(token), wechattest.TokenPrefix)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]+$`).MatchString(token) {
		t.Errorf("got %q; want only characters that a URL needs not escape", token)
	}
}

func TestTheTokenAPIsRefuseWhatWeChatRefuses(t *testing.T) {
	const query = "/cgi-bin/token?"
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"classic: wrong secret", "GET", query + "grant_type=client_credential&appid=" + appID + "&secret=x", "", 40125},
		{"classic: unknown appid", "GET", query + "grant_type=client_credential&appid=wx1&secret=x", "", 40013},
		{"classic: no appid", "GET", query + "grant_type=client_credential&secret=x", "", 41002},
		{"classic: no secret", "GET", query + "grant_type=client_credential&appid=" + appID, "", 41004},
		{"classic: wrong grant_type", "GET", query + "grant_type=x&appid=" + appID + "&secret=" + secret, "", 40002},
		{"stable: by GET", "GET", "/cgi-bin/stable_token", "", 43002},
		{"stable: no body", "POST", "/cgi-bin/stable_token", "", 44002},
		{"stable: not JSON", "POST", "/cgi-bin/stable_token", "{", 47001},
		{"stable: JSON of another shape", "POST", "/cgi-bin/stable_token", `{"appid":1}`, 47001},
		{"stable: wrong grant_type", "POST", "/cgi-bin/stable_token", `{"appid":"` + appID + `"}`, 40002},
		{"stable: no appid", "POST", "/cgi-bin/stable_token", `{"grant_type":"client_credential"}`, 41002},
		{"stable: wrong secret", "POST", "/cgi-bin/stable_token", `{"grant_type":"client_credential","appid":"` + appID + `","secret":"x"}`, 40125},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeChat()
			a := do(t, w, request(t, tt.method, tt.target, tt.body))
			if got := a.errcode(t); got != tt.want {
				t.Errorf("got %s; want %d", a.body, tt.want)
			}
			if tokens := w.Tokens(appID); len(tokens) != 0 {
				t.Errorf("got tokens %q; want none", tokens)
			}
		})
	}
}

func TestARefusalHasTheShapeOfWeChats(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: secret, AllowIPs: []string{"10.0.0.1"}})
	a := get(t, w, classicTarget)
	want := regexp.MustCompile(`^{"errcode":40164,"errmsg":"invalid ip 127\.0\.0\.1 ipv6 ::ffff:127\.0\.0\.1, not in whitelist rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}"}$`)
	if !want.Match(a.body) {
		t.Errorf("got body %s; want %s", a.body, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; encoding=utf-8",
		"LogicRet":     "40164",
		"RetKey":       "11",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("got %s %q; want %q", name, got, want)
		}
	}
	if a.status != http.StatusOK {
		t.Errorf("got status %d; want 200", a.status)
	}
	if got := w.Fetches(appID); got.Refused != 1 {
		t.Errorf("got %+v; want one refused", got)
	}
}

func TestAnAddressOnTheListMayAsk(t *testing.T) {
	w := wechattest.New(wechattest.App{ID: appID, Secret: secret, AllowIPs: []string{"10.0.0.1"}})
	w.AddApp(wechattest.App{ID: appID, Secret: secret, AllowIPs: []string{"127.0.0.1"}})
	classic(t, w)
}

func TestSettingsCanChangeWhileTokensStayGood(t *testing.T) {
	w := newWeChat()
	g := stable(t, w)
	w.SetSecret(appID, "another")
	if got := get(t, w, classicTarget).errcode(t); got != 40125 {
		t.Errorf("got %d for the old secret; want 40125", got)
	}
	w.AddApp(wechattest.App{ID: appID, Secret: secret})
	if again := stable(t, w); again.Token != g.Token {
		t.Error("got another token; want the one from before")
	}
}

func TestAClassicFetchRotatesTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		first := classic(t, w)
		if first.ExpiresIn != 7200 {
			t.Errorf("got expires_in %d; want 7200", first.ExpiresIn)
		}
		time.Sleep(time.Hour)
		second := classic(t, w)
		if second.Token == first.Token {
			t.Fatal("got the same token; want a new one")
		}
		if got, want := w.Tokens(appID), []string{first.Token, second.Token}; !slices.Equal(got, want) {
			t.Errorf("got good tokens %q; want both", got)
		}
		time.Sleep(5*time.Minute - 1)
		wantToken(t, w, first.Token, 0)
		time.Sleep(time.Nanosecond)
		wantToken(t, w, first.Token, 40001)
		wantToken(t, w, second.Token, 0)
	})
}

func TestTheTokenBeforeThePreviousDiesAtOnce(t *testing.T) {
	w := newWeChat()
	first, second, third := classic(t, w), classic(t, w), classic(t, w)
	wantToken(t, w, first.Token, 40001)
	wantToken(t, w, second.Token, 0)
	wantToken(t, w, third.Token, 0)
}

func TestAPreviousTokenDoesNotOutliveItsOwnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		first := classic(t, w)
		time.Sleep(7200*time.Second - time.Minute)
		classic(t, w)
		wantToken(t, w, first.Token, 0)
		time.Sleep(time.Minute)
		wantToken(t, w, first.Token, 40001)
	})
}

func TestAnExpiredTokenGets42001UntilThereIsANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: secret, Life: time.Minute})
		first := classic(t, w)
		if first.ExpiresIn != 60 {
			t.Errorf("got expires_in %d; want 60", first.ExpiresIn)
		}
		time.Sleep(time.Minute - 1)
		wantToken(t, w, first.Token, 0)
		time.Sleep(time.Nanosecond)
		wantToken(t, w, first.Token, 42001)
		classic(t, w)
		wantToken(t, w, first.Token, 40001)
	})
}

func TestAStableFetchGivesTheSameTokenAndItsRemainingSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		first := stable(t, w)
		for _, tt := range []struct {
			sleep time.Duration
			want  int
		}{{time.Millisecond, 7199}, {999 * time.Millisecond, 7199}, {time.Nanosecond, 7198}, {6898*time.Second - 1, 301}, {time.Second, 300}} {
			time.Sleep(tt.sleep)
			if got, want := stable(t, w), (grant{first.Token, tt.want}); got != want {
				t.Errorf("got %+v; want %+v", got, want)
			}
		}

		time.Sleep(time.Second) // the last five minutes have begun
		second := stable(t, w)
		if second.Token == first.Token || second.ExpiresIn != 7200 {
			t.Errorf("got %+v; want a new token for 7200 s", second)
		}
		if again := stable(t, w); again.Token != second.Token {
			t.Error("got a third token; want the second again")
		}
		time.Sleep(299*time.Second - 1)
		wantToken(t, w, first.Token, 0)
		wantToken(t, w, second.Token, 0)
		time.Sleep(time.Nanosecond)
		wantToken(t, w, first.Token, 40001)
		wantToken(t, w, second.Token, 0)
	})
}

func TestAStableTokenOfShortLifeIsReplacedInItsLastHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: secret, Life: time.Minute})
		first := stable(t, w)
		time.Sleep(30 * time.Second)
		if again := stable(t, w); again.Token != first.Token || again.ExpiresIn != 30 {
			t.Errorf("got %+v; want the same token for 30 s", again)
		}
		time.Sleep(time.Second)
		if again := stable(t, w); again.Token == first.Token || again.ExpiresIn != 60 {
			t.Errorf("got %+v; want a new token for 60 s", again)
		}
	})
}

func TestAForcedRefreshKillsTheTokenButNotTwiceIn30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeChat()
		first := stable(t, w)
		second := forced(t, w)
		if second.Token == first.Token {
			t.Fatal("got the same token; want it refreshed")
		}
		wantToken(t, w, first.Token, 40001)

		time.Sleep(30*time.Second - 1)
		if got := forced(t, w); got.Token != second.Token || got.ExpiresIn != 7170 {
			t.Errorf("got %+v; want the same token and 7170 s", got)
		}
		time.Sleep(time.Nanosecond)
		if got := forced(t, w); got.Token == second.Token {
			t.Error("got the same token; want it refreshed after 30 s")
		}
		wantToken(t, w, second.Token, 40001)
		if got, want := w.Fetches(appID), (wechattest.Fetches{Stable: 4, Forced: 3}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	})
}

func TestTheTwentyFirstForcedRefreshOfADayIsSilentlyNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at 08:00 in Beijing
		w := newWeChat()
		seen := make(map[string]bool)
		for range 21 {
			seen[forced(t, w).Token] = true
			time.Sleep(30 * time.Second)
		}
		if len(seen) != 20 {
			t.Errorf("got %d tokens of 21 forced refreshes; want 20", len(seen))
		}
		time.Sleep(16 * time.Hour)
		if last := forced(t, w); seen[last.Token] {
			t.Error("got an old token; want a new one the next day")
		}
	})
}

func TestTheTwoKindsOfTokensAreIsolated(t *testing.T) {
	w := newWeChat()
	s, c := stable(t, w), classic(t, w)
	classic(t, w)
	classic(t, w)
	wantToken(t, w, s.Token, 0)
	last := classic(t, w)
	forced(t, w)
	wantToken(t, w, last.Token, 0)
	wantToken(t, w, c.Token, 40001)
	wantToken(t, w, s.Token, 40001)
}

func TestAppsDoNotShareTokens(t *testing.T) {
	w := newWeChat()
	w.AddApp(wechattest.App{ID: "wx2", Secret: "two"})
	first := classic(t, w)
	for range 3 {
		granted(t, get(t, w, "/cgi-bin/token?grant_type=client_credential&appid=wx2&secret=two"))
	}
	w.Revoke("wx2")
	wantToken(t, w, first.Token, 0)
}

func TestQuotasEndWithTheDayOfBeijing(t *testing.T) {
	for _, tt := range []struct {
		name string
		app  wechattest.App
		ask  func(t *testing.T, w *wechattest.WeChat) answer
		n    int
	}{
		{"classic", wechattest.App{ID: appID, Secret: secret}, askClassic, 2000},
		{"classic, own number", wechattest.App{ID: appID, Secret: secret, ClassicPerDay: 3}, askClassic, 3},
		{"stable", wechattest.App{ID: appID, Secret: secret, StablePerDay: 3}, askStable, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // begins at 08:00 in Beijing
				w := wechattest.New(tt.app)
				for range tt.n {
					granted(t, tt.ask(t, w))
				}
				time.Sleep(16*time.Hour - 1)
				if got := tt.ask(t, w).errcode(t); got != 45009 {
					t.Errorf("got %d; want 45009", got)
				}
				time.Sleep(time.Nanosecond)
				granted(t, tt.ask(t, w))
			})
		})
	}
}

func askClassic(t *testing.T, w *wechattest.WeChat) answer {
	t.Helper()
	return get(t, w, classicTarget)
}

func askStable(t *testing.T, w *wechattest.WeChat) answer {
	t.Helper()
	return post(t, w, "/cgi-bin/stable_token", stableBody(false))
}

func TestTheStableQuotaOfAMinuteEndsWithTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: secret, StablePerMinute: 2})
		stable(t, w)
		stable(t, w)
		if got := askStable(t, w).errcode(t); got != 45011 {
			t.Errorf("got %d; want 45011", got)
		}
		time.Sleep(time.Minute)
		stable(t, w)
		if got, want := w.Fetches(appID), (wechattest.Fetches{Stable: 3, Refused: 1}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	})
}

func TestQuotasCanBeClearedTenTimesAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wechattest.New(wechattest.App{ID: appID, Secret: secret, ClassicPerDay: 1, StablePerDay: 1})
		token := classic(t, w).Token
		clearBody := `{"appid":"` + appID + `"}`
		bySecret := "/cgi-bin/clear_quota/v2?appid=" + appID + "&appsecret=" + secret
		if got := post(t, w, "/cgi-bin/clear_quota?access_token="+token, clearBody).errcode(t); got != 0 {
			t.Fatalf("got %d; want the quota cleared", got)
		}
		classic(t, w)
		for range 9 {
			if got := post(t, w, bySecret, "").errcode(t); got != 0 {
				t.Fatalf("got %d; want the quota cleared", got)
			}
			classic(t, w)
		}
		if got := post(t, w, bySecret, "").errcode(t); got != 48006 {
			t.Errorf("got %d the eleventh time; want 48006", got)
		}
		time.Sleep(31 * 24 * time.Hour)
		if got := post(t, w, bySecret, "").errcode(t); got != 0 {
			t.Errorf("got %d the next month; want 0", got)
		}
	})
}

func TestClearingQuotasNeedsTheRightApp(t *testing.T) {
	w := newWeChat()
	target := "/cgi-bin/clear_quota?access_token=" + classic(t, w).Token
	for _, tt := range []struct {
		name, target, body string
		want               int
	}{
		{"another appid", target, `{"appid":"wx2"}`, 40013},
		{"appid of another type", target, `{"appid":2}`, 47001},
		{"wrong secret", "/cgi-bin/clear_quota/v2?appid=" + appID + "&appsecret=x", "", 40125},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := post(t, w, tt.target, tt.body).errcode(t); got != tt.want {
				t.Errorf("got %d; want %d", got, tt.want)
			}
		})
	}
}

func TestOnlyTheTokenInTheQueryCounts(t *testing.T) {
	w := newWeChat()
	token := classic(t, w).Token
	for _, tt := range []struct {
		name, query, body string
		want, doubled     int
	}{
		{"good", "access_token=" + token, "{}", 0, 0},
		{"good among others", "a=1&access_token=" + token + "&b=2", "{}", 0, 0},
		{"name escaped", "%61ccess_token=" + token, "{}", 0, 0},
		{"value escaped", "access_token=%77" + token[1:], "{}", 0, 0},
		{"missing", "", "{}", 41001, 0},
		{"empty", "access_token=", "{}", 41001, 0},
		{"without value", "access_token", "{}", 41001, 0},
		{"in the body", "", `{"access_token":"` + token + `"}`, 41001, 0},
		{"name in capitals", "Access_Token=" + token, "{}", 41001, 0},
		{"name broken", "%zzaccess_token=" + token, "{}", 41001, 0},
		{"after a semicolon", "a=1;access_token=" + token, "{}", 41001, 0},
		{"garbage", "access_token=2", "{}", 40014, 0},
		{"cut", "access_token=" + token[:100], "{}", 40014, 0},
		{"a user's", "access_token=" + wechattest.UserTokenPrefix + "x", "{}", 40001, 0},
		{"twice", "access_token=" + token + "&access_token=" + token, "{}", 40014, 1},
		{"twice in other spelling", "access_token=" + token + "&ACCESS%5Ftoken", "{}", 40014, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := w.Doubled()
			a := post(t, w, "/cgi-bin/message/custom/send?"+tt.query, tt.body)
			if got := a.errcode(t); got != tt.want {
				t.Errorf("got %s; want %d", a.body, tt.want)
			}
			if got := w.Doubled() - before; got != tt.doubled {
				t.Errorf("got %d doubled; want %d", got, tt.doubled)
			}
		})
	}
	if got := len(w.Sent()); got != 4 {
		t.Errorf("got %d messages sent; want those of the 4 good tokens", got)
	}
}

func FuzzOnlyTheOneGoodTokenIsHonoured(f *testing.F) {
	w := newWeChat()
	w.Steal(appID)
	token := w.Tokens(appID)[0]
	for _, query := range []string{
		"access_token=GOOD", "a=1&%61ccess_token=GOOD", "access_token=GOOD&Access_token", "access_token=%zz&access_token=GOOD",
		"a;access_token=GOOD", "access_token=GOOD%", "&&=&access_token=GOOD=", "access_token=+GOOD",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		query = strings.ReplaceAll(query, "GOOD", token)
		r := request(t, http.MethodGet, "/cgi-bin/getcallbackip", "")
		r.URL.RawQuery = query
		if do(t, w, r).errcode(t) != 0 {
			return
		}
		seen, _ := url.ParseQuery(query)
		if got := seen["access_token"]; !slices.Equal(got, []string{token}) {
			t.Errorf("query %q was honoured; it shows the tokens %q", query, got)
		}
	})
}

func TestAdvanceMovesWeChatsClock(t *testing.T) {
	w := newWeChat()
	first := stable(t, w)
	w.Advance(2 * time.Hour)
	wantToken(t, w, first.Token, 42001)
	if second := stable(t, w); second.Token == first.Token {
		t.Error("got the expired token; want a new one")
	}
	wantToken(t, w, first.Token, 40001)
}

func ExampleWeChat() {
	w := wechattest.New(wechattest.App{ID: "wx1", Secret: "s"})
	client := &http.Client{Transport: w}
	resp, err := client.Get("https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=s")
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, w.Fetches("wx1").Classic)
	// Output: 200 1
}

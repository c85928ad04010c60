package wechat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

func TestAnAnswerIsATokenOrARefusalOrNothing(t *testing.T) {
	const appSecret = "0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		name, body string
		token      string
		life       time.Duration
		refusal    token.Refusal
		problem    string
	}{
		{name: "as documented", body: `{"access_token":"T","expires_in":7200}`, token: "T", life: 2 * time.Hour},
		{name: "numeric string", body: `{"access_token":"T","expires_in":"345"}`, token: "T", life: 345 * time.Second},
		{name: "fraction", body: `{"access_token":"T","expires_in":7199.9}`, token: "T", life: 7199 * time.Second},
		{name: "errcode 0", body: `{"errcode":0,"errmsg":"ok","access_token":"T","expires_in":60}`, token: "T", life: time.Minute},
		{name: "errcode 0 as a string", body: `{"errcode":"0","access_token":"T","expires_in":60}`, token: "T", life: time.Minute},
		{name: "errcode null", body: `{"errcode":null,"access_token":"T","expires_in":60}`, token: "T", life: time.Minute},
		{name: "a day", body: `{"access_token":"T","expires_in":86400}`, token: "T", life: 24 * time.Hour},
		{name: "more than a day", body: `{"access_token":"T","expires_in":86401}`, token: "T", life: 2 * time.Hour},
		{name: "absurdly long", body: `{"access_token":"T","expires_in":1e300}`, token: "T", life: 2 * time.Hour},
		{name: "raw control bytes", body: "{\"access_token\":\"T\",\r\n\t\"note\":\"\x07\x14\",\"expires_in\":60}", token: "T", life: time.Minute},
		{name: "broken UTF-8", body: "{\"access_token\":\"T\",\"note\":\"\xff\xe4\",\"expires_in\":60}", token: "T", life: time.Minute},
		{name: "a long token", body: `{"access_token":"` + strings.Repeat("T", 2048) + `","expires_in":60}`, token: strings.Repeat("T", 2048), life: time.Minute},

		{name: "no lifetime", body: `{"access_token":"T"}`, token: "T", life: 5 * time.Minute},
		{name: "lifetime 0", body: `{"access_token":"T","expires_in":0}`, token: "T", life: 5 * time.Minute},
		{name: "lifetime below a second", body: `{"access_token":"T","expires_in":0.5}`, token: "T", life: 5 * time.Minute},
		{name: "negative lifetime", body: `{"access_token":"T","expires_in":-7200}`, token: "T", life: 5 * time.Minute},
		{name: "lifetime in words", body: `{"access_token":"T","expires_in":"soon"}`, token: "T", life: 5 * time.Minute},
		{name: "not a number", body: `{"access_token":"T","expires_in":"NaN"}`, token: "T", life: 5 * time.Minute},
		{name: "lifetime null", body: `{"access_token":"T","expires_in":null}`, token: "T", life: 5 * time.Minute},
		{name: "lifetime that is an object", body: `{"access_token":"T","expires_in":{"a":[1]}}`, token: "T", life: 5 * time.Minute},
		{name: "no token", body: `{"expires_in":7200}`, problem: "access_token"},
		{name: "empty token", body: `{"access_token":"","expires_in":7200}`, problem: "access_token"},
		{name: "token null", body: `{"access_token":null,"expires_in":7200}`, problem: "access_token"},
		{name: "token with a blank", body: `{"access_token":"T T","expires_in":7200}`, problem: "access_token"},
		{name: "token that a query must escape", body: `{"access_token":"T&x=y+/","expires_in":7200}`, token: "T&x=y+/", life: 2 * time.Hour},
		{name: "token with a control character", body: `{"access_token":"T\u0000","expires_in":7200}`, problem: "access_token"},
		{name: "token that is a number", body: `{"access_token":7,"expires_in":7200}`, problem: "JSON"},
		{name: "empty", body: "", problem: "empty"},
		{name: "blank", body: " \r\n", problem: "empty"},
		{name: "truncated", body: `{"access_token":"T","expires_in":72`, problem: "JSON"},
		{name: "more after the end", body: `{"access_token":"T","expires_in":7200}{}`, problem: "JSON"},
		{name: "a page", body: "<html>502 Bad Gateway</html>", problem: "JSON"},
		{name: "null", body: "null", problem: "access_token"},
		{name: "an array", body: "[]", problem: "JSON"},

		{name: "refused", body: `{"errcode":40013,"errmsg":"invalid appid rid: 1-2"}`, refusal: token.Refusal{Code: 40013, Reason: "invalid appid rid: 1-2"}},
		{name: "refused, errcode as a string", body: `{"errcode":"-1","errmsg":"system error"}`, refusal: token.Refusal{Code: -1, Reason: "system error"}},
		{name: "refused, quoting an unknown token", body: `{"errcode":40001,"errmsg":"bad url /x?a=1&access_token=T-eee&b=2"}`,
			refusal: token.Refusal{Code: 40001, Reason: "bad url /x?a=1&access_token=[hidden]&b=2"}},
		{name: "refused, quoting an unknown token, encoded", body: `{"errcode":40001,"errmsg":"bad url %3FACCESS_TOKEN%3DT-eee%26b"}`,
			refusal: token.Refusal{Code: 40001, Reason: "bad url %3FACCESS_TOKEN%3D[hidden]%26b"}},
		{name: "refused, quoting AppSecrets", body: `{"errcode":40001,"errmsg":"secret=s3cr3t, appsecret=s3cr3t"}`,
			refusal: token.Refusal{Code: 40001, Reason: "secret=[hidden] appsecret=[hidden]"}},
		{name: "refused, quoting a request's JSON", body: `{"errcode":40001,"errmsg":"got {\"secret\": \"s3cr3t\",\"appid\":\"wx1\"}"}`,
			refusal: token.Refusal{Code: 40001, Reason: `got {"secret": "[hidden]","appid":"wx1"}`}},
		{name: "refused without a reason", body: `{"errcode":40013}`, refusal: token.Refusal{Code: 40013, Reason: "no errmsg"}},
		{name: "refused in spite of a token", body: `{"errcode":45009,"errmsg":"T is over","access_token":"T","expires_in":7200}`,
			refusal: token.Refusal{Code: 45009, Reason: "[hidden] is over"}},
		{name: "refused, quoting the secret", body: `{"errcode":40125,"errmsg":"` + appSecret + ` is wrong"}`, refusal: token.Refusal{Code: 40125, Reason: "[hidden] is wrong"}},
		{name: "refused, quoting the secret in pieces", body: `{"errcode":40125,"errmsg":"` + appSecret[:9] + `\u0000` + appSecret[9:] + ` is wrong"}`,
			refusal: token.Refusal{Code: 40125, Reason: "[hidden] is wrong"}},
		{name: "refused, quoting a token", body: `{"errcode":40014,"errmsg":"invalid access_token [` + strings.Repeat("aB3_-", 30) + `] rid: 62bd3be0-12345678-12345678"}`,
			refusal: token.Refusal{Code: 40014, Reason: "invalid access_token [[hidden]] rid: 62bd3be0-12345678-12345678"}},
		{name: "refused in Chinese", body: `{"errcode":85107,"errmsg":"URL不在白名单内"}`, refusal: token.Refusal{Code: 85107, Reason: "URL不在白名单内"}},
		{name: "refused at length", body: `{"errcode":1,"errmsg":"` + strings.Repeat("啊 ", 400) + `"}`, refusal: token.Refusal{Code: 1, Reason: strings.Repeat("啊 ", 149) + "啊…"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := time.Now()
			got, err := asking.Read(issuerName, []byte(test.body), sent, secret.New(appSecret))
			if got.Value.Reveal() != test.token {
				t.Errorf("got token %q; want %q", got.Value.Reveal(), test.token)
			}
			if life := got.Expires.Sub(sent); test.token != "" && life != test.life {
				t.Errorf("got life %v; want %v", life, test.life)
			}
			if refusal, ok := errors.AsType[*token.Refusal](err); test.refusal.Code != 0 && (!ok || *refusal != test.refusal) {
				t.Errorf("got error %v; want %v", err, &test.refusal)
			}
			if bad, ok := errors.AsType[asking.Bad](err); test.problem != "" && (!ok || !strings.Contains(bad.Error(), test.problem)) {
				t.Errorf("got error %v; want one about %q", err, test.problem)
			}
		})
	}
}

func FuzzAnAnswerNeverLeaksAndNeverLies(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"T","expires_in":7200}`, `{"errcode":"40125","errmsg":"canary"}`, "{\"errmsg\":\"\x07\xff\",\"errcode\":-1}",
		`{"access_token":"T","expires_in":"1e9"}`, `{"errcode":1e300}`, `{"errcode":0.5}`, `[]`, ``, `{"expires_in":-9223372036854775808}`,
	} {
		f.Add([]byte(body))
	}
	credential := secret.New("canary")
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := time.Now()
		got, err := asking.Read(issuerName, body, sent, credential)
		if (err == nil) == got.Value.Empty() {
			t.Fatalf("got token %q and error %v; want one of them", got.Value.Reveal(), err)
		}
		if err == nil {
			if life := got.Expires.Sub(sent); life < time.Second || life > token.LongestLife {
				t.Errorf("got life %v; want one second to a day", life)
			}
			if strings.ContainsFunc(got.Value.Reveal(), secret.Invisible) {
				t.Errorf("got token %q; want one that fits a query", got.Value.Reveal())
			}
			return
		}
		text := err.Error()
		if strings.Contains(text, "canary") || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("got error %q; want one safe line", text)
		}
		if refusal, ok := errors.AsType[*token.Refusal](err); ok && (refusal.Code == 0 || utf8.RuneCountInString(refusal.Reason) > secret.MaxQuote) {
			t.Errorf("got refusal %+v; want a code and a short reason", refusal)
		}
	})
}

func TestAStableTokenWithAnOddLifeIsRepeatedWithoutAStorm(t *testing.T) {
	for _, test := range []struct {
		name, life string
		most       int // fetches in an hour, of a WeChat that never issues another token
	}{
		{"zero", `,"expires_in":0`, 25},
		{"negative", `,"expires_in":-1`, 25},
		{"missing", ``, 25},
		{"a minute", `,"expires_in":60`, 360},
		{"a string", `,"expires_in":"7200"`, 2},
		{"a day", `,"expires_in":86400`, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fetches := 0
				k := token.NewKeeper(token.Options{Issuer: NewIssuer(), Name: "shop", AppID: "wx1", Fetch: func(context.Context) (token.Token, error) {
					fetches++
					return asking.Read(issuerName, []byte(`{"access_token":"T"`+test.life+`}`), time.Now(), secret.Secret{})
				}})
				defer k.Stop()
				k.Start()
				for range 3600 {
					if got, err := k.Token(time.Minute); got != "T" || err != nil {
						t.Errorf("Token: got %q, %v; want %q", got, err, "T")
					}
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if fetches > test.most {
					t.Errorf("got %d fetches in an hour; want %d at most", fetches, test.most)
				}
			})
		})
	}
}

func TestALifetimeThatIsOddIsLivedWith(t *testing.T) {
	for _, test := range []struct {
		body        string
		next        time.Duration // until the refresh, at least
		least, most int           // fetches in an hour
	}{
		{`{"access_token":"T","expires_in":0}`, 150 * time.Second, 12, 25},
		{`{"access_token":"T","expires_in":-5}`, 150 * time.Second, 12, 25},
		{`{"access_token":"T"}`, 150 * time.Second, 12, 25},
		{`{"access_token":"T","expires_in":"7200"}`, 115 * time.Minute, 1, 1},
		{`{"access_token":"T","expires_in":60}`, 30 * time.Second, 60, 130},
		{`{"access_token":"T","expires_in":86400}`, 24*time.Hour - 5*time.Minute, 1, 1},
		{`{"access_token":"T","expires_in":99999999}`, 115 * time.Minute, 1, 1},
	} {
		t.Run(test.body, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				k := token.NewKeeper(token.Options{Issuer: NewIssuer(), Name: "shop", AppID: "wx1", Kind: token.Rotating{}, Fetch: func(context.Context) (token.Token, error) {
					body := strings.Replace(test.body, `"T"`, fmt.Sprintf(`"T%d"`, asked.Add(1)), 1)
					return asking.Read(issuerName, []byte(body), time.Now(), secret.Secret{})
				}})
				defer k.Stop()
				k.Start()
				if got, err := k.Token(time.Minute); got != "T1" || err != nil {
					t.Errorf("Token: got %q, %v; want %q", got, err, "T1")
				}
				if next := time.Until(k.Status().NextRefresh); next < test.next || next > test.next*7/5 {
					t.Errorf("got the next refresh in %v; want %v, or a little later", next, test.next)
				}
				time.Sleep(time.Hour)
				if got := int(asked.Load()); got < test.least || got > test.most {
					t.Errorf("got %d fetches in an hour; want %d to %d", got, test.least, test.most)
				}
				if _, err := k.Token(0); err != nil {
					t.Errorf("after an hour: %v", err)
				}
			})
		})
	}
}

// A machine that slept, or whose clock was set, keeps the token that its own time
// says is good, and renews it at once when the clock on the wall disagrees.

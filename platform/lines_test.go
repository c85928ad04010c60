package platform_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/wechattest"
)

// Accounts that fail all at once, for one reason, have so many lines that somebody reads them,
// and one that says how many more there are. Another reason has its own.
func TestAccountsThatFailAtOnceHaveABoundedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = 400
		w := newWorld(t)
		p := w.run(w.options())
		appID := func(n int) string { return fmt.Sprintf("wx%016x", n) }
		for n := range accounts {
			w.push(p, w.Grant(appID(n)).Event)
		}
		time.Sleep(2 * time.Minute)
		said := func(message string) (lines int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return strings.Count(w.log.String(), message)
		}
		if got := said("authorization redeemed"); got < 100 || got > 102 {
			t.Errorf("got %d lines about %d authorizations; want a hundred, and how many more", got, accounts)
		}
		w.mu.Lock()
		w.log.Reset()
		w.mu.Unlock()
		w.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_authorizer_token", Errcode: 48001})
		for n := range accounts {
			a, _ := p.Authorizer(appID(n))
			value, err := a.Token(time.Second)
			if err != nil {
				t.Fatal(err)
			}
			w.RevokeTokens(appID(n))
			if _, err := a.Replace(value, 5*time.Second); err == nil {
				t.Error("got a token; want a failure")
			}
		}
		w.wechat.Inject(wechattest.Fault{Path: "/cgi-bin/component/api_get_authorizer_info", Errcode: 61003})
		p.Stop()
		if got := said("token not refreshed"); got < 100 || got > 101 {
			t.Errorf("got %d lines of %d failures; want a hundred, and one that tells of the others", got, accounts)
		}
		if said("level=ERROR msg=\"the same was said of further accounts of a platform\"") == 0 || said(fmt.Sprint("errcode=48001 count=", accounts-100)) != 1 {
			t.Errorf("got %s; want how many more there were", w.log.String()[max(0, w.log.Len()-900):])
		}
	})
}

package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
)

// A season is some hours in the life of SDKs that keep tokens and tickets where they
// outlast the process: silenceper in Redis, the others in files. Their programs,
// Redis, wxproxy and WeChat live by one clock, which the test moves.
type season struct {
	t     *testing.T
	clock *clock
	w     weChat
	redis *redistest.Server
	p     *program
	sdks  []sdk
	dirs  map[string]string // of their caches, by name
}

func newSeason(t *testing.T, toml string, names ...string) *season {
	t.Helper()
	s := &season{t: t, clock: newClock(t), w: startWeChat(t), dirs: map[string]string{}}
	s.redis = redistest.Start(t, s.clock.env...)
	s.p = serving(t, s.w.URL, toml, s.clock.env...)
	for _, one := range sdks(t) {
		for _, name := range names {
			if one.name == name {
				s.sdks, s.dirs[name] = append(s.sdks, one), t.TempDir()
			}
		}
	}
	return s
}

// pass lets time pass, while every few minutes each SDK's program starts, makes its
// calls with this secret and ends.
func (s *season) pass(long time.Duration, secret string) {
	s.t.Helper()
	const pause = 11 * time.Minute
	for ; long > 0; long -= pause {
		var running sync.WaitGroup
		for _, one := range s.sdks {
			running.Go(func() {
				env := append([]string{"SDK_REDIS=" + s.redis.Addr}, s.clock.env...)
				if !one.runIn(s.t, s.dirs[one.name], s.p, appID, secret, env...) {
					s.t.Errorf("%s: that was after %v", one.name, s.clock.ahead)
				}
			})
		}
		running.Wait()
		if s.t.Failed() {
			s.t.FailNow()
		}
		s.clock.advance(pause)
		s.w.Advance(pause)
	}
}

// mustHaveRenewed checks that time did pass for wxproxy: after so many hours WeChat
// was asked for so many tokens and tickets at least, and not for many more.
func (s *season) mustHaveRenewed() {
	s.t.Helper()
	hours := int(s.clock.ahead / time.Hour)
	fetches := s.w.Fetches(appID)
	if n := fetches.Stable + fetches.Classic; n < hours/2 || n > 2*hours+4 {
		s.t.Errorf("got %+v in %d hours; want a token about every two hours", fetches, hours)
	}
	if n := s.w.Calls("/cgi-bin/ticket/getticket"); n < hours/2 || n > 2*hours+4 {
		s.t.Errorf("got %d calls of getticket in %d hours; want one an hour at most", n, hours)
	}
}

const newAppSecret = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b11"

// changeSecret has WeChat reset the AppSecret and tells wxproxy.
func (s *season) changeSecret(toml string) {
	s.t.Helper()
	s.w.SetSecret(appID, newAppSecret)
	s.p.mustReload(toml)
}

// No call of an SDK fails while its caches outlive tokens, tickets, the AppSecret and
// its own key.
func TestSDKsWithLastingCachesNeverFail(t *testing.T) {
	t.Parallel()
	renewed := strings.Replace(fourLines, appSecret, newAppSecret, 1)
	t.Run("with a key", func(t *testing.T) {
		t.Parallel()
		const first, second = "orders-key-first-0123456789", "orders-key-second-0123456789"
		client := func(keys string) string { return "[[client]]\nname = \"orders\"\n" + keys }
		s := newSeason(t, fourLines+client(`key = "`+first+`"`), "silenceper", "easywechat")
		s.pass(40*time.Minute, first)
		s.changeSecret(renewed + client(`key = "`+first+`"`))
		s.pass(20*time.Minute, first)
		s.p.mustReload(renewed + client(`key = "`+second+"\"\nkey_old = \""+first+`"`))
		s.pass(20*time.Minute, first)
		s.pass(125*time.Minute, second)
		s.p.mustReload(renewed + client(`key = "`+second+`"`))
		s.pass(30*time.Minute, second)
		s.mustHaveRenewed()
		s.p.stop()
	})
	t.Run("without clients", func(t *testing.T) {
		t.Parallel()
		s := newSeason(t, fourLines, "silenceper", "fastwego", "easywechat with stable tokens")
		s.pass(90*time.Minute, "whatever")
		s.changeSecret(renewed)
		s.pass(100*time.Minute, "whatever")
		s.mustHaveRenewed()
		s.p.stop()
	})
	t.Run("with WeChat's own tokens", func(t *testing.T) {
		t.Parallel()
		s := newSeason(t, "[proxy]\ntoken_endpoint = \"real\"\n"+fourLines+"token_api = \"classic\"\n", "silenceper", "easywechat")
		s.pass(150*time.Minute, "whatever")
		s.mustHaveRenewed()
		s.p.stop()
	})
}

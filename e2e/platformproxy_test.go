package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest/platformtest"
)

// Programs that manage a platform's tokens go on as they are: the tickets, codes and tokens
// that they handle are placeholders, and the code that they show was redeemed already.
func TestSDKsManageAPlatformBehindTheProxy(t *testing.T) {
	t.Parallel()
	const key = "orders-key-0123456789"
	client := fmt.Sprintf("[[client]]\nname = \"orders\"\nkey = %q\naccounts = [\"saas/*\"]\nplatform_admin = true\n", key)
	for _, s := range platformSDKs(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range []struct{ name, toml, secret string }{
				{"alone", "", "whatever"},
				{"as a client", client, key},
			} {
				t.Run(tt.name, func(t *testing.T) {
					w, saas := newSaas(t)
					p := startPlatform(t, w, saas, tt.toml)
					authorized, d := saas.Authorize(t.Context(), merchantID)
					if d.Fault != "" {
						t.Fatalf("the event: %s", d.Fault)
					}
					s.managePlatform(t, p.proxy, tt.secret, "ticket@@@wxproxy", authorized.Code)
					p.stop()
					mustHaveManaged(t, w, saas, p)
				})
			}
			t.Run("with a code that no event brought", func(t *testing.T) {
				w, saas := newSaas(t)
				p := startPlatform(t, w, saas, "")
				s.managePlatform(t, p.proxy, "whatever", "ticket@@@wxproxy", saas.Grant(merchantID).Code)
				p.stop()
				mustHaveManaged(t, w, saas, p)
			})
			t.Run("while WeChat revokes tokens", func(t *testing.T) {
				var saas *platformtest.Platform
				var component, merchant sync.Once
				w, made := newSaas(t, func(server *http.Server) {
					inner := server.Handler
					server.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
						inner.ServeHTTP(rw, r)
						switch path := r.URL.Path; {
						case path == "/cgi-bin/component/api_query_auth":
							component.Do(func() { saas.RevokeTokens(componentID) })
						case !strings.HasPrefix(path, "/cgi-bin/component/") && strings.HasPrefix(path, "/cgi-bin/"):
							merchant.Do(func() { saas.RevokeTokens(merchantID) })
						}
					})
				})
				saas = made
				p := startPlatform(t, w, saas, "")
				authorized, _ := saas.Authorize(t.Context(), merchantID)
				s.managePlatform(t, p.proxy, "whatever", "ticket@@@wxproxy", authorized.Code)
				p.stop()
				if got := saas.Counts(); got.ComponentTokens != 2 || got.QueryAuths != 1 || got.Refreshes != 1 || got.RefusedRefreshes != 0 {
					t.Errorf("got %+v; want both tokens replaced once", got)
				}
			})
		})
	}
}

// A saasSeason is some hours in the life of programs that manage a platform's tokens with
// SDKs whose caches outlast them: silenceper and PowerWeChat in Redis, easywechat in files.
// Their programs, Redis, wxproxy and WeChat live by one clock, which the test moves.
type saasSeason struct {
	t     *testing.T
	clock *clock
	w     weChat
	saas  *platformtest.Platform
	redis *redistest.Server
	p     *program
	sdks  []sdk
	dirs  map[string]string // of their caches, by name
	code  string            // not shown yet
}

func newSaasSeason(t *testing.T, toml string) *saasSeason {
	t.Helper()
	s := &saasSeason{t: t, clock: newClock(t), sdks: platformSDKs(t), dirs: map[string]string{}}
	s.w, s.saas = newSaas(t)
	s.redis = redistest.Start(t, s.clock.env...)
	s.p = serveSaas(t, s.w, s.saas, platformLines+toml, s.clock.env...)
	mustDeliver(t, s.saas.PushTicket(t.Context()))
	authorized, d := s.saas.Authorize(t.Context(), merchantID)
	mustDeliver(t, d)
	s.code = authorized.Code
	for _, one := range s.sdks {
		s.dirs[one.name] = t.TempDir()
	}
	return s
}

// pass lets time pass, while WeChat pushes tickets and every few minutes each SDK's program
// starts, makes its calls with this secret and ends. Between two such rounds befall happens.
func (s *saasSeason) pass(long time.Duration, secret string, befall func()) {
	s.t.Helper()
	const pause = 11 * time.Minute
	for ; long > 0; long -= pause {
		var running sync.WaitGroup
		for _, one := range s.sdks {
			running.Go(func() {
				env := append([]string{"SDK_REDIS=" + s.redis.Addr}, s.clock.env...)
				if !one.managePlatformIn(s.t, s.dirs[one.name], s.p.proxy, secret, "ticket@@@wxproxy", s.code, env...) {
					s.t.Errorf("%s: that was after %v", one.name, s.clock.ahead)
				}
			})
		}
		running.Wait()
		if s.t.Failed() {
			s.t.FailNow()
		}
		s.code = ""
		s.clock.advance(pause)
		s.w.Advance(pause)
		mustDeliver(s.t, s.saas.PushTicket(s.t.Context()))
		befall()
	}
}

// end ends the season, in which WeChat was asked for a token about every two hours, and by
// each of so many mishaps once more at most.
func (s *saasSeason) end(mishaps int) {
	s.t.Helper()
	s.p.stop()
	hours, c := int(s.clock.ahead/time.Hour), s.saas.Counts()
	if c.QueryAuths != 1 || c.RefusedQueryAuths+c.RefusedRefreshes+c.RefusedComponentTokens > 0 {
		s.t.Errorf("got %+v; want one code redeemed, and nothing refused", c)
	}
	for what, n := range map[string]int{"component tokens": c.ComponentTokens, "refreshes": c.Refreshes} {
		if n < hours/2 || n > hours/2+2+mishaps {
			s.t.Errorf("got %d %s in %d hours; want one about every two hours, and %d more at most", n, what, hours, mishaps)
		}
	}
}

// No call of an SDK that manages a platform fails while its caches outlive tokens, whether
// WeChat has expired or revoked them, and the key of its program.
func TestSDKsThatManageAPlatformWithLastingCachesNeverFail(t *testing.T) {
	t.Parallel()
	t.Run("with a key", func(t *testing.T) {
		t.Parallel()
		const first, second = "orders-key-first-0123456789", "orders-key-second-0123456789"
		client := func(keys string) string {
			return "[[client]]\nname = \"orders\"\naccounts = [\"saas/*\"]\n" + keys
		}
		s := newSaasSeason(t, client(`key = "`+first+`"`))
		nothing := func() {}
		s.pass(60*time.Minute, first, nothing)
		s.p.mustReload(platformLines + client(`key = "`+second+"\"\nkey_old = \""+first+`"`))
		s.pass(20*time.Minute, first, nothing)
		s.pass(125*time.Minute, second, nothing)
		s.p.mustReload(platformLines + client(`key = "`+second+`"`))
		s.pass(60*time.Minute, second, nothing)
		s.end(0)
	})
	t.Run("while WeChat revokes tokens", func(t *testing.T) {
		t.Parallel()
		s := newSaasSeason(t, "")
		mishaps := 0
		s.pass(150*time.Minute, "whatever", func() {
			mishaps++
			for _, appID := range []string{componentID, merchantID} {
				if mishaps%2 == 0 {
					s.saas.RevokeTokens(appID)
				} else {
					s.saas.Expire(appID)
				}
			}
		})
		s.end(mishaps)
	})
}

// mustHaveManaged fails the test if WeChat was asked for more than was needed, or got what
// only programs have, or if the proxy has printed what is secret.
func mustHaveManaged(t *testing.T, w weChat, saas *platformtest.Platform, p *program) {
	t.Helper()
	if got := saas.Counts(); got.ComponentTokens != 1 || got.QueryAuths != 1 || got.RefusedQueryAuths != 0 || got.Refreshes != 0 || got.RefusedRefreshes != 0 {
		t.Errorf("got %+v; want one component token, one code redeemed, and no refresh", got)
	}
	if doubled := w.Doubled(); doubled > 0 {
		t.Errorf("got %d requests with several tokens; want none", doubled)
	}
	for _, r := range w.Requests() {
		if all := r.Target + string(r.Body); strings.Contains(all, "wxp_") || strings.Contains(all, "@@@wxproxy") || strings.Contains(all, "-key-0123456789") {
			t.Errorf("WeChat got %s %s; want nothing of the proxy's own", r.Target, r.Body)
		}
	}
	for _, secret := range saas.Secrets() {
		if printed := p.stdout.String() + p.stderr.String(); strings.Contains(printed, secret) {
			t.Errorf("the proxy has printed %s", secret)
		}
	}
}

// WeChat's check before a platform is published passes, whether or not it announces the
// authorization that it makes.
func TestTheCheckBeforePublishingPasses(t *testing.T) {
	t.Parallel()
	for _, announce := range []bool{true, false} {
		for _, account := range platformtest.TestAccounts() {
			w, saas := newSaas(t)
			p := startPlatform(t, w, saas, "")
			for _, step := range saas.Check(t.Context(), platformtest.PublishCheck{AppID: account, Announce: announce, Wait: patience}) {
				if step.Problem != "" {
					t.Errorf("%s, announced %v: %s: %s", account, announce, step.Name, step.Problem)
				}
			}
			p.stop()
		}
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

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

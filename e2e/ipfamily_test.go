package e2e

import (
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

// Requests, token fetches and the look of check -live take the same way.
func TestOneFamilyOfAddressesIsUsedForTokensAndRequests(t *testing.T) {
	t.Parallel()
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret})
	upstream := strings.Replace(w.URL, "127.0.0.1", "localhost", 1) // where WeChat listens over IPv4 only
	toml := accountWith("shop", appID, appSecret, "stable") + "[upstream]\nip_family = "

	p := servingAsBuilt(t, upstream, toml+`"ipv4"`)
	p.mustSucceed()
	p = startingAsBuilt(t, upstream, toml+`"ipv6"`)
	p.call("GET", userInfo, "").mustBe(t, 503, "token_unavailable")
	checksLive(t, exitOK, upstream, toml+`"ipv4"`)
	checksLive(t, exitFailure, upstream, toml+`"ipv6"`)
}

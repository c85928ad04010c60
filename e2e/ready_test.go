package e2e

import (
	"net/http"
	"strings"
	"testing"

	"wxproxy/internal/wechattest"
)

// One account whose secret is wrong takes nobody else out of service.
func TestOneBadAccountLeavesTheProxyReady(t *testing.T) {
	t.Parallel()
	const badID = "wx00000000000bad00"
	w := startWeChat(t, wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: badID, Secret: appSecret})
	p := serving(t, w.URL, fourLines+"[[account]]\nname = \"blog\"\napp_id = \""+badID+"\"\nsecret = \"another-secret-0123456789abcdef0\"\n")
	p.eventually("/readyz with status 200", func() bool { return p.mustAsk("GET", p.admin+"/readyz", "").code == http.StatusOK })
	p.eventually("a refusal", func() bool { return len(p.logged("token not refreshed")) > 0 })
	for query, want := range map[string][2]int{ // at the admin listener and at the callers' port
		"": {200, 200}, "?all=1": {503, 503}, "?account=shop": {200, 400}, "?account=" + appID: {200, 400},
		"?account=blog": {503, 400}, "?account=" + badID: {503, 400}, "?account=nobody": {404, 400}, "?all=yes": {400, 400},
	} {
		of, callers := p.mustAsk("GET", p.admin+"/readyz"+query, ""), p.call("GET", "/wxproxy/readyz"+query, "")
		if of.code != want[0] || callers.code != want[1] {
			t.Errorf("%q: got %d %s, and of the callers' port %d %s; want %v", query, of.code, of.body, callers.code, callers.body, want)
		}
		if names := strings.Contains(of.body, `"name": "blog"`) && strings.Contains(of.body, "40125"); names != (query == "" || of.code == 503) {
			t.Errorf("%q: got %s; want why blog has none where it is asked about", query, of.body)
		}
		if strings.Contains(callers.body, "blog") || strings.Contains(callers.body, "shop") {
			t.Errorf("%q: the callers' port told %s; want no name", query, callers.body)
		}
	}
	runs(t, exitOK, launch{args: []string{"health", "-url", p.admin}})
	runs(t, exitFailure, launch{args: []string{"health", "-url", p.admin + "/readyz?all=1"}})
	p.stop()
}

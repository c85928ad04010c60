package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// admin.key changes at one program after the other: both keys are good until the old
// one is taken away. Whoever only looks has a key of its own.
func TestTheOperatorsKeyChangesWithoutAFlagDay(t *testing.T) {
	t.Parallel()
	const first, second, reading = "the-first-key-of-operators", "the-second-key-of-operators", "the-key-of-prometheus-alone"
	keys := func(lines string) string {
		return account("shop", appID) + "[admin]\nread_key = \"" + reading + "\"\n" + lines
	}
	p := serving(t, startWeChat(t).URL, keys(`key = "`+first+`"`))
	p.awaitReady()
	reload := func(key string) int {
		return p.mustAsk("POST", p.admin+"/reload", "", "Authorization: Bearer "+key).code
	}
	p.rewrite(keys("key = \"" + second + "\"\nkey_old = \"" + first + "\""))
	if got := reload(first); got != http.StatusOK {
		t.Fatalf("got %d; want a reload", got)
	}
	if old, now, read := reload(first), reload(second), reload(reading); old != 200 || now != 200 || read != 403 {
		t.Errorf("got %d with the old key, %d with the new one, %d with the one for reading; want 200, 200, 403", old, now, read)
	}
	for _, path := range []string{"/accounts/shop/token", "/debug/pprof/cmdline"} {
		if a := p.mustAsk("GET", p.admin+path, "", "Authorization: Bearer "+reading); a.code != http.StatusForbidden {
			t.Errorf("%s with the key for reading: got %d; want 403", path, a.code)
		}
	}
	p.rewrite(keys(`key = "` + second + `"`))
	if old, now := reload(first), reload(second); old != 200 || now != 200 {
		t.Errorf("got %d and %d; want the old key to take itself away", old, now)
	}
	if old, now := reload(first), reload(second); old != 401 || now != 200 {
		t.Errorf("got %d with the key before and %d with the new one; want 401 and 200", old, now)
	}
	p.stop()
	for _, key := range []string{first, second, reading} {
		if strings.Contains(p.stderr.String(), key) {
			t.Errorf("the log has a key")
		}
	}
}

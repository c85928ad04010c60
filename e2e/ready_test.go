package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// The recipes for several accounts keep their replicas in service when one account's
// AppID is wrong: what Kubernetes and Docker ask of each stays good.
func TestAWrongAppIDTakesNoRecipeOutOfService(t *testing.T) {
	t.Parallel()
	for name, recipe := range map[string]struct {
		kind, path, probe string // probe has a group with what is asked
		good              func(p *program, asked string) bool
	}{
		"Kubernetes": {"kubernetes", "deploy/kubernetes/shared.yaml", `readinessProbe:\n\s+httpGet: \{path: (\S+), port: admin\}`, func(p *program, path string) bool {
			return p.mustAsk("GET", p.admin+path, "").code == http.StatusOK
		}},
		"compose": {"compose", filepath.Join(prepared(t), "compose.yaml"), `healthcheck:\n\s+test: \[CMD, /wxproxy, (.*?)\]`, func(p *program, arguments string) bool {
			asked := start(t, launch{args: append(strings.Split(arguments, ", "), "-url", p.admin)})
			return asked.wait() == exitOK
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := regexp.MustCompile(recipe.probe).FindStringSubmatch(read(t, recipe.path))
			if asked == nil {
				t.Fatalf("%s: got nothing like %s; want what the recipe asks", recipe.path, recipe.probe)
			}
			containers, mistakes := checkDeployed(t, recipe.kind, recipe.path)
			if mistakes != "" {
				t.Fatal(mistakes)
			}
			ours := slices.IndexFunc(containers, func(c deployed) bool { return c.Name == "wxproxy" })
			p := containers[ours].servingWithAWrongAppID(t)
			p.eventually("the good account's token", func() bool { return recipe.good(p, asked[1]) })
			p.eventually("WeChat's refusal of the other", func() bool { return len(p.logged("token not refreshed")) > 0 })
			if !recipe.good(p, asked[1]) {
				t.Errorf("%s: got a replica that is taken out of service; want it to serve the good account", asked[1])
			}
			if a := p.mustAsk("GET", p.admin+"/readyz?all=1", ""); a.code != http.StatusServiceUnavailable {
				t.Errorf("the strict question: got %d; want 503", a.code)
			}
			p.stop()
		})
	}
}

// servingWithAWrongAppID starts wxproxy with the files of a container, before a WeChat
// that knows its account, and one account more that WeChat does not know.
func (d deployed) servingWithAWrongAppID(t *testing.T) *program {
	t.Helper()
	root, secret := t.TempDir(), ""
	for _, f := range d.Files {
		content := strings.ReplaceAll(withoutHoles(f.Content), `= "/`, `= "`+root+`/`)
		if strings.HasSuffix(f.Path, ".toml") {
			content += "\n[[account]]\nname = \"typo\"\napp_id = \"wx00000000000bad00\"\nsecret = \"another-secret-0123456789abcdef0\"\n"
		}
		if err := os.MkdirAll(filepath.Dir(root+f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(filepath.Base(f.Path), "shop") {
			secret = strings.TrimSpace(content)
		}
		writeFile(t, root+f.Path, content)
	}
	w := startWeChat(t, wechattest.App{ID: appID, Secret: secret})
	p := start(t, launch{args: []string{"serve", "-config", root + "/etc/wxproxy/config.toml"}, env: []string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_STORE=memory:", "WXPROXY_UPSTREAM_URL=" + w.URL,
	}})
	p.awaitServing()
	return p
}

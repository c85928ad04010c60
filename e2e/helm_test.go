package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shopChart is the chart of a program that has wxproxy's as a dependency.
const shopChart = "testdata/deploy/shop"

// aSecret returns a manifest of the Secret whose name and keys a file of values has.
func aSecret(t *testing.T, values string) string {
	t.Helper()
	name := regexp.MustCompile(`existingSecret: (\S+)`).FindStringSubmatch(values)
	if name == nil {
		t.Fatalf("got no Secret in %s", values)
	}
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name[1] + "}\nstringData:\n" +
		"  admin-key: replace-me-with-a-key\n  token-key: replace-me-with-32-bytes-in-base64\n  store: redis://wxproxy:replace-me-with-the-password@redis:6379/0\n"
	for _, key := range regexp.MustCompile(`_file: ([a-z-]+)`).FindAllStringSubmatch(values, -1) {
		kind := "a-secret"
		if strings.Contains(key[1], "aes-key") {
			kind = "an-AESKey"
		}
		text += "  " + key[1] + ": replace-me-with-" + kind + "-" + key[1] + "\n"
	}
	return text
}

// rendered checks what a chart makes of values, with the Secret that they name.
func rendered(t *testing.T, chart, values string) ([]deployed, string) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "values.yaml"), values)
	writeFile(t, filepath.Join(dir, "secret.yaml"), aSecret(t, values))
	return checkDeployed(t, "helm", chart, filepath.Join(dir, "values.yaml"), filepath.Join(dir, "secret.yaml"))
}

func TestTheChartMakesWhatKubernetesTakes(t *testing.T) {
	t.Parallel()
	shared := read(t, "deploy/helm/examples/shared.yaml")
	for name, test := range map[string]struct{ chart, values string }{
		"shared":                    {"deploy/helm/wxproxy", shared},
		"platform":                  {"deploy/helm/wxproxy", read(t, "deploy/helm/examples/platform.yaml")},
		"sidecar":                   {shopChart, read(t, "deploy/helm/examples/sidecar.yaml")},
		"what the chart has anyway": {"deploy/helm/wxproxy", strings.Replace(shared, "config:\n", "replicas: 1\nterminationGracePeriodSeconds: 43\nconfig:\n  proxy: {listen: \":8080\", drain_timeout: 0.5m}\n  admin: {listen: \"[::]:8081\"}\n  token: {store: \"file:/tmp/tokens\"}\n", 1)},
		"one replica":               {"deploy/helm/wxproxy", shared + "replicas: 1\nnetworkPolicy: {enabled: false}\nresources: {requests: {cpu: 1, memory: 1Gi}, limits: {memory: 1Gi}}\n"},
		"more settings": {"deploy/helm/wxproxy", strings.ReplaceAll(shared, "  client:\n", `    - {kind: wecom, name: crm, corp_id: ww0123456789abcdef, agent_id: 1000002, secret_file: crm-secret}
  proxy: {max_body: "16MiB", max_connections: 20000, shutdown_delay: 12s}
  upstream: {timeout: 20s, wecom: {timeout: 25s}}
  log: {access: true, access_sample: 0.01}
  token: {retry_errcodes: [40001, 42001]}
  route: [{path: "/wxa/x<y>", credential: deny}]
  client:
`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			containers, mistakes := rendered(t, test.chart, test.values)
			if mistakes != "" {
				t.Fatalf("got %s", mistakes)
			}
			found := 0
			for _, c := range containers {
				if c.Name != "wxproxy" {
					continue
				}
				found++
				if got, want := c.Env["GOMAXPROCS"], map[bool]string{true: "1"}[name == "sidecar"]; got != want || c.Served == (name == "sidecar") {
					t.Errorf("got GOMAXPROCS %q and served %v; want %q", got, c.Served, want)
				}
				for _, want := range []string{"without access_token", "不带 access_token", "/wxproxy check -live"} {
					if !strings.Contains(c.Notes, want) {
						t.Errorf("got the notes %s; want %q", c.Notes, want)
					}
				}
				if pushes := strings.Contains(c.Notes, "/push/"); pushes != (name == "platform") {
					t.Errorf("got the notes %s; want those on pushes for a platform", c.Notes)
				}
				c.mustStart(t)
			}
			if found != 1 {
				t.Errorf("got %d containers of wxproxy; want 1", found)
			}
		})
	}
}

var updateSchema = flag.Bool("update-schema", false, "write the settings into the schema of the chart's values anew")

// settingsOf returns the lines with which the schema of the chart's values has each
// table, with the settings that docs/configuration.md has.
func settingsOf(t *testing.T) (tables []string, lines map[string]string) {
	t.Helper()
	keys, table := map[string][]string{}, ""
	heading, row := regexp.MustCompile("^### `([a-z_.]+)\\.[a-z_0-9]+`"), regexp.MustCompile("^\\| `([a-z_0-9]+)` \\|")
	for line := range strings.Lines(read(t, "docs/configuration.md")) {
		if found := heading.FindStringSubmatch(line); found != nil {
			table = found[1]
		} else if found := row.FindStringSubmatch(line); found != nil && table != "" && !slices.Contains(keys[table], found[1]) {
			keys[table] = append(keys[table], found[1])
		}
	}
	if len(keys) < 11 || !slices.Contains(keys["account"], "push_aes_key_old_file") {
		t.Fatalf("got %q; want all settings", keys)
	}
	table = "upstream.wecom" // lies in another one
	within := ", \"wecom\": " + object(keys[table], "")
	delete(keys, table)
	lines = map[string]string{}
	for table, keys := range keys {
		switch table {
		case "upstream":
			lines[table] = object(keys, within)
		case "account", "client", "route", "platform", "forward":
			lines[table] = `{"type": "array", "items": ` + object(keys, "") + "}"
		default:
			lines[table] = object(keys, "")
		}
		tables = append(tables, table)
	}
	slices.Sort(tables)
	return tables, lines
}

// object returns the schema of a table that has these settings and no others.
func object(keys []string, more string) string {
	return `{"type": "object", "additionalProperties": false, "properties": {"` + strings.Join(keys, `": true, "`) + `": true` + more + "}}"
}

func TestTheSchemaOfTheValuesHasAllSettings(t *testing.T) {
	t.Parallel()
	const file = "deploy/helm/wxproxy/values.schema.json"
	schema := read(t, file)
	tables, lines := settingsOf(t)
	for _, table := range tables {
		line := regexp.MustCompile(`(?m)^        "` + table + `": (.*?),?$`)
		found := line.FindStringSubmatch(schema)
		if found == nil {
			t.Errorf("got no %s in %s", table, file)
		} else if found[1] != lines[table] && *updateSchema {
			schema = strings.Replace(schema, found[0], strings.Replace(found[0], found[1], lines[table], 1), 1)
		} else if found[1] != lines[table] {
			t.Errorf("%s: got the settings %s; want %s: go generate .", table, found[1], lines[table])
		}
	}
	if *updateSchema {
		if err := os.WriteFile(file, []byte(schema), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The ports of what is called are those of the addresses in the values.
func TestTheChartLetsOutWhereTheSettingsLead(t *testing.T) {
	t.Parallel()
	shared, platform := read(t, "deploy/helm/examples/shared.yaml"), read(t, "deploy/helm/examples/platform.yaml")
	before, _, _ := strings.Cut(platform, "networkPolicy:")
	for name, test := range map[string]struct {
		values string
		want   []int
	}{
		"WeChat and Redis":     {shared, []int{53, 53, 443, 6379}},
		"a proxy":              {strings.Replace(shared, "config:\n", "config:\n  upstream: {proxy: \"http://proxy:3128\", wecom: {url: \"http://[fd00::1]/x:7\", fallback_urls: [\"https://b:8443\"]}}\n", 1), []int{53, 53, 443, 6379, 3128, 80, 8443}},
		"a proxy by SOCKS":     {strings.Replace(shared, "config:\n", "config:\n  upstream: {proxy: \"socks5://proxy\"}\n", 1), []int{53, 53, 443, 6379, 1080}},
		"another Redis":        {strings.Replace(shared, "config:\n", "config:\n  token: {store: \"redis://redis:6380/0\"}\n", 1), []int{53, 53, 443, 6379, 6380}},
		"variables":            {shared + "env: [{name: HTTPS_PROXY, value: \"http://proxy:8888/\"}, {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: \"http://collector:4318\"}]\n", []int{53, 53, 443, 6379, 8888, 4318}},
		"a forward":            {before, []int{53, 53, 443, 6379, 9000}},
		"a forward with rules": {platform, []int{53, 53, 443, 6379, 9000}}, // once: for its pods alone
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, mistakes := rendered(t, "deploy/helm/wxproxy", test.values)
			if len(c) != 1 || !slices.Equal(c[0].Egress, test.want) {
				t.Errorf("got %+v, %s; want the ports %d", c, mistakes, test.want)
			}
		})
	}
}

func TestTheChartPassesVariablesOn(t *testing.T) {
	t.Parallel()
	const env = "env:\n  - {name: SHOP, valueFrom: {secretKeyRef: {name: %s, key: admin-key}}}\n  - {name: NO_PROXY, value: \"*\"}\n  - {name: GOMAXPROCS, value: \"3\"}\n"
	shared := strings.Replace(read(t, "deploy/helm/examples/shared.yaml"), "secret_file: shop-secret", "secret_env: SHOP", 1)
	sidecar := strings.Replace(read(t, "deploy/helm/examples/sidecar.yaml"), "secret_file: app-secret", "push_token_file: app-secret, secret_env: SHOP", 1)
	for chart, values := range map[string]string{
		"deploy/helm/wxproxy": shared + fmt.Sprintf(env, "wxproxy"),
		shopChart:             sidecar + strings.ReplaceAll("\n"+fmt.Sprintf(env, "shop-wechat"), "\n", "\n  "),
	} {
		containers, mistakes := rendered(t, chart, values)
		i := slices.IndexFunc(containers, func(c deployed) bool { return c.Name == "wxproxy" })
		if i < 0 {
			t.Errorf("%s: got %s", chart, mistakes)
			continue
		}
		if got := containers[i].Env; got["NO_PROXY"] != "*" || got["GOMAXPROCS"] != "3" || got["SHOP"] == "" {
			t.Errorf("%s: got %q; want the variables", chart, got)
		}
	}
}

// A secret in the place of a name is not repeated, and names that are long are names.
func TestTheChartTakesNoSecretForAName(t *testing.T) {
	t.Parallel()
	shared := read(t, "deploy/helm/examples/shared.yaml")
	for _, secret := range []string{
		"0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO01", // of WeCom, or an EncodingAESKey
		"bcdefghijklm/opqrstuvwxyzABCDEFGHIJKLM+O01a=", "https://shop:secretly@redis:6379",
	} {
		for _, setting := range []string{"secret_file", "secret_env"} {
			_, mistakes := rendered(t, "deploy/helm/wxproxy", strings.Replace(shared, "secret_file: shop-secret", setting+": \""+secret+"\"", 1))
			if !strings.Contains(mistakes, "config: "+setting) || !strings.Contains(mistakes, "the name of a key of existingSecret") || strings.Contains(mistakes, secret) {
				t.Errorf("%s: got %s; want what is wrong, without the secret", secret, mistakes)
			}
		}
	}
	for _, name := range []string{"shop-secret-of-the-official-account-in-china", "/etc/wxproxy/aSecretWhoseNameHas43LettersInAll1", "deadbeef"} {
		_, mistakes := rendered(t, "deploy/helm/wxproxy", strings.Replace(shared, "secret_file: shop-secret", "secret_file: "+name, 1))
		if strings.Contains(mistakes, "looks like a secret") {
			t.Errorf("%s: got %s; want no such mistake", name, mistakes)
		}
	}
}

func TestMistakesInTheValuesOfTheChartAreSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, want string }{
		"no image":                        {"image: {repository: registry.example/wxproxy, tag: \"1.0\"}", "", "image.repository: missing; where you pushed the image"},
		"no Secret":                       {"existingSecret: wxproxy", "existingSecret: # wxproxy", ""},
		"an empty Secret":                 {"existingSecret: wxproxy", "existingSecret: '' # existingSecret: wxproxy", "the Secret with the keys admin-key, orders-key, shop-secret, store, token-key. Make it by: kubectl create secret generic wxproxy --from-file=admin-key=FILE"},
		"no account":                      {"    - {name: shop, app_id: wx0123456789abcdef, secret_file: shop-secret, default: true} # yours\n", "", "config.account: missing; a list, as [{name: shop"},
		"no client":                       {"    - {name: orders, key_file: orders-key, accounts: [shop]}\n", "", "config.client: missing; callers from other pods show a key"},
		"an AppSecret in the clear":       {"secret_file: shop-secret", "secret: " + appSecret, "config: secret stands in the values, which Helm and Git keep in the clear; write secret_file"},
		"a key in the clear":              {"key_file: orders-key", "key: a-key-of-32-bytes-or-nearly-so", "config: key stands in the values"},
		"a password in the clear":         {"config:\n", "config:\n  token: {store: \"redis://u:p@redis:6379/0\"}\n", "config: store stands in the values"},
		"a proxy's password in the clear": {"config:\n", "config:\n  upstream: {proxy: \"http://u:p@proxy:3128\"}\n", "config: proxy stands in the values"},
		"no tag":                          {", tag: \"1.0\"", "", "image.tag: missing; the tag that you pushed"},
		"a tag that is a number":          {"tag: \"1.0\"", "tag: 1.0", "image.tag: is a number, which YAML does not keep as it is written; put it in quotes"},
		"callers on another port":         {"config:\n", "config:\n  proxy: {listen: \"0.0.0.0:9090\"}\n", "config.proxy.listen: is \"0.0.0.0:9090\", and what the chart makes asks port 8080"},
		"callers on loopback":             {"config:\n", "config:\n  proxy: {listen: \"127.0.0.1:8080\"}\n", "the port for callers is service.port"},
		"operators on another port":       {"config:\n", "config:\n  admin: {listen: \":9091\"}\n", "config.admin.listen: is"},
		"pushes on another port":          {"config:\n", "config:\n  push: {listen: \"0.0.0.0:9000\"}\n", "config.push.listen: is"},
		"no pushes after all":             {"config:\n", "config:\n  push: {listen: \"\"}\n", "config.push.listen: is"},
		"a listener in a variable":        {"existingSecret:", "env: [{name: WXPROXY_LISTEN, value: \":9090\"}]\nexistingSecret:", "env: WXPROXY_LISTEN; the chart's Service"},
		"a variable that is not there":    {"secret_file: shop-secret", "secret_env: SHOP_SECRET", "config: secret_env names a variable that env lacks; add it"},
		"a secret in a variable":          {"existingSecret:", "env: [{name: HTTPS_PROXY, value: \"http://u:p@proxy\"}]\nexistingSecret:", "env: HTTPS_PROXY has a secret in the values"},
		"a key in a variable":             {"key_file: orders-key, accounts: [shop]}\n", "key_env: ORDERS, accounts: [shop]}\nenv: [{name: ORDERS, value: a-key-of-32-bytes-or-nearly-so}]\n", "env: ORDERS has a secret in the values"},
		"tokens on a read-only disk":      {"config:\n", "replicas: 1\nconfig:\n  token: {store: \"file:/var/lib/wxproxy\"}\n", "config.token.store: is on the container's disk, which is read-only"},
		"tokens in files of each replica": {"config:\n", "config:\n  token: {store: \"file:/tmp/tokens\"}\n", "config.token.store: keeps tokens in one pod, and replicas is 2"},
		"tokens in memory":                {"config:\n", "config:\n  token: {store: \"memory:\"}\n", "config.token.store: keeps tokens in one pod"},
		"an end that comes too early":     {"config:\n", "config:\n  proxy: {drain_timeout: 1m30s}\n", "terminationGracePeriodSeconds: is 30, and proxy.shutdown_delay, proxy.drain_timeout and 3 s are 103 s"},
		"a client without a key":          {"key_file: orders-key, ", "", "config.client[0]: has no key"},
		"two clients of a name":           {"  client:\n", "  client:\n    - {name: orders, key_file: other-key}\n", "config.client[1].name: \"orders\" is there twice"},
		"two accounts of a name":          {"  account:\n", "  account:\n    - {name: shop, app_id: wx1123456789abcdef, secret_file: other}\n", "config.account[1].name: \"shop\" is there twice"},
		"a mode that is none":             {"existingSecret:", "mode: platform\nexistingSecret:", "'shared', 'sidecar'"},
		"a value that is none":            {"existingSecret:", "replica: 3\nexistingSecret:", "'replica' not allowed"},
		"a table that is none":            {"  client:", "  clients:", "'clients' not allowed"},
		"a setting that is none":          {"name: shop,", "nam: shop,", "'nam' not allowed"},
		"a setting of a wrong table":      {"config:\n", "config:\n  proxy: {encryption_key_file: a}\n", "'encryption_key_file' not allowed"},
		"replicas in words":               {"existingSecret:", "replicas: two\nexistingSecret:", "/replicas"},
		"no replicas":                     {"existingSecret:", "replicas: 0\nexistingSecret:", "/replicas"},
		"one account, no list":            {"account:\n    - ", "account: ", "/config/account"},
		"callers of any label":            {"existingSecret:", "networkPolicy: {callerLabels: {wxproxy-caller: null}}\nexistingSecret:", "lets all pods of a namespace in"},
		"a key that the Secret lacks":     {"secret_file: shop-secret", "secret_file: shop_secret", "Secret wxproxy has no shop_secret"},
		"more asked for than is given":    {"existingSecret:", "resources: {requests: {cpu: 1, memory: 2Gi}, limits: {memory: 1Gi}}\nexistingSecret:", "more than its limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := read(t, "deploy/helm/examples/shared.yaml")
			if !strings.Contains(shared, test.old) {
				t.Fatalf("got no %q in the example", test.old)
			}
			_, mistakes := rendered(t, "deploy/helm/wxproxy", strings.Replace(shared, test.old, test.new, 1))
			if mistakes == "" || !strings.Contains(mistakes, test.want) {
				t.Errorf("got %q; want %q", mistakes, test.want)
			}
		})
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "values.yaml"), strings.NewReplacer("  mode: sidecar\n", "", "  config:\n", "  config:\n    client: [{name: a, key_file: b}]\n").Replace(read(t, "deploy/helm/examples/sidecar.yaml")))
	if _, mistakes := checkDeployed(t, "helm", shopChart, filepath.Join(dir, "values.yaml"), os.DevNull); !strings.Contains(mistakes, "needs mode: sidecar") {
		t.Errorf("got %q; want the mode that it needs", mistakes)
	}
}

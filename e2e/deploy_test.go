package e2e

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// checker returns the program that checks deploy/: see testdata/deploy, whose
// libraries are none of wxproxy's.
var checker = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtPath(), "deploy")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = filepath.Join("testdata", "deploy")
	return path, execute(build)
})

// A deployed is a container, as testdata/deploy describes it.
type deployed struct {
	Name, Image string
	Env         map[string]string
	Files       []struct {
		Path, Content string
		Mode          fs.FileMode
	}
	Grace  int
	Served bool  // a Service sends requests there
	Egress []int // ports that a NetworkPolicy lets it call
	Notes  string
}

// checkDeployed checks a file of deploy/, or several that belong together, and returns
// its containers, or what is wrong with it.
func checkDeployed(t *testing.T, kind string, paths ...string) (containers []deployed, mistakes string) {
	t.Helper()
	executable, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	check := exec.Command(executable, append([]string{kind}, paths...)...)
	check.Stderr = &stderr
	out, err := check.Output()
	if err != nil {
		return nil, stderr.String() + err.Error()
	}
	if err := json.Unmarshal(out, &containers); err != nil {
		t.Fatal(err)
	}
	return containers, ""
}

// withoutHoles puts what users put there in the place of each placeholder.
func withoutHoles(text string) string {
	hole := regexp.MustCompile(`replace-me[A-Za-z0-9-]*`)
	for i := 0; hole.MatchString(text); i++ {
		found := hole.FindString(text)
		kind := ""
		switch {
		case strings.Contains(found, "base64"):
			kind = "encryption"
		case strings.Contains(found, "AESKey"):
			kind = "aes_key"
		}
		text = strings.Replace(text, found, ownSecret(kind, i+int(crc32.ChecksumIEEE([]byte(found)))), 1)
	}
	return text
}

// inTheClear is what is said of a container that others of its network call.
var inTheClear = regexp.MustCompile(`(?m)^warning: \S*config\.toml: (proxy\.listen|admin\.listen|forward\[1\]\.url): .* cross(es)? the network in the clear; .*\n`)

// mustStart fails the test unless wxproxy, with the files and the environment of
// the container, would start without another remark than that, and has the time it
// needs to end. As the file is shipped, it must not.
func (d deployed) mustStart(t *testing.T) {
	t.Helper()
	d.mustNotStartAsShipped(t)
	root := t.TempDir()
	l := launch{args: []string{"check", "-config", root + "/etc/wxproxy/config.toml"}}
	for name, value := range d.Env {
		value = withoutHoles(value)
		l.env = append(l.env, name+"="+value)
	}
	delay, drain := time.Duration(0), 10*time.Second
	for _, f := range d.Files {
		durationIn(t, f.Content, "drain_timeout", &drain)
		durationIn(t, f.Content, "shutdown_delay", &delay)
		if err := os.MkdirAll(filepath.Dir(root+f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		content := strings.ReplaceAll(withoutHoles(f.Content), `= "/`, `= "`+root+`/`)
		if strings.HasSuffix(f.Path, ".toml") {
			content = withTLS(t, content)
		}
		writeFile(t, root+f.Path, content)
		chmod(t, root+f.Path, f.Mode)
	}
	p := start(t, l)
	p.wait()
	if p.mustEnd(exitOK); inTheClear.ReplaceAllString(p.stderr.String(), "") != "" {
		t.Errorf("%s: got %s; want no remarks", d.Name, p.stderr.String())
	}
	const lastWork = 2 * time.Second // for stores, files and the log
	if grace := time.Duration(d.Grace) * time.Second; grace < delay+drain+lastWork {
		t.Errorf("%s: got %v from SIGTERM to SIGKILL; want shutdown_delay, drain_timeout and %v, which are %v", d.Name, grace, lastWork, delay+drain+lastWork)
	}
	if d.Served && delay == 0 {
		t.Errorf("%s: got no shutdown_delay; want one, as a Service goes on to send requests for a moment", d.Name)
	}
}

// durationIn sets into to the setting with this name, if a file has it.
func durationIn(t *testing.T, file, name string, into *time.Duration) {
	t.Helper()
	setting := regexp.MustCompile(`(?m)^` + name + `\s*=\s*"(.*?)"`).FindStringSubmatch(file)
	if setting == nil {
		return
	}
	var err error
	if *into, err = time.ParseDuration(setting[1]); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// mustNotStartAsShipped fails the test if wxproxy would start with a placeholder.
func (d deployed) mustNotStartAsShipped(t *testing.T) {
	t.Helper()
	holes, root := 0, t.TempDir()
	l := launch{args: []string{"serve", "-config", root + "/etc/wxproxy/config.toml"}}
	for name, value := range d.Env {
		l.env = append(l.env, name+"="+value)
		holes += strings.Count(value, "replace-me")
	}
	for _, f := range d.Files {
		if err := os.MkdirAll(filepath.Dir(root+f.Path), 0o755); err != nil {
			t.Fatal(err)
		}
		content := strings.ReplaceAll(f.Content, `= "/`, `= "`+root+`/`)
		if strings.HasSuffix(f.Path, ".toml") {
			content = withTLS(t, content)
		}
		writeFile(t, root+f.Path, content)
		holes += strings.Count(content, "replace-me")
	}
	if holes == 0 {
		return
	}
	p := runs(t, exitMistakes, l)
	if got := strings.Count(p.stderr.String(), "is a placeholder, which everybody knows"); got != holes {
		t.Errorf("%s: got %d of %d placeholders named:\n%s", d.Name, got, holes, p.stderr.String())
	}
}

// prepared returns a copy of deploy/compose in which prepare.sh has run.
func prepared(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "deploy", "compose")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Dockerfile", "deploy/compose/compose.yaml", "deploy/compose/config.toml", "deploy/compose/prepare.sh"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(root, name), string(content))
		chmod(t, filepath.Join(root, name), 0o644)
	}
	prepare := exec.Command("sh", "prepare.sh")
	prepare.Dir, prepare.Stdin = dir, strings.NewReader(appSecret+"\n")
	if err := execute(prepare); err != nil {
		t.Fatal(err)
	}
	return dir
}

// manifests are the files that kubectl applies.
func manifests(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("deploy/kubernetes/*.yaml")
	if err != nil || len(paths) < 3 {
		t.Fatalf("got %q, %v; want three manifests", paths, err)
	}
	return paths
}

func TestManifestsAreWhatKubernetesTakes(t *testing.T) {
	t.Parallel()
	for _, path := range manifests(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			containers, mistakes := checkDeployed(t, "kubernetes", path)
			if mistakes != "" {
				t.Fatalf("got %s", mistakes)
			}
			found := 0
			for _, c := range containers {
				if c.Name == "wxproxy" {
					sidecar := strings.HasPrefix(filepath.Base(path), "sidecar")
					if got, want := c.Env["GOMAXPROCS"], map[bool]string{true: "1"}[sidecar]; got != want {
						t.Errorf("got GOMAXPROCS %q; want %q", got, want)
					}
					c.addCertificate(t)
					c.mustStart(t)
					found++
				}
			}
			if found != 1 {
				t.Errorf("got %d containers of wxproxy; want 1", found)
			}
		})
	}
}

// The lines for pushes, which are comments, fit in where they stand; so do those for a
// platform, which have one sign more.
func TestTheManifestTakesPushesAndPlatformsWithTheLinesForThem(t *testing.T) {
	t.Parallel()
	lines := regexp.MustCompile(`(?m)^( *)#(\S| {2})`)
	text := read(t, "deploy/kubernetes/shared.yaml")
	path := filepath.Join(t.TempDir(), "shared.yaml")
	for _, least := range []int{15, 12} {
		n := len(lines.FindAllString(text, -1))
		text = lines.ReplaceAllString(text, "$1$2")
		writeFile(t, path, text)
		containers, mistakes := checkDeployed(t, "kubernetes", path)
		if n < least || mistakes != "" || len(containers) != 1 {
			t.Fatalf("got %d lines, %d containers, %s", n, len(containers), mistakes)
		}
		containers[0].mustStart(t)
	}
	if !strings.Contains(text, "\n    [[platform]]\n") {
		t.Error("got no platform")
	}
}

// So do those of compose, whose secrets compose.yaml then names.
func TestTheComposeFileTakesPushesAndAPlatformWithTheLinesForThem(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	config, compose := filepath.Join(dir, "config.toml"), filepath.Join(dir, "compose.yaml")
	writeFile(t, config, regexp.MustCompile(`(?m)^#(\S)`).ReplaceAllString(read(t, config), "$1"))
	inService, files := "", ""
	for i, name := range []string{"push_token", "push_aes_key", "saas_secret", "saas_push_token", "saas_push_aes_key"} {
		writeFile(t, filepath.Join(dir, "secrets", name), ownSecret(name, i))
		inService += name + ", "
		files += "  " + name + ": {file: ./secrets/" + name + "}\n"
	}
	text := strings.Replace(read(t, compose), "secrets: [shop_secret, ", "secrets: ["+inService+"shop_secret, ", 1)
	writeFile(t, compose, strings.Replace(text, "  shop_secret: {", files+"  shop_secret: {", 1))
	containers, mistakes := checkDeployed(t, "compose", compose)
	i := slices.IndexFunc(containers, func(d deployed) bool { return d.Name == "wxproxy" })
	if mistakes != "" || i < 0 {
		t.Fatalf("got %s", mistakes)
	}
	containers[i].mustStart(t)
}

// addCertificate puts a pair in the place of the one that users put there.
func (d deployed) addCertificate(t *testing.T) {
	t.Helper()
	a := newAuthority(t)
	a.leaf("tls")
	for i, f := range d.Files {
		switch filepath.Base(f.Path) {
		case "tls.crt":
			d.Files[i].Content = read(t, a.path("tls.pem"))
		case "tls.key":
			d.Files[i].Content = read(t, a.path("tls.key"))
		}
	}
}

func TestTheComposeFileIsWhatDockerTakes(t *testing.T) {
	t.Parallel()
	containers, mistakes := checkDeployed(t, "compose", filepath.Join(prepared(t), "compose.yaml"))
	if mistakes != "" {
		t.Fatalf("got %s", mistakes)
	}
	if len(containers) != 3 {
		t.Errorf("got %d services; want wxproxy, redis and caller", len(containers))
	}
	for _, c := range containers {
		for name, value := range c.Env {
			if strings.Contains(value, appSecret) {
				t.Errorf("%s: got the AppSecret in the variable %s; want it in a file", c.Name, name)
			}
		}
		for _, f := range c.Files {
			if f.Mode&0o007 != 0 {
				t.Errorf("%s: got mode %v of %s; want one for its owner", c.Name, f.Mode, f.Path)
			}
		}
		if c.Name == "wxproxy" {
			c.mustStart(t)
		}
	}
}

// GOPROXY, as the page on deployment has people set it, is there when modules are downloaded.
func TestAMirrorOfModulesReachesTheBuild(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`(?s)FROM golang:\S+ AS build\n[^F]*ARG GOPROXY\n.*RUN go mod download`).MatchString(read(t, "Dockerfile")) {
		t.Error("got a Dockerfile that downloads modules without GOPROXY")
	}
	if !regexp.MustCompile(`(?m)^      args: \[GOPROXY\]`).MatchString(read(t, "deploy/compose/compose.yaml")) {
		t.Error("got a compose.yaml that gives the build no GOPROXY")
	}
}

// A second run of prepare.sh keeps the secrets of the first.
func TestPreparingTwiceKeepsTheSecrets(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	read := func() (all string) {
		for _, name := range []string{".env", "secrets/shop_secret", "secrets/caller_key", "secrets/token_key", "secrets/redis_password"} {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || len(content) < 32 {
				t.Errorf("%s: got %d bytes, %v; want a secret", name, len(content), err)
			}
			all += string(content)
		}
		return all
	}
	before := read()
	again := exec.Command("sh", "prepare.sh") // asks nothing: there is no input
	again.Dir = dir
	if err := execute(again); err != nil {
		t.Fatal(err)
	}
	if after := read(); after != before {
		t.Errorf("got %q; want %q as before", after, before)
	}
}

func TestPreparingKeepsWhatIsInEnv(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	env := filepath.Join(dir, ".env")
	before, err := os.ReadFile(env)
	if err != nil {
		t.Fatal(err)
	}
	own := "COMPOSE_PROJECT_NAME=shop\nWXPROXY_USER=4711:4711\n"
	stale := regexp.MustCompile("(?m)^(REDIS_PASSWORD=).*$").ReplaceAllString(string(before), "${1}stale")
	writeFile(t, env, own+regexp.MustCompile("(?m)^WXPROXY_USER=.*\n").ReplaceAllString(stale, ""))
	again := exec.Command("sh", "prepare.sh")
	again.Dir = dir
	if err := execute(again); err != nil {
		t.Fatal(err)
	}
	password := regexp.MustCompile("(?m)^REDIS_PASSWORD=.*\n").FindString(string(before))
	if after, err := os.ReadFile(env); err != nil || string(after) != own+password {
		t.Errorf("got %q, %v; want what was there, and the password of Redis", after, err)
	}
}

func TestPreparingNeedsAnAppSecretAndDoesNotShowIt(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	if err := os.RemoveAll(filepath.Join(dir, "secrets")); err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{"", "\n"} {
		empty := exec.Command("sh", "prepare.sh")
		empty.Dir, empty.Stdin = dir, strings.NewReader(input)
		if out, err := empty.CombinedOutput(); err == nil || !strings.Contains(string(out), "no AppSecret") {
			t.Errorf("got %s, %v for %q; want to be told that there is none", out, err, input)
		}
	}
	terminal := exec.Command("script", "-qec", "sh prepare.sh; stty -a", "/dev/null")
	terminal.Dir = dir
	in, err := terminal.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := terminal.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := terminal.Start(); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for one := make([]byte, 1); !strings.Contains(shown.String(), "account: "); {
		if _, err := out.Read(one); err != nil {
			t.Fatalf("got %q, %v; want to be asked", shown.String(), err)
		}
		shown.Write(one)
	}
	fmt.Fprintln(in, appSecret)
	rest, _ := io.ReadAll(out)
	in.Close()
	if err := terminal.Wait(); err != nil || strings.Contains(string(rest), appSecret) || !strings.Contains(string(rest), " echo ") {
		t.Errorf("got %q, %v; want the AppSecret not shown, and the terminal as before", rest, err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "secrets", "shop_secret")); err != nil || string(kept) != appSecret {
		t.Errorf("got %d bytes, %v; want what was typed", len(kept), err)
	}
}

// A check that accepts everything would pass as well.
func TestMistakesInDeployAreFound(t *testing.T) {
	t.Parallel()
	compose := filepath.Join(prepared(t), "compose.yaml")
	for name, test := range map[string]struct {
		file, old, new string
		want           string
	}{
		"a field that is none":             {"shared", "terminationGracePeriodSeconds:", "terminationGracePeriod:", `unknown field "spec.template.spec.terminationGracePeriod"`},
		"a pause before SIGTERM":           {"shared", "          resources:", "          lifecycle: {preStop: {sleep: {seconds: 5}}}\n          resources:", "has a preStop"},
		"a field in the wrong letter case": {"shared", "readinessProbe:", "ReadinessProbe:", `unknown field "spec.template.spec.containers[0].ReadinessProbe"`},
		"a field that is there twice":      {"shared", "  replicas: 2\n", "  replicas: 2\n  replicas: 3\n", `"replicas" already set`},
		"a value of the wrong type":        {"shared", "replicas: 2", "replicas: two", "cannot unmarshal string"},
		"a kind that is none":              {"shared", "kind: Deployment", "kind: Deployed", `no apps/v1 "Deployed"`},
		"a version that is gone":           {"shared", "policy/v1", "policy/v1beta1", `no policy/v1beta1 "PodDisruptionBudget"`},
		"a name that is none":              {"shared", "kind: Service\nmetadata:\n  name: wxproxy", "kind: Service\nmetadata:\n  name: WX_proxy", "its name"},
		"a selector of other pods":         {"shared", "    matchLabels: {app.kubernetes.io/name: wxproxy}\n  template", "    matchLabels: {app.kubernetes.io/name: wxprox}\n  template", "does not select its own pods"},
		"a spread of other pods":           {"shared", "            matchLabels: {app", "            matchLabels: {tier: front, app", "does not select its own pods"},
		"a service of other pods":          {"shared", "  selector: {app.kubernetes.io/name: wxproxy}", "  selector: {app: wxproxy}", "Service wxproxy: selects no pods"},
		"a service at another port":        {"shared", "targetPort: http", "targetPort: https", "has no port https"},
		"a budget of other pods":           {"shared", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app", "  maxUnavailable: 1\n  selector:\n    matchLabels: {app: x, app", "PodDisruptionBudget wxproxy: selects no pods"},
		"a budget that stops every drain":  {"shared", "  maxUnavailable: 1\n  selector", "  minAvailable: 2\n  selector", "forbids every eviction"},
		"a policy for another port":        {"shared", "- {port: 8080}", "- {port: 8088}", "has no port 8088"},
		"callers of any namespace":         {"shared", "matchLabels: {kubernetes.io/metadata.name: default}", "{}", "lets pods of any namespace in"},
		"callers of labels that are free":  {"shared", "matchLabels: {kubernetes.io/metadata.name: default}", "matchLabels: {team: shop}", "lets pods of any namespace in"},
		"every pod as a caller":            {"shared", "          podSelector:\n            matchLabels: {wxproxy-caller: \"true\"}\n", "", "lets all pods of a namespace in"},
		"everybody":                        {"shared", "    - from: # Prometheus\n        - namespaceSelector:\n            matchLabels: {kubernetes.io/metadata.name: monitoring}\n          podSelector:\n            matchLabels: {app.kubernetes.io/name: prometheus}\n      ports:", "    - ports:", "lets everybody in"},
		"a probe at another port":          {"shared", "{path: /readyz, port: admin}", "{path: /readyz, port: metrics}", "there is no port metrics"},
		"a volume that is none":            {"shared", "{name: tmp, mountPath", "{name: temp, mountPath", "mounts temp, which is no volume"},
		"a Secret that is none":            {"shared", "secretName: wxproxy", "secretName: wxproxies", "there is no Secret wxproxies"},
		"a key that the Secret lacks":      {"shared", "{key: admin-key", "{key: admin", "Secret wxproxy has no admin"},
		"a variable of another Secret":     {"shared", "secretKeyRef: {name: wxproxy, key: store}", "secretKeyRef: {name: redis, key: store}", "WXPROXY_STORE"},
		"more asked for than allowed":      {"shared", "memory: 128Mi", "memory: 1Gi", "more than its limit"},
		"root":                             {"shared", "runAsNonRoot: true", "runAsNonRoot: false", "lacks runAsNonRoot"},
		"a root that can be written":       {"sidecar", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "lacks readOnlyRootFilesystem"},
		"an init container, no sidecar":    {"sidecar", "restartPolicy: Always", "imagePullPolicy: Always", "is no sidecar"},

		"compose: a key that is none":        {"compose", "stop_grace_period:", "stop_grace:", "stop_grace"},
		"compose: a value of the wrong type": {"compose", "replicas: 2", "replicas: two", "replicas"},
		"compose: a duration that is none":   {"compose", "stop_grace_period: 20s", "stop_grace_period: 20 seconds", "stop_grace_period"},
		"compose: a secret that is none":     {"compose", "secrets: [shop_secret,", "secrets: [shops_secret,", "shops_secret"},
		"compose: a file that is not there":  {"compose", "./secrets/shop_secret", "./secrets/shop", "no such file"},
		"compose: a network that is none":    {"compose", "networks: [callers,", "networks: [caller,", "undefined network caller"},
		"compose: a service that is none":    {"compose", "wxproxy: {condition", "wxprox: {condition", "wxprox"},
		"compose: no Dockerfile":             {"compose", "context: ../..", "context: ..", "no such file"},
		"compose: privileges":                {"compose", "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "lacks cap_drop"},
		"compose: no healthcheck":            {"compose", "healthcheck:\n      test: [CMD, /wxproxy", "x-healthcheck:\n      test: [CMD, /wxproxy", "has no healthcheck"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, path, mutated := "kubernetes", "deploy/kubernetes/"+test.file+".yaml", t.TempDir()+"/mutated.yaml"
			if test.file == "compose" {
				kind, path = "compose", compose
				mutated = filepath.Join(filepath.Dir(compose), strings.ReplaceAll(name, " ", "-")+".yaml")
			}
			content, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(content), test.old) {
				t.Fatalf("%s: got %v; want %q in it", path, err, test.old)
			}
			writeFile(t, mutated, strings.Replace(string(content), test.old, test.new, 1))
			if _, mistakes := checkDeployed(t, kind, mutated); !strings.Contains(mistakes, test.want) {
				t.Errorf("got %q; want %q", mistakes, test.want)
			}
		})
	}
}

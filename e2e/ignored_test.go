package e2e

import (
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxproxy/config"
)

// secretFiles are what the documents have users make in the checkout.
var secretFiles = []string{
	"my.toml", "wxproxy.toml", "prod.local.toml", "shop-secret", "admin-key", "etc/config.toml", "wxproxy.yaml", "shop.yaml",
	"ca.key", "tls.key", "tls.crt", "ca.crt", "tls.csr", "server.pem", "prod.env", "secrets/shop", "tokens/wx0123456789abcdef.json",
	"deploy/compose/.env", "deploy/compose/secrets/shop_secret", "deploy/compose/data/dump.rdb",
}

// Files that hold an AppSecret must neither be committed nor become part of what builds
// the image.
func TestSecretsOfUsersGoNeitherIntoGitNorIntoTheImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := execute(exec.Command("git", "init", "--quiet", dir)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, ".gitignore"), read(t, ".gitignore"))
	ignored := func(name string) bool {
		return exec.Command("git", "-C", dir, "check-ignore", "--quiet", name).Run() == nil
	}
	docker := read(t, ".dockerignore")
	for _, name := range secretFiles {
		if !ignored(name) {
			t.Errorf("%s: Git would take it", name)
		}
		if !dockerIgnores(docker, name) {
			t.Errorf("%s: it would go into the build of the image", name)
		}
	}
	for _, name := range []string{"config.toml", "config.zh-CN.toml", "LICENSE", "NOTICES", "go.mod", "main.go", "config/config.go", "deploy/kubernetes/shared.yaml", "deploy/compose/config.toml", "testdata/config/redis.toml"} {
		if ignored(name) {
			t.Errorf("%s: Git would not take it", name)
		}
		if dockerIgnores(docker, name) {
			t.Errorf("%s: the image cannot be built of it", name)
		}
	}
}

// dockerIgnores reports whether a file is left out, as Docker reads its list: the
// last line that names it, or a directory above it, decides.
func dockerIgnores(list, name string) (out bool) {
	for line := range strings.Lines(list) {
		pattern, taken := strings.CutPrefix(strings.TrimSpace(line), "!")
		pattern, anywhere := strings.CutPrefix(pattern, "**/")
		for part := name; part != "."; part = path.Dir(part) {
			of := part
			if anywhere {
				of = path.Base(part)
			}
			if matched, _ := path.Match(pattern, of); matched && pattern != "" && !strings.HasPrefix(line, "#") {
				out = !taken
			}
		}
	}
	return out
}

// unit returns the settings of the service, by name; the last one counts.
func unit(t *testing.T) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(read(t, "deploy/systemd/wxproxy.service")) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
			settings[name] = value
		}
	}
	return settings
}

// A fault of it must neither fill the machine nor leave its memory on the disk.
func TestTheUnitBoundsWhatTheServiceTakes(t *testing.T) {
	t.Parallel()
	settings := unit(t)
	number := func(name string) int64 {
		parts := regexp.MustCompile(`^(?:GOMEMLIMIT=)?(\d+)([MG]?)(?:iB)?$`).FindStringSubmatch(settings[name])
		if parts == nil {
			t.Fatalf("%s: got %q; want a number", name, settings[name])
		}
		n, _ := strconv.ParseInt(parts[1], 10, 64)
		return n << map[string]int{"": 0, "M": 20, "G": 30}[parts[2]]
	}
	if number("LimitCORE") != 0 {
		t.Error("got core dumps; want none")
	}
	if soft, high, most := number("Environment"), number("MemoryHigh"), number("MemoryMax"); soft < 512<<20 || soft >= high || high >= most {
		t.Errorf("got GOMEMLIMIT %d, MemoryHigh %d, MemoryMax %d; want the collector to come first, then the brake, then the end", soft, high, most)
	}
	if tasks := number("TasksMax"); tasks < 256 || tasks > 4096 {
		t.Errorf("got %d tasks", tasks)
	}
	defaults := config.Default()
	least := int64(2*defaults.Proxy.MaxConnections + defaults.Upstream.MaxConnections)
	if files := number("LimitNOFILE"); files < least {
		t.Errorf("got %d descriptors; want %d, for a body in a file for each caller", files, least)
	}
}

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A block is a fenced piece of a document.
type block struct {
	line int    // of its fence
	info string // what stands behind the fence
	text string
}

func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	checkout := copyCheckout(t)
	for _, name := range documents(t) {
		t.Run(name, func(t *testing.T) {
			blocks := readBlocks(t, name)
			found := map[string]int{}
			for _, b := range blocks {
				found[b.info]++
			}
			for _, info := range []string{"sh", "sh demo", "sh run", "toml config"} {
				if found[info] == 0 && strings.HasPrefix(name, "README") {
					t.Errorf("got no block %q; want one", info)
				}
			}
			demo := startDemo(t)
			for _, b := range blocks {
				t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) { b.mustHold(t, checkout, demo) })
			}
			demo.stop()
		})
	}
}

// mustHold does what a document says with b.
func (b block) mustHold(t *testing.T, checkout string, demo *program) {
	if strings.HasPrefix(b.info, "sh") && regexp.MustCompile(`(?m)^make\b`).MatchString(b.text) {
		mustNameTargets(t, b.text)
		return
	}
	switch b.info {
	case "sh demo":
		where := strings.NewReplacer("http://127.0.0.1:8080", demo.proxy, "http://127.0.0.1:8081", demo.admin, "http://127.0.0.1:8082", demo.demoWeChat())
		mustPaste(t, where.Replace(b.text))
	case "sh run":
		mustRun(t, checkout, b.text)
	case "toml config":
		mustPassCheck(t, b.text)
	case "sh":
		mustParse(t, b.text)
	}
}

func readBlocks(t *testing.T, path string) []block {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	inside, line := false, 0
	for text := range strings.Lines(string(content)) {
		line++
		info, isFence := strings.CutPrefix(text, "```")
		switch {
		case isFence && !inside:
			blocks = append(blocks, block{line: line, info: strings.TrimSpace(info)})
			inside = true
		case isFence:
			inside = false
		case inside:
			blocks[len(blocks)-1].text += text
		}
	}
	if inside {
		t.Errorf("%s: the block of line %d does not end", path, blocks[len(blocks)-1].line)
	}
	return blocks
}

// mustNameTargets fails the test unless the Makefile has every target that the
// lines make. They are not made here: that would run this test again.
func mustNameTargets(t *testing.T, lines string) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range regexp.MustCompile(`(?m)^\s*make\b(.*)$`).FindAllStringSubmatch(lines, -1) {
		for word := range strings.FieldsSeq(made[1]) {
			if strings.HasPrefix(word, "#") || strings.Contains(word, "=") {
				break // a comment, or a variable and its words
			}
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(word) + `:`).Match(makefile) {
				t.Errorf("got no target %q in the Makefile", word)
			}
		}
	}
}

// mustParse fails the test unless a shell can read the lines, which it does not
// run: they need an account, or do not end.
func mustParse(t *testing.T, lines string) {
	if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", lines).CombinedOutput(); err != nil {
		t.Errorf("%s\ngot %v: %s", lines, err, out)
	}
	commands := regexp.MustCompile(`(?m)^(?:go run \.|\./wxproxy)(?: ([a-z]+))?`)
	for _, command := range commands.FindAllStringSubmatch(lines, -1) {
		if usage := runs(t, exitOK, launch{args: []string{"help"}}).stdout.String(); !strings.Contains(usage, "\n  "+command[1]) {
			t.Errorf("got the command %q, which wxproxy help does not list", command[1])
		}
	}
}

// mustRun runs lines in a copy of the checkout.
func mustRun(t *testing.T, checkout, lines string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // go build may have nothing cached
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", lines)
	cmd.Dir = checkout
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool { return strings.HasPrefix(variable, "WXPROXY_") })
	// As releases are built: whatever the directory, Go's cache has what was built so before.
	cmd.Env = append(cmd.Env, "CGO_ENABLED=0", "GOFLAGS=-trimpath -tags=nethttpomithttp2")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s\ngot %v: %s", lines, err, out)
	}
}

// copyCheckout returns a copy of what a clone has.
func copyCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, path), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), content, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// withTLS returns the configuration with files of TLS that there are.
func withTLS(t *testing.T, toml string) string {
	if !strings.Contains(toml, "tls_cert") {
		return toml
	}
	a := newAuthority(t)
	a.leaf("server")
	for key, file := range map[string]string{"tls_cert": "server.pem", "tls_key": "server.key", "tls_client_ca": "ca.pem"} {
		toml = regexp.MustCompile(`(?m)^(\s*`+key+`\s*=\s*)"/[^"]*"`).ReplaceAllString(toml, `${1}"`+a.path(file)+`"`)
	}
	return toml
}

// ownSecret returns a secret for the setting of a line, unlike any other.
func ownSecret(line string, i int) string {
	switch {
	case strings.Contains(line, "encryption"):
		return base64.StdEncoding.EncodeToString([]byte(appSecret))
	case strings.Contains(line, "aes_key"):
		return fmt.Sprintf("%.43s", fmt.Sprintf("%d%s%s", i, appSecret, appSecret))
	case strings.Contains(line, "token"):
		return fmt.Sprintf("%.32s", fmt.Sprintf("%d%s", i, appSecret))
	case strings.Contains(line, "proxy_"):
		return fmt.Sprintf("http://wxproxy:%s-%d@proxy.example:3128", appSecret, i)
	case strings.Contains(line, "store_"):
		return fmt.Sprintf("redis://wxproxy:%s-%d@redis:6379/0", appSecret, i)
	}
	return fmt.Sprintf("%.43s", fmt.Sprintf("%d-%s%s", i, appSecret, appSecret)) // as long as those of WeCom's are
}

// mustPassCheck checks a configuration, with the variables and the files that
// it names for its secrets.
func mustPassCheck(t *testing.T, toml string) {
	dir := t.TempDir()
	l := launch{args: []string{"check"}, dir: dir}
	for _, named := range regexp.MustCompile(`(?m)^\s*(?:secret|store|proxy|(?:read_|encryption_)?key(?:_old)?|(?:push_)?token|(?:push_)?aes_key(?:_old)?)_env\s*=\s*"(.*?)"`).FindAllStringSubmatch(toml, -1) {
		l.env = append(l.env, named[1]+"="+ownSecret(named[0], len(l.env)))
	}
	files := regexp.MustCompile(`(?m)^(\s*(?:secret|store|proxy|(?:read_|encryption_)?key(?:_old)?|(?:push_)?token|(?:push_)?aes_key(?:_old)?)_file\s*=\s*")(.*?)"`)
	for i, named := range files.FindAllStringSubmatch(toml, -1) {
		file := fmt.Sprintf("%s/secret-%d", dir, i)
		writeFile(t, file, ownSecret(named[0], i)+"\n")
		toml = strings.Replace(toml, named[0], named[1]+file+`"`, 1)
	}
	shipped := toml
	for i, hole := range holes.FindAllString(toml, -1) {
		toml = strings.Replace(toml, hole, fmt.Sprintf("\"%x\"", sha256.Sum256([]byte(ownSecret(hole, len(toml)+i)))), 1)
	}
	if shipped != toml {
		writeFile(t, dir+"/config.toml", withTLS(t, shipped))
		if p := runs(t, exitFailure, l); !strings.Contains(p.stderr.String(), "`wxproxy key`") {
			t.Errorf("got %s; want that an example that was left as it is cannot load, and what makes a key", p.stderr.String())
		}
	}
	writeFile(t, dir+"/config.toml", withTLS(t, toml))
	p := runs(t, exitOK, l)
	if inTheClear.ReplaceAllString(p.stderr.String(), "") != "" {
		t.Errorf("got %s; want no remarks", p.stderr.String())
	}
}

// holes are where the hash of a key belongs in what a page has people write.
var holes = regexp.MustCompile(`"<[^"]*` + "`wxproxy key`" + `[^"]*>"`)

// withHash returns toml with the hash of a key in the first of its holes.
func withHash(toml, key string) string {
	at := holes.FindStringIndex(toml)
	if at == nil {
		return toml
	}
	return toml[:at[0]] + fmt.Sprintf("\"%x\"", sha256.Sum256([]byte(key))) + toml[at[1]:]
}

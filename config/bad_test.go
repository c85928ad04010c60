package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary is the secret of every example; no message may show it.
const canary = "canary-5f4dcc3b5aa765d6"

// lookup returns the environment of a test, given as name, value, ...
func lookup(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestEveryBadExampleIsReportedInItsWords(t *testing.T) {
	paths, err := filepath.Glob("../testdata/config/*.toml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("got %d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".toml"), func(t *testing.T) {
			cfg, err := Load(path, lookup("SET", canary, "EMPTY", ""))
			if cfg != nil {
				t.Errorf("got a configuration, too")
			}
			mustReport(t, err, path, wants(t, path))
		})
	}
}

// wants returns what the first lines of an example say about it.
func wants(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		want, ok := strings.CutPrefix(line, "# want: ")
		if !ok {
			break
		}
		found = append(found, strings.TrimSpace(want))
	}
	if len(found) == 0 {
		t.Fatalf("%s does not begin with # want:", path)
	}
	return found
}

// mustReport fails the test unless err consists of a problem for each of wants,
// said of where, and nothing else.
func mustReport(t *testing.T, err error, where string, wants []string) {
	t.Helper()
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("got error %v; want Problems", err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("shows a secret:\n%v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(problems) {
		t.Errorf("got %d lines for %d problems", len(lines), len(problems))
	}
	for _, want := range wants {
		rest := lines[:0:0]
		found := false
		for _, line := range lines {
			if !found && strings.HasPrefix(line, where+": "+want) {
				found = true
				continue
			}
			rest = append(rest, line)
		}
		if !found {
			t.Errorf("no problem says %q", want)
		}
		lines = rest
	}
	if len(lines) > 0 {
		t.Errorf("got more problems than wanted:\n%s", strings.Join(lines, "\n"))
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A configuration that serve refuses is refused by check, each with its exit code.
func TestWhatServeRefusesCheckRefusesWithItsExitCode(t *testing.T) {
	t.Parallel()
	urls := make([]string, 64)
	for i := range urls {
		urls[i] = fmt.Sprintf("https://host-%d.example", i)
	}
	list, _ := json.Marshal(urls)
	file := filepath.Join(t.TempDir(), "many.toml")
	writeFile(t, file, "[upstream]\nurl = \"https://wechat.example\"\nfallback_urls = "+string(list)+"\n"+fourLines)
	for command, code := range map[string]int{"check": exitFailure, "serve": exitMistakes} {
		p := runs(t, code, launch{args: []string{command, "-config", file}})
		if got := p.stderr.String(); !strings.Contains(got, file+": upstream.fallback_urls: has 64 URLs; at most 63 can be used") {
			t.Errorf("%s: got %s; want the number", command, got)
		}
	}
}

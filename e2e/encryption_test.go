package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEncryptedTokensOutliveARestartButNotTheirKey(t *testing.T) {
	t.Parallel()
	w := startWeChat(t)
	tokens, keys := t.TempDir(), t.TempDir()
	file := filepath.Join(tokens, appID+".json")
	run := func(key string) *program {
		path := filepath.Join(keys, key)
		if _, err := os.Stat(path); err != nil {
			writeFile(t, path, base64.StdEncoding.EncodeToString([]byte(rand.Text() + rand.Text())[:32])+"\n")
		}
		p := serving(t, w.URL, fmt.Sprintf("[token]\nstore = \"file:%s\"\nencryption_key_file = %q\n", tokens, path)+fourLines)
		p.mustSucceed()
		p.stop()
		if content, err := os.ReadFile(file); err != nil || strings.Contains(string(content), w.Tokens(appID)[0]) || !strings.Contains(string(content), "aes256gcm:") {
			t.Errorf("got %s, %v; want the token encrypted", content, err)
		}
		return p
	}
	for _, key := range []string{"first", "first"} {
		if p := run(key); len(p.logged("stored token ignored")) > 0 {
			t.Errorf("%s key: got a token ignored; want it used", key)
		}
	}
	if f := w.Fetches(appID); f.Stable != 1 {
		t.Errorf("got %+v; want one fetch", f)
	}
	lines := run("second").logged("stored token ignored")
	if len(lines) != 1 || !strings.Contains(lines[0]["err"].(string), file+": it cannot be decrypted; token.encryption_key is another one") {
		t.Errorf("another key: got %v; want it said in words", lines)
	}
	if p := run("second"); len(p.logged("stored token ignored")) > 0 || w.Fetches(appID).Stable != 2 {
		t.Errorf("another key: got %+v; want the token replaced", w.Fetches(appID))
	}
}

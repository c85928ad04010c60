package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
)

func runKey(o options, t terminal) error {
	if len(o.names) > 0 {
		return runKeys(o.names, t)
	}
	key, hash, err := newKey()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "key        = %q\nkey_sha256 = %q\n", key, hash)
	return err
}

// runKeys prints clients with these names for the configuration, and their keys for the
// programs.
func runKeys(names []string, t terminal) error {
	var clients, keys strings.Builder
	for i, name := range names {
		if !config.IsName(name) {
			return service.MistakeError{Err: language.Textf("wxproxy key: %q names no client: 1 to 64 letters, digits, '-' or '_' do", name)}
		}
		if slices.Contains(names[:i], name) {
			return service.MistakeError{Err: language.Textf("wxproxy key: %s is there twice; each client needs its own name", name)}
		}
		key, hash, err := newKey()
		if err != nil {
			return err
		}
		fmt.Fprintf(&clients, "[[client]]\nname       = %q\nkey_sha256 = %q\n\n", name, hash)
		fmt.Fprintf(&keys, "%s\t%s\n", name, key)
	}
	_, err := fmt.Fprint(t.out, t.language.Sprintf("%sThe keys, for the programs alone:\n\n%s", clients.String(), keys.String()))
	return err
}

// newKey returns a new key and its hash, as the configuration has them.
func newKey() (key, hash string, err error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", "", language.Textf("making a key: %w", err)
	}
	key = base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(key))
	return key, hex.EncodeToString(sum[:]), nil
}

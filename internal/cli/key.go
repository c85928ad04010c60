package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

func runKey(_ options, t terminal) error {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	key := base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(key))
	_, err := fmt.Fprintf(t.out, "key        = %q\nkey_sha256 = %q\n", key, hex.EncodeToString(sum[:]))
	return err
}

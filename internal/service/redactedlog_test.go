package service

import (
	"bytes"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

func TestTheLogHidesWhatIsSecretOfTheConfiguration(t *testing.T) {
	var known knownSecrets
	known.addAll(&config.Config{
		Admin: config.Admin{Key: secret.New("canary-admin-key")},
		Token: config.Token{
			Store:         secret.New("redis://user:canary-store-pw@127.0.0.1?master_name=m&sentinel_password=canary-sentinel"),
			EncryptionKey: secret.New("canary-encryption-key-0123456789"),
		},
	})
	var said bytes.Buffer
	log := slog.New(redactedLog{slog.NewJSONHandler(&said, nil), &known})
	for _, canary := range []string{"canary-admin-key", "canary-store-pw", "canary-sentinel", "Y2FuYXJ5LWVuY3J5cHRpb24ta2V5LTAxMjM0NTY3ODk="} {
		quote := "dial tcp: lookup " + canary + "%: " + url.QueryEscape(canary) + " " + strings.ToUpper(canary)
		log.Warn("said", "err", errors.New(quote))
		log.With("err", quote).WithGroup("g").Warn("said", "reason", quote, "n", 1, "took", time.Second)
		if got := strings.ToLower(said.String()); strings.Contains(got, strings.ToLower(canary)) || strings.Count(got, "lookup [hidden]") != 3 {
			t.Errorf("got %s; want %q hidden", got, canary)
		}
		said.Reset()
	}
	log.Warn("said", "err", errors.New("a password"), "account", "shop")
	if got := said.String(); !strings.Contains(got, `"err":"a password","account":"shop"`) {
		t.Errorf("got %s; want it as it is", got)
	}
}

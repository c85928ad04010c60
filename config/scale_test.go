package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Quadratic checks would take from ten seconds to minutes.
func TestThousandsOfAccountsAndClientsAreCheckedAtOnce(t *testing.T) {
	for _, test := range []struct {
		name         string
		prefix       string // of the account that each client names
		many         int
		wantProblems int
	}{
		{"all right", "account", 10_000, 0},
		{"each client misspells its account", "acount", 2000, 2000},
	} {
		t.Run(test.name, func(t *testing.T) {
			var toml strings.Builder
			for n := range test.many {
				fmt.Fprintf(&toml, "[[account]]\nname = \"account-%d\"\napp_id = \"wx%016x\"\nsecret = \"5ec2e7\"\n", n, n)
				fmt.Fprintf(&toml, "[[client]]\nname = \"client-%d\"\nkey = \"0123456789abcdef-%d\"\naccounts = [\"%s-%d\"]\n", n, n, test.prefix, n)
			}
			path := filepath.Join(t.TempDir(), "config.toml")
			if err := os.WriteFile(path, []byte(toml.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err := Load(path, func(string) (string, bool) { return "", false })
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("loading took %v; want a moment", took)
			}
			problems, _ := errors.AsType[Problems](err)
			if len(problems) != test.wantProblems {
				t.Errorf("got %d problems; want %d", len(problems), test.wantProblems)
			}
		})
	}
}

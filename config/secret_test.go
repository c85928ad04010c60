package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretIsReadAgain(t *testing.T) {
	path := write(t, "secret", "first\n")
	values := map[string]string{"SHOP": "first"}
	fromFile := SecretSource{file: path, files: NewFiles()}
	fromEnv := SecretSource{env: "SHOP", lookupEnv: func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}}
	mustRead(t, fromFile, "first")
	mustRead(t, fromEnv, "first")

	values["SHOP"] = "second"
	if err := os.WriteFile(path, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRead(t, fromFile, "second")
	mustRead(t, fromEnv, "second")
}

func mustRead(t *testing.T, source SecretSource, want string) {
	t.Helper()
	got, err := source.Read()
	if err != nil || got.Reveal() != want {
		t.Errorf("%s: got %q, %v; want %q", source, got.Reveal(), err, want)
	}
}

func TestSecretFiles(t *testing.T) {
	for _, row := range []struct{ name, content, want, err string }{
		{"a line", canary + "\n", canary, ""},
		{"white space after it", canary + " \t\r\n\n", canary, ""},
		{"no line end", canary, canary, ""},
		{"empty", "", "", "the secret is empty"},
		{"white space alone", " \n\t\n", "", "the secret is empty"},
		{"white space before it", " " + canary, "", "the secret has white space"},
		{"two lines", canary + "\n" + canary + "\n", "", "the secret has white space"},
		{"a byte order mark", "\ufeff" + canary, "", "the secret has white space, control or non-ASCII"},
		{"too large", strings.Repeat("x", 64<<10+1), "", "the file is too large to be a secret"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := SecretSource{file: write(t, "secret", row.content), files: NewFiles()}.Read()
			if got.Reveal() != row.want || !says(err, row.err) {
				t.Errorf("got %q, %v; want %q, %q", got.Reveal(), err, row.want, row.err)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("shows the secret: %v", err)
			}
		})
	}
}

func TestAMissingSecretFileIsNotNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), canary)
	_, err := SecretSource{file: path, files: NewFiles()}.Read()
	if !says(err, "reading the file: no such file or directory") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

func TestOnlyPlainVariablesAreNamed(t *testing.T) {
	for _, row := range []struct {
		env  string
		name bool
	}{
		{"WXPROXY_SHOP_SECRET", true},
		{"5F4DCC3B5AA765D61D8327DEB882CF99", false},
		{"5f4dcc3b5aa765d61d8327deb882cf99", false},
		{"shop_secret", false},
		{strings.Repeat("A_", 40), false},
	} {
		_, err := SecretSource{env: row.env, lookupEnv: lookup()}.Read()
		if got := strings.Contains(err.Error(), row.env); got != row.name {
			t.Errorf("%s: got %v; want it named: %v", row.env, err, row.name)
		}
	}
}

func says(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.HasPrefix(err.Error(), want)
}

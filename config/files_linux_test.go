package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fifo makes a file whose reading hangs, as on a network file system that is away.
func fifo(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hasty returns Files that wait less long.
func hasty() *Files {
	files := NewFiles()
	files.patience = 300 * time.Millisecond
	return files
}

func TestAFileThatHangsIsAMistakeThatNamesItAndTheAccount(t *testing.T) {
	t.Parallel()
	secret, other := fifo(t, "secret"), fifo(t, "other")
	for _, row := range []struct{ name, toml, want string }{
		{"an AppSecret", account("shop", "secret_file = %q", secret), "account[1].secret_file: `shop`: reading the file: it gave nothing within 300ms; is it a named pipe, or on a disk that hangs? (it is \"" + secret + "\")"},
		{"two AppSecrets", account("shop", "secret_file = %q", secret) + account("club", "secret_file = %q", other), "account[1].secret_file: `shop`: reading"},
		{"the admin's key", "[admin]\nlisten = \":1\"\nkey_file = \"" + secret + "\"\n" + account("shop", "secret = \"abc\""), "admin.key_file: reading the file: it gave nothing"},
		{"a client's key", account("shop", "secret = \"abc\"") + "[[client]]\nname = \"orders\"\nkey_file = \"" + secret + "\"\n", "client[1].key_file: `orders`: reading"},
		{"roots", "[upstream]\nca_file = \"" + secret + "\"\n" + account("shop", "secret_file = %q", other), "upstream.ca_file: cannot be read: it gave nothing"},
		{"a certificate", "[proxy]\ntls_cert = \"" + secret + "\"\ntls_key = \"" + other + "\"\n" + account("shop", "secret = \"abc\""), "proxy.tls_cert: cannot be read: it gave nothing"},
		{"an encryption key", "[token]\nencryption_key_file = \"" + secret + "\"\n" + account("shop", "secret = \"abc\""), "token.encryption_key_file: reading"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := hasty().Load(write(t, "config.toml", row.toml), lookup())
			var problems Problems
			if !errors.As(err, &problems) || len(problems) != 1 || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v; want one mistake with %q", err, row.want)
			}
			if took := time.Since(began); took < hasty().patience/2 {
				t.Errorf("got it after %v; want it after %v", took, hasty().patience)
			}
		})
	}
}

// account returns a table with the line, and an app_id made of the name.
func account(name, line string, values ...any) string {
	return fmt.Sprintf("[[account]]\nname = %q\napp_id = \"wx-%s\"\n%s\n", name, name, fmt.Sprintf(line, values...))
}

func TestAConfigurationThatHangsIsAMistake(t *testing.T) {
	t.Parallel()
	_, err := hasty().Load(fifo(t, "config.toml"), lookup())
	if err == nil || !strings.Contains(err.Error(), "gave nothing within 300ms") {
		t.Errorf("got %v; want that it gave nothing", err)
	}
}

func TestAFileThatHangsIsOpenedOnceAndAnotherInItsPlaceIsRead(t *testing.T) {
	t.Parallel()
	files, path := hasty(), fifo(t, "secret")
	source := SecretSource{file: path, files: files}
	failed := make(chan error)
	for range 20 {
		go func() {
			_, err := source.Read()
			failed <- err
		}()
	}
	if err := <-failed; err == nil || len(files.slots) > 1 {
		t.Errorf("got %v with %d reads under way; want an error, and one", err, len(files.slots))
	}
	for range 19 {
		if err := <-failed; err == nil {
			t.Error("got a secret; want an error")
		}
	}
	go os.WriteFile(path, []byte("comes-late\n"), 0)
	if secret, err := source.Read(); err != nil || secret.Reveal() != "comes-late" {
		t.Errorf("got %q, %v; want what comes late", secret.Reveal(), err)
	}
	os.Remove(path)
	os.WriteFile(path, []byte("another\n"), 0o600)
	if secret, err := source.Read(); err != nil || secret.Reveal() != "another" {
		t.Errorf("got %q, %v; want the file that took its place", secret.Reveal(), err)
	}
}

func TestFilesThatHangAreFew(t *testing.T) {
	t.Parallel()
	files, failed := hasty(), make(chan error)
	dir := t.TempDir()
	const many = maxReads + 10
	for i := range many {
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := files.read(path, 1)
			failed <- err
		}()
	}
	for range many {
		if err := <-failed; err == nil || !strings.Contains(err.Error(), "gave nothing") {
			t.Errorf("got %v; want that it gave nothing", err)
		}
	}
	if n := cap(files.slots); n != maxReads {
		t.Errorf("got room for %d reads; want %d", n, maxReads)
	}
}

// What cannot be read may have accounts: it is no folder without any.
func TestAnIncludedFolderThatCannotBeReadIsAMistake(t *testing.T) {
	if os.Getuid() == 0 { // who may read everything
		const nobody = 65534
		runtime.LockOSThread() // not undone: the thread ends with the test
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, closed := range map[string]string{"teams/*/wx.toml": "teams/y", "teams/y/wx.toml": "teams/y", "*/y/wx.toml": "teams"} {
		path := writeTree(t, map[string]string{"config.toml": "include = [\"" + pattern + "\"]\n" + good, "teams/x/wx.toml": "", "teams/y/wx.toml": ""})
		closed = filepath.Join(filepath.Dir(path), closed)
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, lookup())
		mustReport(t, err, path, []string{`include[1]: cannot be read: permission denied (it is "` + pattern + `"); line 1`})
		_ = os.Chmod(closed, 0o755) // so that it can be removed
	}
}

//go:build unix

package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// stranger is a user and a group that no test runs as.
const stranger = 54321

// planted writes what a store would for the account.
func planted(t *testing.T, path string) {
	t.Helper()
	content, err := json.Marshal(file{AppID: "wx1", AccessToken: "planted-token", ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// give makes path another user's, if this test may do that, and reports whether.
func give(t *testing.T, path string, user, group int) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return false
	}
	if err := os.Lchown(path, user, group); err != nil {
		t.Fatal(err)
	}
	return true
}

func TestATokenDirectoryOfOthersIsRefused(t *testing.T) {
	for _, row := range []struct {
		name        string
		user, group int
		mode        os.FileMode
		want        string // empty: trusted
		remark      string
	}{
		{"ours", os.Geteuid(), os.Getegid(), 0o700, "", ""},
		{"ours, read by all", os.Geteuid(), os.Getegid(), 0o755, "", ""},
		{"written by all", os.Geteuid(), os.Getegid(), 0o777, "can be written by every user", ""},
		{"written by all but the group", os.Geteuid(), os.Getegid(), 0o702, "can be written by every user", ""},
		{"with setgid", os.Geteuid(), os.Getegid(), 0o777 | os.ModeSetgid, "can be written by every user", ""},
		{"as /tmp: only its files are looked at", os.Geteuid(), os.Getegid(), 0o777 | os.ModeSticky, "", "keep wxproxy from storing tokens"},
		{"as /tmp, with setgid", os.Geteuid(), os.Getegid(), 0o777 | os.ModeSticky | os.ModeSetgid, "", "keep wxproxy from storing tokens"},
		{"Kubernetes' fsGroup", os.Geteuid(), os.Getegid(), 0o770 | os.ModeSetgid, "", "can be written by its group"},
		{"written by our group", os.Geteuid(), os.Getegid(), 0o720, "", "can be written by its group"},
		{"written by another group", os.Geteuid(), stranger, 0o770, fmt.Sprintf("can be written by group %d, which is not ours", stranger), ""},
		{"of another group that may not write", os.Geteuid(), stranger, 0o750, "", ""},
		{"another user's", stranger, os.Getegid(), 0o700, "belongs to another user", ""},
		{"another user's, read by all", stranger, stranger, 0o755, "belongs to another user", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			isOthers := row.user == stranger || row.group == stranger
			if isOthers && !give(t, dir, row.user, row.group) {
				mustDistrustStrangers(t)
				return
			}
			if err := os.Chmod(dir, row.mode); err != nil {
				t.Fatal(err)
			}
			var logged bytes.Buffer
			_, err := Open(Config{Spec: secret.New("file:" + dir), Log: slog.New(slog.NewTextHandler(&logged, nil))})
			if !says(err, row.want) || err != nil && (!strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "chmod 700")) {
				t.Errorf("got %v; want %q, the directory, and what to do", err, row.want)
			}
			if got := logged.String(); !strings.Contains(got, row.remark) || (got == "") != (row.remark == "") {
				t.Errorf("got the remark %q; want %q", got, row.remark)
			}
		})
	}
}

// mustDistrustStrangers is what can be tested by a user who cannot give a file away.
func mustDistrustStrangers(t *testing.T) {
	t.Helper()
	if (owner{stranger, stranger}).trusted() || (owner{0, stranger}).ofOurGroups() || !(owner{os.Geteuid(), 0}).trusted() {
		t.Error("got a stranger trusted, or ourselves not")
	}
}

func says(err error, want string) bool {
	return (err == nil) == (want == "") && (err == nil || strings.Contains(err.Error(), want))
}

func TestAPlantedTokenIsNotUsed(t *testing.T) {
	for _, row := range []struct {
		name  string
		plant func(t *testing.T, path string) bool // false: this user cannot
		want  string                               // empty: it is used
	}{
		{"our own", func(t *testing.T, path string) bool { planted(t, path); return true }, ""},
		{"our own, as Kubernetes changes it for a group", func(t *testing.T, path string) bool {
			planted(t, path)
			return os.Chmod(path, 0o660) == nil
		}, ""},
		{"another user's", func(t *testing.T, path string) bool {
			planted(t, path)
			return give(t, path, stranger, os.Getegid())
		}, "belongs to user 54321, who may have planted it"},
		{"written by all", func(t *testing.T, path string) bool {
			planted(t, path)
			return os.Chmod(path, 0o602) == nil
		}, "others may have planted what it says"},
		{"written by another group", func(t *testing.T, path string) bool {
			planted(t, path)
			return give(t, path, os.Geteuid(), stranger) && os.Chmod(path, 0o660) == nil
		}, "others may have planted what it says"},
		{"a link to a file", func(t *testing.T, path string) bool {
			target := filepath.Join(t.TempDir(), "elsewhere")
			planted(t, target)
			return os.Symlink(target, path) == nil
		}, "is a link"},
		{"a pipe", func(t *testing.T, path string) bool { return syscall.Mkfifo(path, 0o600) == nil }, "is no plain file"},
		{"a directory", func(t *testing.T, path string) bool { return os.Mkdir(path, 0o700) == nil }, "is no plain file"},
		{"more than a token takes", func(t *testing.T, path string) bool {
			return os.WriteFile(path, bytes.Repeat([]byte(" "), 64<<20), 0o600) == nil
		}, "is damaged"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "wx1.json")
			if !row.plant(t, path) {
				mustDistrustStrangers(t)
				return
			}
			s, err := NewFile(dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Load(token.Key{AppID: "wx1"})
			if !says(err, row.want) || errors.Is(err, token.ErrNotStored) || (r.Token.Value.Reveal() == "planted-token") != (row.want == "") {
				t.Errorf("got %q, %v; want %q", r.Token.Value.Reveal(), err, row.want)
			}
			if row.want == "" || row.name == "a directory" {
				return
			}
			if _, err := s.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("own"), Expires: time.Now().Add(time.Hour)}}); err != nil {
				t.Errorf("got %v; want it replaced", err)
			}
			info, err := os.Lstat(path)
			if r, loadErr := s.Load(token.Key{AppID: "wx1"}); loadErr != nil || r.Token.Value.Reveal() != "own" || err != nil || info.Mode() != 0o600 {
				t.Errorf("got %v, %v, %v; want a file of our own", loadErr, info, err)
			}
		})
	}
}

func TestADirectoryForAllIsLeftForOneInIt(t *testing.T) {
	for _, mode := range []os.FileMode{0o777, 0o777 | os.ModeSetgid} { // Kubernetes' emptyDir, without fsGroup and with it
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := NewFile(dir, nil, nil)
		better := fmt.Sprintf(`store = "file:%s/tokens"`, dir)
		if err == nil || !strings.Contains(err.Error(), better) || strings.Index(err.Error(), better) > strings.Index(err.Error(), "chmod 700") {
			t.Errorf("%v: got %v; want a directory in it named first", mode, err)
		}
		if _, err := NewFile(filepath.Join(dir, "tokens"), nil, nil); err != nil {
			t.Errorf("%v: got %v; want what is advised to work", mode, err)
		}
	}
}

func TestWhoOnlyChecksIsToldForWhomADirectoryIsRight(t *testing.T) {
	if os.Geteuid() != 0 {
		mustDistrustStrangers(t)
		return
	}
	for _, row := range []struct {
		name        string
		user, group int
		mode        os.FileMode
		note, err   string
	}{
		{"a service's", stranger, stranger, 0o700, "belongs to another user, 54321 (user 54321, mode 0700): serve has to run as user 54321 or root", ""},
		{"a service's, and its group's", stranger, stranger, 0o770, "serve has to run as user 54321 or root, and in group 54321", ""},
		{"fsGroup", 0, stranger, 0o770 | os.ModeSetgid, "is root's (user 0, mode 02770): serve has to run as root, and in group 54321", ""},
		{"root's", 0, 0, 0o700, "", ""},
		{"for all", stranger, stranger, 0o777, "", "can be written by every user"},
		{"for all, with setgid", 0, stranger, 0o777 | os.ModeSetgid, "", "can be written by every user"},
		{"sticky", 0, 0, 0o777 | os.ModeSticky, "(user 0, mode 01777), and so keep wxproxy from storing tokens", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			give(t, dir, row.user, row.group)
			if err := os.Chmod(dir, row.mode); err != nil {
				t.Fatal(err)
			}
			said, err := CheckDirOfOthers(dir)
			note := ""
			if said != nil {
				note = said.Error()
			}
			if !says(err, row.err) || !strings.Contains(note, row.note) || (note == "") != (row.note == "") || strings.Contains(note, "chown") {
				t.Errorf("got %q, %v; want %q, %q", note, err, row.note, row.err)
			}
		})
	}
}

package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

const component = "wxcomponent0000000"

var ofShop = token.Key{Platform: component, AppID: "wxshop"}

func openFiles(t *testing.T, dir string, key secret.Secret) *File {
	t.Helper()
	s, err := Open(Config{Spec: secret.New("file:" + dir), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*File)
}

func mustGrant(t *testing.T, s token.PlatformStore, key token.Key, refresh string) {
	t.Helper()
	if _, err := s.Amend(key, func(r *token.Record) bool {
		r.Refresh, r.RefreshBefore, r.Ticket = secret.New(refresh), secret.New(refresh+"-before"), secret.New(refresh+"-ticket")
		return true
	}); err != nil {
		t.Fatal(err)
	}
}

func wantRefresh(t *testing.T, s token.Store, key token.Key, want string) {
	t.Helper()
	if r, err := s.Load(key); err != nil || !r.Refresh.Equal(want) {
		t.Errorf("got %q, %v; want %q", r.Refresh.Reveal(), err, want)
	}
}

func TestAPlatformsFilesAreItsOwnAndEncrypted(t *testing.T) {
	for name, key := range map[string]secret.Secret{"in the clear": {}, "encrypted": aKey()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openFiles(t, dir, key)
			mustGrant(t, s, ofShop, "canary")
			if _, err := s.Save(ofShop, token.Record{Token: token.Token{Value: secret.New("canary-token"), Expires: time.Now().Add(time.Hour)}}); err != nil {
				t.Fatal(err)
			}
			mustGrant(t, s, token.Key{Platform: component, AppID: component}, "canary")
			content, err := os.ReadFile(filepath.Join(dir, component, "wxshop.json"))
			if err != nil || bytes.Contains(content, []byte("canary")) != key.Empty() {
				t.Errorf("got %s, %v", content, err)
			}
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				info, _ := d.Info()
				if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; err != nil || path != dir && info.Mode().Perm() != want {
					t.Errorf("%s: got %v, %v", path, info.Mode(), err)
				}
				return nil
			})
			wantRefresh(t, openFiles(t, dir, key), ofShop, "canary") // after a restart
		})
	}
}

// A key that is wrong, or new, takes nobody's refresh token away: it is as it was when the
// right one is back. What is granted anew is stored.
func TestAnotherKeyLosesNoRefreshToken(t *testing.T) {
	right := aKey()
	for name, keys := range map[string][2]secret.Secret{"another key": {right, aKey()}, "no key": {right, {}}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustGrant(t, openFiles(t, dir, keys[0]), ofShop, "canary")
			s := openFiles(t, dir, keys[1])
			if r, err := s.Load(ofShop); err == nil || errors.Is(err, token.ErrNotStored) || !r.Refresh.Empty() || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %q, %v; want to be told of the key", r.Refresh.Reveal(), err)
			}
			listed := 0
			if err := s.Each(component, func(key token.Key, r token.Record, unreadable error) error {
				if listed++; key != ofShop || unreadable == nil || r.HasGrants() {
					t.Errorf("got %v, %v", key, unreadable)
				}
				return nil
			}); err != nil || listed != 1 {
				t.Errorf("got %d, %v; want one that cannot be read", listed, err)
			}
			if _, err := s.Save(ofShop, token.Record{Token: token.Token{Value: secret.New("token"), Expires: time.Now().Add(time.Hour)}}); err != nil {
				t.Errorf("a keeper's token: %v", err)
			}
			wantRefresh(t, openFiles(t, dir, keys[0]), ofShop, "canary")
			mustGrant(t, s, ofShop, "anew")
			wantRefresh(t, s, ofShop, "anew")
		})
	}
}

// What was stored before there was a key, or with the one before, is encrypted with the new
// one at the next write, whoever writes.
func TestAFirstKeyAndANewOneEncryptWhatIsGranted(t *testing.T) {
	dir, first, second := t.TempDir(), aKey(), aKey()
	mustGrant(t, openFiles(t, dir, secret.Secret{}), ofShop, "canary")
	save := func(c Config) {
		c.Spec = secret.New("file:" + dir)
		s, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		wantRefresh(t, s, ofShop, "canary")
		if _, err := s.Save(ofShop, token.Record{Token: token.Token{Value: secret.New("token"), Expires: time.Now().Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(filepath.Join(dir, component, "wxshop.json")); err != nil || bytes.Contains(content, []byte("canary")) {
			t.Errorf("got %s, %v; want it encrypted", content, err)
		}
	}
	save(Config{Key: first})
	save(Config{Key: second, OldKey: first})
	wantRefresh(t, openFiles(t, dir, second), ofShop, "canary")
}

func TestADamagedFileOfAPlatformIsReplaced(t *testing.T) {
	dir := t.TempDir()
	s := openFiles(t, dir, secret.Secret{})
	mustGrant(t, s, ofShop, "canary")
	path := filepath.Join(dir, component, "wxshop.json")
	for _, content := range []string{`{"version":1,"component_appid":"` + component + `","app_id":"wxsh`, `{"app_id":"wxshop"}`, "", `{"version":1,"component_appid":"wxother","app_id":"wxshop"}`,
		`{"version":1,"component_appid":"` + component + `","app_id":"wxshop","access_token":"","refresh_token":"two words"}`,
		`{"version":1,"component_appid":"` + component + `","app_id":"wxshop","access_token":"","refresh_token":"r","state":"strange"}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Load(ofShop); !errors.Is(err, token.ErrDamaged) || r.HasGrants() {
			t.Errorf("%s: got %v; want it called damaged", content, err)
		}
		mustGrant(t, s, ofShop, "anew")
		wantRefresh(t, s, ofShop, "anew")
	}
}

func TestARecordOfALaterVersionIsNotAmended(t *testing.T) {
	dir := t.TempDir()
	s := openFiles(t, dir, secret.Secret{})
	mustGrant(t, s, ofShop, "canary")
	path := filepath.Join(dir, component, "wxshop.json")
	const later = `{"version":2,"app_id":"wxshop"}`
	if err := os.WriteFile(path, []byte(later), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Amend(ofShop, func(*token.Record) bool { t.Error("it is asked what to change"); return true })
	if content, _ := os.ReadFile(path); !errors.Is(err, token.ErrNewer) || string(content) != later {
		t.Errorf("got %v, %s; want it left alone", err, content)
	}
}

// A file that is too large could not be read again.
func TestARecordThatIsTooLargeIsNotStored(t *testing.T) {
	s := openFiles(t, t.TempDir(), secret.Secret{})
	mustGrant(t, s, ofShop, "canary")
	if _, err := s.Amend(ofShop, func(r *token.Record) bool { r.Refresh = secret.New(strings.Repeat("r", maxFile)); return true }); err == nil || strings.Contains(err.Error(), "rrr") {
		t.Errorf("got %v; want an error", err)
	}
	wantRefresh(t, s, ofShop, "canary")
}

func TestNoKeyLeadsOutOfTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s := openFiles(t, filepath.Join(dir, "tokens"), secret.Secret{})
	for _, key := range []token.Key{{Platform: "..", AppID: "wx1"}, {Platform: ".", AppID: "wx1"}, {Platform: "a/b", AppID: "wx1"}, {Platform: component, AppID: "../wx1"}, {Platform: component}} {
		if _, err := s.Amend(key, func(*token.Record) bool { return true }); err == nil {
			t.Errorf("%v: got no error", key)
		}
	}
	for _, platform := range []string{"..", ".", "", "a/b", "/etc"} {
		if err := s.Each(platform, func(key token.Key, _ token.Record, _ error) error { return fmt.Errorf("found %v", key) }); err == nil {
			t.Errorf("%q: got no error", platform)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
}

func TestAPlatformsDirectoryIsSweptAndNotTrustedBlindly(t *testing.T) {
	dir := t.TempDir()
	s := openFiles(t, dir, secret.Secret{})
	mustGrant(t, s, ofShop, "canary")
	left := filepath.Join(dir, component, "wxshop.json.123.tmp")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * leftAfter)
	if err := os.Chtimes(left, long, long); err != nil {
		t.Fatal(err)
	}
	list := func() (n int, err error) {
		err = s.Each(component, func(token.Key, token.Record, error) error { n++; return nil })
		return n, err
	}
	if n, err := list(); n != 1 || err != nil {
		t.Errorf("got %d, %v; want one", n, err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want what a killed process left removed", err)
	}
	if err := os.Chmod(filepath.Join(dir, component), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := list(); err == nil {
		t.Error("everybody can write the directory, and it is trusted")
	}
}

// Versions of wxproxy that know no platforms find nothing of them where they look.
func TestEarlierVersionsDoNotFindAPlatformsFiles(t *testing.T) {
	dir := t.TempDir()
	s := openFiles(t, dir, secret.Secret{})
	mustGrant(t, s, token.Key{Platform: component, AppID: component}, "canary")
	mustGrant(t, s, ofShop, "canary")
	for _, appID := range []string{component, "wxshop"} {
		if _, err := s.Load(token.Key{AppID: appID}); !errors.Is(err, token.ErrNotStored) {
			t.Errorf("%s: got %v; want ErrNotStored", appID, err)
		}
		if _, err := os.Stat(filepath.Join(dir, appID+".json")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", appID, err)
		}
	}
}

// An import runs beside the proxy, which takes an event of the same account meanwhile: neither
// overwrites what the other has written.
func TestANewRecordReplacesNoneOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	importing, serving := newFile(t, dir), newFile(t, dir)
	key, tries := token.Key{Platform: "wxcomponent", AppID: "wx1"}, 0
	r, err := importing.Amend(key, func(r *token.Record) bool {
		if tries++; tries == 1 {
			if _, err := serving.Amend(key, func(r *token.Record) bool { r.Events = secret.New("event"); return true }); err != nil {
				t.Fatal(err)
			}
		}
		r.Refresh = secret.New("imported")
		return true
	})
	if err != nil || tries != 2 || !r.Events.Equal("event") || !r.Refresh.Equal("imported") {
		t.Errorf("got %v after %d tries; want both kept at the second", err, tries)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "wxcomponent")); err != nil || len(left) != 1 {
		t.Errorf("got %d files, %v; want the record alone", len(left), err)
	}
}

func newFile(t *testing.T, dir string) *File {
	t.Helper()
	s, err := NewFile(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

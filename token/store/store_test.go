package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// stores returns an empty one of each kind.
func stores(t *testing.T) map[string]token.Store {
	t.Helper()
	all := map[string]token.Store{}
	for name, spec := range map[string]string{"memory": "memory:", "file": "file:" + filepath.Join(t.TempDir(), "a", "b")} {
		store, err := Open(Config{Spec: secret.New(spec)})
		if err != nil {
			t.Fatalf("opening %s: %v", spec, err)
		}
		all[name] = store
	}
	return all
}

func TestAStoreReturnsWhatWasSavedLast(t *testing.T) {
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := store.Load(token.Key{AppID: "wx1"}); !errors.Is(err, token.ErrNotStored) {
				t.Errorf("nothing saved: got %v; want ErrNotStored", err)
			}
			expires := time.Now().Add(time.Hour)
			for _, value := range []string{"first", "second"} {
				if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New(value), Expires: expires}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := store.Save(token.Key{AppID: "wx2"}, token.Record{Token: token.Token{Value: secret.New("other"), Expires: expires}}); err != nil {
				t.Fatal(err)
			}
			got, err := store.Load(token.Key{AppID: "wx1"})
			if err != nil || got.Token.Value.Reveal() != "second" {
				t.Errorf("got %q, %v; want second", got.Token.Value.Reveal(), err)
			}
			if late := expires.Sub(got.Token.Expires); late < 0 || late > time.Second {
				t.Errorf("got expiry %v; want %v, to the second", got.Token.Expires, expires)
			}
		})
	}
}

func TestAStoreNeverReturnsAnExpiredToken(t *testing.T) {
	for name, store := range stores(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, life := range []time.Duration{-time.Hour, -1, 0, time.Minute} {
					if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("canary"), Expires: time.Now().Add(life)}}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(max(life, 0))
					got, err := store.Load(token.Key{AppID: "wx1"})
					if !got.Token.Value.Empty() {
						t.Errorf("life %v: got a token until %v; want none", life, got.Token.Expires)
					}
					if err != nil && strings.Contains(err.Error(), "canary") {
						t.Errorf("life %v: %v holds the token", life, err)
					}
				}
			})
		})
	}
}

func TestAStoreThatNobodyKnowsCannotBeOpened(t *testing.T) {
	for _, spec := range []string{"", "memory", "memory:x", "file", "file:", "redis://user:canary@", "redis://user:canary@host/canary", "redis://user:canary%@host", "redis:canary", "canary"} {
		if _, err := Open(Config{Spec: secret.New(spec)}); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v; want an error that does not repeat it", spec, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Spec: secret.New("file:" + file)}); err == nil {
		t.Error("a file instead of a directory: got no error")
	}
}

func TestTokenFilesAreForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tokens")
	store, err := NewFile(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("canary"), Expires: time.Date(2100, 1, 2, 3, 4, 5, 6, time.Local)}}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "wx1.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o; want %o", path, got, want)
		}
	}
	content, _ := os.ReadFile(filepath.Join(dir, "wx1.json"))
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(fields["expires_at"])); err != nil || fields["app_id"] != "wx1" || fields["access_token"] != "canary" {
		t.Errorf("got %v; want app_id, access_token and expires_at in RFC 3339", fields)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("got %v in the directory; want one file and nothing temporary", entries)
	}
}

func TestATokenFileThatIsNoGoodIsReportedWithoutItsContent(t *testing.T) {
	good := time.Now().Add(time.Hour).Format(time.RFC3339)
	for _, test := range []struct{ name, content, want string }{
		{"empty", "", "damaged"},
		{"cut", `{"app_id":"wx1","access_token":"canary`, "damaged"},
		{"no JSON", "canary", "damaged"},
		{"a time that is none", `{"app_id":"wx1","access_token":"x","expires_at":"canary"}`, "damaged"},
		{"no token", `{"app_id":"wx1","expires_at":"` + good + `"}`, "damaged"},
		{"a token with a line break", `{"app_id":"wx1","access_token":"canary\n","expires_at":"` + good + `"}`, "damaged"},
		{"of another account", `{"app_id":"canary","access_token":"canary","expires_at":"` + good + `"}`, "another app_id"},
		{"of a clock that was wrong", `{"app_id":"wx1","access_token":"canary","expires_at":"2999-01-01T00:00:00Z"}`, "damaged: no token lives until 2999-01-01"},
		{"without an expiry", `{"app_id":"wx1","access_token":"canary"}`, "damaged"},
		{"endless", `{"app_id":"wx1","access_token":"canary",` + strings.Repeat(" ", maxFile), "damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "wx1.json"), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			store, err := NewFile(dir, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = store.Load(token.Key{AppID: "wx1"}); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v; want %q and no canary", err, test.want)
			}
		})
	}
}

func TestTemporaryFilesAreSweptAtTheStart(t *testing.T) {
	dir, old := t.TempDir(), time.Now().Add(-time.Hour)
	for name, at := range map[string]time.Time{
		"wx1.json.123.tmp": old, ".try.456.tmp": old, // left by a process that was killed
		"wx2.json.789.tmp": time.Now(),                                                           // somebody may be about to rename it
		"notes.tmp":        old, "wx3.json.old.tmp": old, "a b.json.1.tmp": old, "wx4.json": old, // not ours, or in use
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewFile(dir, nil, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := []string{"a b.json.1.tmp", "notes.tmp", "wx2.json.789.tmp", "wx3.json.old.tmp", "wx4.json"}; !slices.Equal(left, want) {
		t.Errorf("got %v; want %v", left, want)
	}
}

func TestAnAppIDCannotLeadOutOfTheDirectory(t *testing.T) {
	store, err := NewFile(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, appID := range []string{"", ".", "../wx1", "a/b", `a\b`, "..", ".a", "wx\x00", "微信"} {
		if _, err := store.Load(token.Key{AppID: appID}); err == nil || errors.Is(err, token.ErrNotStored) {
			t.Errorf("loading %q: got %v; want an error", appID, err)
		}
		if _, err := store.Save(token.Key{AppID: appID}, token.Record{Token: token.Token{Value: secret.New("x"), Expires: time.Now()}}); err == nil {
			t.Errorf("saving %q: got no error", appID)
		}
	}
}

func TestADirectoryThatCannotBeUsedIsAnError(t *testing.T) {
	dir := t.TempDir()
	store, err := NewFile(dir, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	late := token.Token{Value: secret.New("canary"), Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: late}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("an expiry beyond RFC 3339: got %v; want an error without the token", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "wx1.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(token.Key{AppID: "wx1"}); err == nil || errors.Is(err, token.ErrNotStored) {
		t.Errorf("loading a directory: got %v; want an error", err)
	}
	if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("x"), Expires: time.Now().Add(time.Hour)}}); err == nil {
		t.Error("saving over a directory: got no error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("got %v left behind; want nothing temporary", entries)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Save(token.Key{AppID: "wx1"}, token.Record{Token: token.Token{Value: secret.New("x"), Expires: time.Now().Add(time.Hour)}}); err == nil {
		t.Error("saving into a directory that is gone: got no error")
	}
}

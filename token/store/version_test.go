package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

const appID = "wx0123456789abcdef"

// A file that was written before there were versions is read, and what is written now has
// all that was in it.
func TestFilesFromBeforeVersionsAreRead(t *testing.T) {
	content, err := os.ReadFile("../../testdata/records/before-versions.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, appID+".json")
	text := strings.ReplaceAll(string(content), "EXPIRES", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Spec: secret.New("file:" + dir)})
	if err != nil {
		t.Fatal(err)
	}
	key := token.Key{AppID: appID}
	r, err := s.Load(key)
	if err != nil || !strings.HasPrefix(r.Token.Value.Reveal(), "wechattest_") || r.Spent.Fetches != 1 {
		t.Errorf("got %v; want the token and what was spent", err)
	}
	if _, err := s.Save(key, r); err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, now map[string]any
	if err := errors.Join(json.Unmarshal([]byte(text), &before), json.Unmarshal(content, &now)); err != nil {
		t.Fatal(err)
	}
	for name, value := range before {
		if now[name] != value {
			t.Errorf("%s: got %v; want %v, as the version before reads it", name, now[name], value)
		}
	}
	if now["version"] != 1.0 {
		t.Errorf("got version %v; want 1", now["version"])
	}
}

func TestAFileOfALaterVersionIsLeftAlone(t *testing.T) {
	dir, log, counted := t.TempDir(), new(bytes.Buffer), tally.New()
	const later = `{"version":2,"app_id":"` + appID + `","tokens":["canary"]}`
	path := filepath.Join(dir, appID+".json")
	if err := os.WriteFile(path, []byte(later), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Spec: secret.New("file:" + dir), Log: slog.New(slog.NewTextHandler(log, nil)), Tally: counted})
	if err != nil {
		t.Fatal(err)
	}
	key := token.Key{AppID: appID}
	for range 2 {
		if _, err := s.Load(key); !errors.Is(err, token.ErrNewer) {
			t.Errorf("load: got %v; want ErrNewer", err)
		}
		if _, err := s.Save(key, token.Record{Token: token.Token{Value: secret.New("token-1"), Expires: time.Now().Add(time.Hour)}}); !errors.Is(err, token.ErrNewer) {
			t.Errorf("save: got %v; want ErrNewer", err)
		}
		if err := s.(token.Remover).Remove(key); !errors.Is(err, token.ErrNewer) {
			t.Errorf("remove: got %v; want ErrNewer", err)
		}
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != later {
		t.Errorf("got %s, %v; want the file as it was", content, err)
	}
	if strings.Count(log.String(), "level=ERROR") != 1 || strings.Contains(log.String(), "canary") {
		t.Errorf("got %s; want it said once", log)
	}
	if c := counted.Condition(); !c.Newer || !c.Up {
		t.Errorf("got %+v; want a store that is up, with newer records", c)
	}
}

func TestStoresForget(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			token1 := token.Record{Token: token.Token{Value: secret.New("token-1"), Expires: time.Now().Add(time.Hour)}}
			keys := []token.Key{{AppID: "wx1"}, {AppID: "wx1", Ticket: "jsapi"}, {AppID: "wx2"}}
			for _, key := range keys {
				if _, err := s.Save(key, token1); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				for _, key := range keys[:2] {
					if err := s.(token.Remover).Remove(key); err != nil {
						t.Errorf("%v: %v", key, err)
					}
					if _, err := s.Load(key); !errors.Is(err, token.ErrNotStored) {
						t.Errorf("%v: got %v; want ErrNotStored", key, err)
					}
				}
			}
			if _, err := s.Load(keys[2]); err != nil {
				t.Errorf("another account: got %v; want its token", err)
			}
		})
	}
}

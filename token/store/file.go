package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/seal"
	"wxproxy/token/store/tally"
)

// File is a [token.Store] of one file per account, DIR/APPID.json, that only the
// owner of the process can read.
type File struct {
	dir    string
	seal   atomic.Pointer[seal.Sealer] // a reload may replace it
	tally  *tally.Tally                // nil: nothing is counted
	log    *slog.Logger                // nil: nothing is said
	met    sync.Once                   // said that there is a file of a later version
	trying atomic.Bool                 // whether the directory can be written to again
}

// NewFile returns the store in dir, which it makes if it is missing. Without a seal it
// encrypts nothing, and without a log it says nothing of a directory that others may
// write.
func NewFile(dir string, sealer *seal.Sealer, log *slog.Logger) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the token directory: %w", err)
	}
	remark, err := checkDir(dir)
	if err != nil {
		return nil, err
	}
	if remark != "" && log != nil {
		log.Warn("the token directory can be written by others than its owner", "warning", remark)
	}
	s := &File{dir: dir, log: log}
	s.seal.Store(sealer)
	s.sweep()
	return s, nil
}

// maxFile is far more than a file has.
const maxFile = 64 << 10

// fileVersion is that of the files. One of a later version is left alone.
const fileVersion = 1

// file is the content of a file.
type file struct {
	Version     int       `json:"version"` // missing before it was there, when files were the same otherwise
	AppID       string    `json:"app_id"`
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
	Day         int64     `json:"day"` // in Beijing, since 1970; the counts are of that day
	Fetches     int       `json:"fetches"`
	Forced      int       `json:"forced"`
	ForcedAt    time.Time `json:"forced_at,omitzero"`
	RotatedAt   time.Time `json:"rotated_at,omitzero"`
}

// Load implements [token.Store]. A file that is damaged or of another account is an
// error that says so; a token that has expired is none.
func (s *File) Load(key token.Key) (token.Record, error) {
	began := time.Now()
	r, err := s.load(key)
	if errors.Is(err, token.ErrNotStored) {
		s.tally.Took(tally.Load, time.Since(began), nil)
	} else {
		s.tally.Took(tally.Load, time.Since(began), err)
	}
	return r, err
}

func (s *File) load(key token.Key) (token.Record, error) {
	appID := name(key)
	path, err := s.path(appID)
	if err != nil {
		return token.Record{}, err
	}
	content, err := readTrusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return token.Record{}, token.ErrNotStored
	}
	if err != nil {
		return token.Record{}, fmt.Errorf("reading a stored token: %w", err)
	}
	var f file
	if err := json.Unmarshal(content, &f); err != nil { // which may quote the token
		return token.Record{}, fmt.Errorf("reading a stored token: %s is damaged", path)
	}
	if f.Version > fileVersion {
		return token.Record{}, s.meetNewer(path)
	}
	return s.record(appID, path, f)
}

// record returns the record in f, the content of the file at path.
func (s *File) record(appID, path string, f file) (token.Record, error) {
	value, err := s.seal.Load().Open(appID, f.AccessToken)
	if err != nil {
		return token.Record{}, fmt.Errorf("reading a stored token: %s: %w", path, err)
	}
	r := token.Record{
		Token:   token.Token{Value: value, Expires: f.ExpiresAt},
		Durable: token.Durable{Spent: token.Spent{Day: f.Day, Fetches: f.Fetches, Forced: f.Forced, ForcedAt: f.ForcedAt, RotatedAt: f.RotatedAt}},
	}
	switch {
	case f.AppID != appID:
		return token.Record{}, fmt.Errorf("reading a stored token: %s belongs to another app_id", path)
	case r.Token.Value.Empty() != f.ExpiresAt.IsZero() || strings.ContainsFunc(value.Reveal(), secret.Invisible):
		return token.Record{}, fmt.Errorf("reading a stored token: %s is damaged", path)
	case time.Until(f.ExpiresAt) > token.LongestLife:
		return token.Record{}, fmt.Errorf("reading a stored token: %s is damaged: no token lives until %s",
			path, f.ExpiresAt.Format(time.RFC3339))
	case !r.Token.ValidAt(time.Now()):
		r.Token = token.Token{}
	}
	return r, nil
}

// Save implements [token.Store]. A reader finds the old file or the new one, whole.
func (s *File) Save(key token.Key, r token.Record) (token.Record, error) {
	began := time.Now()
	stored, err := s.save(key, r)
	s.tally.Took(tally.Save, time.Since(began), err)
	if !errors.Is(err, token.ErrNewer) {
		s.tell(err)
	}
	return stored, err
}

func (s *File) save(key token.Key, r token.Record) (token.Record, error) {
	appID := name(key)
	path, err := s.path(appID)
	if err != nil {
		return r, err
	}
	if isNewer(path) {
		return r, s.meetNewer(path)
	}
	content, err := json.Marshal(file{
		Version:     fileVersion,
		AppID:       appID,
		AccessToken: s.seal.Load().Seal(appID, r.Token.Value),
		ExpiresAt:   r.Token.Expires.UTC().Truncate(time.Second),
		Day:         r.Spent.Day,
		Fetches:     r.Spent.Fetches,
		Forced:      r.Spent.Forced,
		ForcedAt:    r.Spent.ForcedAt.UTC(),
		RotatedAt:   r.Spent.RotatedAt.UTC(),
	})
	if err != nil {
		return r, fmt.Errorf("storing a token: its expiry cannot be written: %w", err)
	}
	if err := writeWhole(path, append(content, '\n')); err != nil {
		return r, fmt.Errorf("storing a token: %w", err)
	}
	return r, nil
}

// path returns the file of an account. An app id cannot lead out of the
// directory.
func (s *File) path(appID string) (string, error) {
	if appID == "" || strings.ContainsFunc(appID, func(r rune) bool { return !isOfAppID(r) }) {
		return "", fmt.Errorf("naming the file of a stored token: app_id %q has other characters than letters, digits, - and _", appID)
	}
	return filepath.Join(s.dir, appID+".json"), nil
}

// isOfAppID reports whether app ids are made of characters like r.
func isOfAppID(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

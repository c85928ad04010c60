package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/seal"
	"wxproxy/token/store/tally"
)

// File is a [token.PlatformStore] of one file per account that only the owner of the
// process can read: DIR/APPID.json, of a platform and of those that authorized it
// DIR/COMPONENT_APPID/APPID.json.
type File struct {
	dir    string
	seal   atomic.Pointer[seal.Sealer] // a reload may replace it
	tally  *tally.Tally                // nil: nothing is counted
	log    *slog.Logger                // nil: nothing is said
	met    sync.Once                   // said that there is a file of a later version
	trying atomic.Bool                 // whether the directory can be written to again
	writes [64]sync.Mutex              // each is held from reading some file to replacing it
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
	if remark != nil && log != nil {
		log.Warn("the token directory can be written by others than its owner", "warning", remark.Error())
	}
	s := &File{dir: dir, log: log}
	s.seal.Store(sealer)
	s.sweep()
	return s, nil
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
	path, err := s.path(key)
	if err != nil {
		return token.Record{}, err
	}
	f, err := s.read(path)
	if err != nil {
		return token.Record{}, err
	}
	return s.record(key, path, f)
}

// record returns the record in f, the content of the file at path.
func (s *File) record(key token.Key, path string, f file) (token.Record, error) {
	unread := func(err error) (token.Record, error) { return token.Record{}, &unreadable{err} }
	sealer := s.seal.Load()
	value, err := sealer.Open(name(key), f.AccessToken)
	kept, closed := f.opened(sealer, name(key))
	if closed == nil && err != nil && kept.HasGrants() { // another key was set when the token was stored
		f.ExpiresAt, err = time.Time{}, nil
	}
	if err = errors.Join(err, closed); err != nil {
		return unread(fmt.Errorf("reading a stored token: %s: %w", path, err))
	}
	r := token.Record{
		Token: token.Token{Value: value, Expires: f.ExpiresAt},
		Durable: token.Durable{
			Spent:   token.Spent{Day: f.Day, Fetches: f.Fetches, Forced: f.Forced, ForcedAt: f.ForcedAt, RotatedAt: f.RotatedAt},
			Granted: kept,
		},
	}
	switch {
	case f.AppID != ownName(key) || f.Platform != key.Platform:
		return unread(fmt.Errorf("reading a stored token: %s belongs to another app_id", path))
	case r.Token.Value.Empty() != f.ExpiresAt.IsZero() || strings.ContainsFunc(value.Reveal(), secret.Invisible):
		return unread(fmt.Errorf("reading a stored token: %s is damaged", path))
	case time.Until(f.ExpiresAt) > token.LongestLife:
		return unread(fmt.Errorf("reading a stored token: %s is damaged: no token lives until %s",
			path, f.ExpiresAt.Format(time.RFC3339)))
	case !r.Token.ValidAt(time.Now()):
		r.Token = token.Token{}
	}
	return r, nil
}

// Save implements [token.Store]. A reader finds the old file or the new one, whole.
func (s *File) Save(key token.Key, r token.Record) (token.Record, error) {
	return s.write(key, func(path string) (token.Record, granted, error) {
		f, err := s.read(path)
		if err != nil && !isReplaced(key, err) {
			return r, granted{}, err
		}
		return r, f.resealed(s.seal.Load(), name(key)), nil
	})
}

// errUnchanged is why nothing is written.
var errUnchanged = errors.New("nothing is to be written")

// write writes what next returns, which may look at what is stored, and nobody else writes
// meanwhile.
func (s *File) write(key token.Key, next func(path string) (token.Record, granted, error)) (token.Record, error) {
	path, err := s.path(key)
	if err != nil {
		return token.Record{}, err
	}
	own := &s.writes[crc32.ChecksumIEEE([]byte(path))%uint32(len(s.writes))]
	own.Lock()
	defer own.Unlock()
	began := time.Now()
	r, kept, err := next(path)
	if errors.Is(err, errUnchanged) {
		return r, nil
	}
	if err == nil {
		err = s.replace(path, key, r, kept)
	}
	s.tally.Took(tally.Save, time.Since(began), err)
	if !errors.Is(err, token.ErrNewer) && !errors.Is(err, fs.ErrExist) {
		s.tell(err)
	}
	return r, err
}

func (s *File) replace(path string, key token.Key, r token.Record, kept granted) error {
	f := file{
		Version:     fileVersion,
		Platform:    key.Platform,
		AppID:       ownName(key),
		AccessToken: s.seal.Load().Seal(name(key), r.Token.Value),
		ExpiresAt:   r.Token.Expires.UTC().Truncate(time.Second),
		Day:         r.Spent.Day,
		Fetches:     r.Spent.Fetches,
		Forced:      r.Spent.Forced,
		ForcedAt:    r.Spent.ForcedAt.UTC(),
		RotatedAt:   r.Spent.RotatedAt.UTC(),
		granted:     kept,
	}
	content, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("storing a token: its expiry cannot be written: %w", err)
	}
	if len(content) >= maxFile {
		return fmt.Errorf("storing a token: %s would be larger than %d bytes, which is never read again", path, maxFile)
	}
	if key.Platform != "" {
		return s.replaceDurably(path, append(content, '\n'), kept.isNew)
	}
	if err := writeWhole(path, append(content, '\n'), os.Rename); err != nil {
		return fmt.Errorf("storing a token: %w", err)
	}
	return nil
}

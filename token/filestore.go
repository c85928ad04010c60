package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// FileStore is a Store of one file per account, DIR/APPID.json, that only the
// owner of the process can read.
type FileStore struct{ dir string }

// NewFileStore returns the store in dir, which it makes if it is missing.
func NewFileStore(dir string) (*FileStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the token directory: %w", err)
	}
	return &FileStore{dir}, nil
}

// record is the content of a file.
type record struct {
	AppID       string    `json:"app_id"`
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// Load implements [Store]. A file that is damaged or of another account is an
// error that says so; a token that has expired is none.
func (s *FileStore) Load(appID string) (Token, error) {
	path, err := s.path(appID)
	if err != nil {
		return Token{}, err
	}
	content, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Token{}, ErrNotStored
	}
	if err != nil {
		return Token{}, fmt.Errorf("reading a stored token: %w", err)
	}
	var r record
	if err := json.Unmarshal(content, &r); err != nil { // which may quote the token
		return Token{}, fmt.Errorf("reading a stored token: %s is damaged", path)
	}
	t := Token{Value: NewSecret(r.AccessToken), Expires: r.ExpiresAt}
	switch {
	case r.AppID != appID:
		return Token{}, fmt.Errorf("reading a stored token: %s belongs to another app_id", path)
	case t.Value.Empty() || strings.ContainsFunc(r.AccessToken, notVisible) || t.Expires.IsZero():
		return Token{}, fmt.Errorf("reading a stored token: %s is damaged", path)
	case time.Until(t.Expires) > longestLife:
		return Token{}, fmt.Errorf("reading a stored token: %s is damaged: no token lives until %s",
			path, t.Expires.Format(time.RFC3339))
	case !t.validAt(time.Now()):
		return Token{}, ErrNotStored
	}
	return t, nil
}

// Save implements [Store]. A reader finds the old file or the new one, whole.
func (s *FileStore) Save(appID string, t Token) error {
	path, err := s.path(appID)
	if err != nil {
		return err
	}
	content, err := json.Marshal(record{appID, t.Value.Reveal(), t.Expires.UTC().Truncate(time.Second)})
	if err != nil {
		return fmt.Errorf("storing a token: its expiry cannot be written: %w", err)
	}
	if err := writeWhole(path, append(content, '\n')); err != nil {
		return fmt.Errorf("storing a token: %w", err)
	}
	return nil
}

// path returns the file of an account. An app id cannot lead out of the
// directory.
func (s *FileStore) path(appID string) (string, error) {
	if appID == "" || strings.ContainsFunc(appID, func(r rune) bool { return !ofToken(r) }) {
		return "", fmt.Errorf("naming the file of a stored token: app_id %q has other characters than letters, digits, - and _", appID)
	}
	return filepath.Join(s.dir, appID+".json"), nil
}

// readSmall returns the beginning of the file at path, which is all of a token.
func readSmall(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxAnswer))
}

// writeWhole writes a temporary file with mode 0600 beside path and renames it
// when it is safely on the disk.
func writeWhole(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

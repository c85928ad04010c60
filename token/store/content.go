package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/seal"
)

// maxFile is far more than a file has.
const maxFile = 64 << 10

// fileVersion is that of the files. One of a later version is left alone. Versions of
// wxproxy that know no platforms would lose what a platform was granted, and never look
// where its files are.
const fileVersion = 1

// file is the content of a file.
type file struct {
	Version     int       `json:"version"` // missing before it was there, when files were the same otherwise
	Platform    string    `json:"component_appid,omitempty"`
	AppID       string    `json:"app_id"`
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
	Day         int64     `json:"day"` // in Beijing, since 1970; the counts are of that day
	Fetches     int       `json:"fetches"`
	Forced      int       `json:"forced"`
	ForcedAt    time.Time `json:"forced_at,omitzero"`
	RotatedAt   time.Time `json:"rotated_at,omitzero"`
	granted
}

// granted is what of a file is left alone when only the token is replaced.
type granted struct {
	Refresh       string              `json:"refresh_token,omitempty"`
	RefreshBefore string              `json:"refresh_token_before,omitempty"`
	AuthorizedAt  time.Time           `json:"authorized_at,omitzero"`
	State         token.Authorization `json:"state,omitempty"`
	Codes         []redeemed          `json:"codes,omitempty"`
	Events        string              `json:"events,omitempty"`
	Ticket        string              `json:"component_verify_ticket,omitempty"`
	TicketCreated time.Time           `json:"ticket_created_at,omitzero"`
	TicketArrived time.Time           `json:"ticket_arrived_at,omitzero"`
	PushAskedAt   time.Time           `json:"push_asked_at,omitzero"`
	ListedAt      time.Time           `json:"listed_at,omitzero"`
	Trial         trial               `json:"trial,omitzero"`

	isNew bool // the file is not to take the place of another
}

// trial is a [token.Trial].
type trial struct {
	Secret   string    `json:"secret_sha256,omitempty"` // a part of it
	Worked   bool      `json:"worked,omitempty"`
	Refusals int       `json:"refusals,omitempty"`
	Errcode  int       `json:"errcode,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Resting  bool      `json:"resting,omitempty"`

	Unanswered int `json:"unanswered,omitempty"`
}

// redeemed is a [token.Redeemed].
type redeemed struct {
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`

	Permissions string `json:"permissions,omitempty"`
}

// sealed returns g as it is stored in the record of this name.
func sealed(s *seal.Sealer, name string, g token.Granted) granted {
	return granted{
		Refresh:       s.Seal(name+"/refresh_token", g.Refresh),
		RefreshBefore: s.Seal(name+"/refresh_token_before", g.RefreshBefore),
		AuthorizedAt:  g.AuthorizedAt.UTC(),
		State:         g.State,
		Codes:         codesOf(g.Codes),
		Events:        s.Seal(name+"/events", g.Events),
		Ticket:        s.Seal(name+"/component_verify_ticket", g.Ticket),
		TicketCreated: g.TicketCreated.UTC(),
		TicketArrived: g.TicketArrived.UTC(),
		PushAskedAt:   g.PushAskedAt.UTC(),
		ListedAt:      g.ListedAt.UTC(),
		Trial:         trial{g.Trial.Secret, g.Trial.Worked, g.Trial.Refusals, g.Trial.Errcode, g.Trial.Until.UTC(), g.Trial.Resting, g.Trial.Unanswered},
	}
}

func codesOf(codes []token.Redeemed) []redeemed {
	var all []redeemed
	for _, c := range codes {
		all = append(all, redeemed{c.Hash, c.At.UTC(), c.Permissions})
	}
	return all
}

// opened returns what sealed was given.
func (g *granted) opened(s *seal.Sealer, name string) (token.Granted, error) {
	refresh, err1 := s.OpenGranted(name+"/refresh_token", g.Refresh)
	before, err2 := s.OpenGranted(name+"/refresh_token_before", g.RefreshBefore)
	ticket, err3 := s.OpenGranted(name+"/component_verify_ticket", g.Ticket)
	events, err4 := s.OpenGranted(name+"/events", g.Events)
	var codes []token.Redeemed
	for _, c := range g.Codes {
		codes = append(codes, token.Redeemed{Hash: c.Hash, At: c.At, Permissions: c.Permissions})
	}
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return token.Granted{}, err
		}
	}
	for _, value := range []secret.Secret{refresh, before, ticket, events} {
		if strings.ContainsFunc(value.Reveal(), secret.Invisible) {
			return token.Granted{}, token.ErrDamaged
		}
	}
	if !g.State.IsKnown() {
		return token.Granted{}, token.ErrDamaged
	}
	return token.Granted{
		Refresh: refresh, RefreshBefore: before, AuthorizedAt: g.AuthorizedAt, State: g.State, Codes: codes, Events: events,
		Ticket: ticket, TicketCreated: g.TicketCreated, TicketArrived: g.TicketArrived, PushAskedAt: g.PushAskedAt, ListedAt: g.ListedAt, Trial: token.Trial(g.Trial),
	}, nil
}

// resealed returns g as it is stored with the present key, or as it is if it cannot be opened.
func (g *granted) resealed(s *seal.Sealer, name string) granted {
	if opened, err := g.opened(s, name); err == nil && s != nil {
		return sealed(s, name, opened)
	}
	return *g
}

// read returns the content of the file at path. An error that wraps [token.ErrDamaged] is
// about what is in it.
func (s *File) read(path string) (f file, err error) {
	content, err := readTrusted(path)
	_, failed := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, token.ErrNotStored
	case failed:
		return f, fmt.Errorf("reading a stored token: %w", err)
	case err != nil: // it is not to be trusted
		return f, &unreadable{fmt.Errorf("reading a stored token: %w", err)}
	}
	if err := json.Unmarshal(content, &f); err != nil { // which may quote the token
		return file{}, &unreadable{fmt.Errorf("reading a stored token: %s is damaged", path)}
	}
	if f.Version > fileVersion {
		return file{}, s.meetNewer(path)
	}
	return f, nil
}

// An unreadable error is about what a file has in it.
type unreadable struct{ error }

// Is reports that the file is to be replaced.
func (unreadable) Is(target error) bool { return target == token.ErrDamaged }

// Unwrap returns the cause.
func (u *unreadable) Unwrap() error { return u.error }

// path returns the file of an account. An app id cannot lead out of the
// directory.
func (s *File) path(key token.Key) (string, error) {
	for _, id := range []string{key.Platform, ownName(key)} {
		if id == "" && key.Platform != "" || strings.HasPrefix(id, ".") || strings.ContainsFunc(id, func(r rune) bool { return !isOfAppID(r) }) {
			return "", fmt.Errorf("naming the file of a stored token: app_id %q has other characters than letters, digits, - and _, and dots behind the first", id)
		}
	}
	if key.AppID == "" {
		return "", errors.New("naming the file of a stored token: there is no app_id")
	}
	return filepath.Join(s.dir, key.Platform, ownName(key)+".json"), nil
}

// isOfAppID reports whether app ids are made of characters like r. Those with dots are of
// WeCom's applications, which several have with one id of their corp.
func isOfAppID(r rune) bool {
	return r == '.' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_'
}

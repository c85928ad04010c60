package service

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/config"
	"wxproxy/internal/secret"
	"wxproxy/token"
)

const (
	// secretLife is how long an AppSecret is used in callers' requests before its
	// file is read again.
	secretLife = 2 * time.Second

	// secretPatience is how long a request waits for that if it can go on with the last
	// one.
	secretPatience = 100 * time.Millisecond
)

// An accountSecret is the AppSecret of an account for callers' requests, which need it
// at once. Its file is read every two seconds at most, and after WeChat refused what
// was in it; while it cannot be read, what it had last counts.
type accountSecret struct {
	read func() (secret.Secret, error) // ends in time, whatever the file is
	last atomic.Pointer[secretRead]    // nil: it was never read

	reading chan struct{} // of capacity 1: full while it is read
}

func newAccountSecret(read func() (secret.Secret, error)) *accountSecret {
	return &accountSecret{read: read, reading: make(chan struct{}, 1)}
}

// A secretRead is the outcome of a read.
type secretRead struct {
	value string
	err   error     // the reason for no value
	until time.Time // when it is to be read again
}

// reveal returns the AppSecret. Of callers that ask at the same time one reads the
// file; the others take what was read last.
func (s *accountSecret) reveal() (string, error) {
	last := s.last.Load()
	if last != nil && time.Now().Before(last.until) {
		return last.value, last.err
	}
	if last == nil {
		s.reading <- struct{}{}
	} else {
		select {
		case s.reading <- struct{}{}:
		default:
			return last.value, last.err
		}
	}
	if now := s.last.Load(); now != last { // it was read during the wait
		<-s.reading
		return now.value, now.err
	}
	return s.renew(last)
}

// renew reads the AppSecret again. The caller has filled s.reading; the read empties
// it.
func (s *accountSecret) renew(last *secretRead) (string, error) {
	read := make(chan *secretRead, 1)
	go func() {
		appSecret, err := s.read()
		next := &secretRead{appSecret.Reveal(), err, time.Now().Add(secretLife)}
		if err != nil && last != nil && last.err == nil {
			next.value, next.err = last.value, nil
		}
		s.last.Store(next)
		<-s.reading
		read <- next
	}()
	if last == nil || last.err != nil {
		next := <-read
		return next.value, next.err
	}
	patience := time.NewTimer(secretPatience)
	defer patience.Stop()
	select {
	case next := <-read:
		return next.value, next.err
	case <-patience.C:
		return last.value, nil
	}
}

// refused has the file read again if the errcode of WeChat's answer says that the
// AppSecret is wrong.
func (s *accountSecret) refused(errcode int) {
	if last := s.last.Load(); last != nil && (errcode == 40125 || errcode == 40001) {
		s.last.CompareAndSwap(last, &secretRead{value: last.value, err: last.err})
	}
}

// appSecrets are the AppSecret of each app and the one before it, which were sent to
// WeChat lately and must not come back to a caller. The zero value has none.
type appSecrets struct {
	mu    sync.Mutex // guards byApp
	byApp map[string][]secret.Secret
}

// lastSecrets is how many of one app are kept.
const lastSecrets = 2

// add makes appSecret the app's.
func (a *appSecrets) add(appID string, appSecret secret.Secret) {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.byApp[appID]
	if appSecret.Empty() || len(kept) > 0 && kept[0].Equal(appSecret.Reveal()) {
		return
	}
	if a.byApp == nil {
		a.byApp = map[string][]secret.Secret{}
	}
	kept = slices.Insert(slices.Clone(kept), 0, appSecret)
	a.byApp[appID] = kept[:min(len(kept), lastSecrets)]
}

// of returns the AppSecrets of the app, the latest first.
func (a *appSecrets) of(appID string) []secret.Secret {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byApp[appID]
}

// reading returns the function that reads the app's AppSecret, which may have
// changed in its file, and adds it to the known ones.
func (k *knownSecrets) reading(appID string, source config.SecretSource) func() (secret.Secret, error) {
	return func() (secret.Secret, error) {
		appSecret, err := source.Read()
		if path, ok := source.File(); err != nil && ok {
			err = fmt.Errorf("%s: %w", path, err)
		}
		k.add(appSecret.Reveal())
		k.recent.add(appID, appSecret)
		return appSecret, err
	}
}

// credentials returns the function that appends the credentials that the account has,
// and those that it had last.
func (s *Service) credentials(keeper *token.Keeper, appID string) func([]string) []string {
	return func(dst []string) []string {
		dst = keeper.Known(dst)
		for _, appSecret := range s.secrets.recent.of(appID) {
			dst = append(dst, appSecret.Reveal())
		}
		return dst
	}
}

package service

import (
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
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

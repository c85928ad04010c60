package token_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

const canaryOfPanic = "canary-5f4dcc3b5aa765d6"

// A panickingStore has mistakes.
type panickingStore struct{ left atomic.Int32 }

func (s *panickingStore) Load(token.Key) (token.Record, error) { panic(canaryOfPanic) }

func (s *panickingStore) Save(_ token.Key, r token.Record) (token.Record, error) {
	if s.left.Add(-1) >= 0 {
		panic(canaryOfPanic)
	}
	return r, nil
}

func TestAPanicOfTheStoreIsAFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		kept := &panickingStore{}
		kept.left.Store(1)
		k := token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Store: kept, Log: slog.New(slog.NewTextHandler(&log, nil)), Fetch: func(context.Context) (token.Token, error) {
			return token.Token{Value: secret.New("t"), Expires: time.Now().Add(2 * time.Hour)}, nil
		}})
		k.Start()
		if got, err := k.Token(time.Minute); got != "t" || err != nil {
			t.Errorf("got %q, %v; want a token", got, err)
		}
		synctest.Wait()
		k.Stop()
		if text := log.String(); !strings.Contains(text, "token not stored") || !strings.Contains(text, "using the store: panic with a string") || strings.Contains(text, canaryOfPanic) {
			t.Errorf("got %s; want the store's failure, and not what it said", text)
		}
	})
}

// A panickingSharer has a mistake outside of what is asked over the network.
type panickingSharer struct{ released, leases atomic.Int32 }

func (s *panickingSharer) Lease(token.Key) (func(), error) {
	if s.leases.Add(1) == 1 {
		panic(errors.New(canaryOfPanic))
	}
	return func() { s.released.Add(1) }, nil
}

func (*panickingSharer) Watch(token.Key, func(int64)) func() { return func() {} }

func TestAPanicInAFlightIsAFailureThatIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sharer := &panickingSharer{}
		k := token.NewKeeper(token.Options{Issuer: wechat.NewIssuer(), AppID: "wx1", Store: store.NewMemory(), Shared: sharer, Log: slog.New(slog.NewTextHandler(&log, nil)), Fetch: func(context.Context) (token.Token, error) {
			return token.Token{Value: secret.New("t"), Expires: time.Now().Add(2 * time.Hour)}, nil
		}})
		k.Start()
		synctest.Wait()
		if _, err := k.Token(time.Minute); err == nil {
			t.Error("got a token; want the failure")
		}
		if status := k.Status(); status.LastError == nil || strings.Contains(status.LastError.Error(), canaryOfPanic) {
			t.Errorf("got %v; want an error that says nothing of it", status.LastError)
		}
		time.Sleep(5 * time.Second)
		if got, err := k.Token(time.Minute); got != "t" || err != nil {
			t.Errorf("got %q, %v; want a token at the second time", got, err)
		}
		k.Stop()
		if n := sharer.released.Load(); n == 0 || strings.Contains(log.String(), canaryOfPanic) {
			t.Errorf("got %d leases given back, and %s", n, log.String())
		}
	})
}

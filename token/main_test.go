package token_test

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"testing"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/wechat"
)

const (
	appID     = "wx0123456789abcdef"
	appSecret = "canary0123456789canary0123456789"
)

// newClient returns a Client of w in memory, and of the app that w knows.
func newClient(w http.RoundTripper, api wechat.API) *wechat.Client {
	return &wechat.Client{
		HTTP:   &http.Client{Transport: w},
		URL:    "https://api.weixin.qq.com",
		AppID:  appID,
		Secret: func() (secret.Secret, error) { return secret.New(appSecret), nil },
		API:    api,
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // those that are parallel wait for real stores
		panic(err)
	}
	token.IssuerOfWeChat = wechat.NewIssuer()
	token.MemoryStore = func() token.Store { return store.NewMemory() }
	token.FileStore = func(dir string) (token.Store, error) { return store.NewFile(dir, nil, nil) }
	unreadable := wechat.Client{Secret: func() (secret.Secret, error) { return secret.Secret{}, errors.New("no such file") }}
	_, token.UnreadableSecret = unreadable.Fetch(context.Background())
	m.Run()
}

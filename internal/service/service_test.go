package service

import (
	"os"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// The accounts of the tests.
const (
	appID     = "wx0123456789abcdef"
	appSecret = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b00"
	otherID   = "wxfedcba9876543210"
)

// shop and club are the accounts in a configuration.
const (
	shop = "[[account]]\nname = \"shop\"\napp_id = \"" + appID + "\"\nsecret = \"" + appSecret + "\"\n"
	club = "[[account]]\nname = \"club\"\napp_id = \"" + otherID + "\"\nsecret = \"" + appSecret + "\"\n"
)

// A weChat is a simulated WeChat on a socket, which knows the accounts.
type weChat struct {
	*wechattest.WeChat
	*wechattest.Server
}

func startWeChat(t testing.TB) weChat {
	t.Helper()
	simulated := wechattest.New(wechattest.App{ID: appID, Secret: appSecret}, wechattest.App{ID: otherID, Secret: appSecret})
	server, err := simulated.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return weChat{simulated, server}
}

func mustWrite(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventually polls until done says so.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("got nothing within %v; want %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

package service

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/sockettest"
	"wxproxy/proxy/upstream"
	"wxproxy/token/wechat"
)

// muteHost accepts connections, reads a request from each, says what it says and
// closes, unless that is nothing.
func muteHost(t *testing.T, says string, asked *atomic.Int32) string {
	t.Helper()
	return "http://" + sockettest.Serve(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		asked.Add(1)
		if says == "" {
			_, _ = io.Copy(io.Discard, conn)
		}
		_, _ = io.WriteString(conn, says)
	})
}

// A question without an effect is put to the next host at once. A forced refresh and a
// classic token are not. Waiting for silent hosts is most of this package's time.
func TestTokenIsAskedOfTheNextHostIfTheFirstDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{"the end": " ", "silence": "", "garbage": "220 smtp ready\r\n", "half a header": "HTTP/1.1 200 OK\r\nConte"} {
		for _, row := range []struct {
			what string
			api  wechat.API
			ask  func(context.Context, *wechat.Client) error
			good bool
		}{
			{"stable", wechat.Stable, func(ctx context.Context, c *wechat.Client) error { _, err := c.Fetch(ctx); return err }, true},
			{"forced", wechat.Stable, func(ctx context.Context, c *wechat.Client) error { _, err := c.Force(ctx); return err }, false},
			{"classic", wechat.Classic, func(ctx context.Context, c *wechat.Client) error { _, err := c.Fetch(ctx); return err }, false},
		} {
			t.Run(row.what+", "+name, func(t *testing.T) {
				t.Parallel()
				w := startWeChat(t)
				var asked atomic.Int32
				hosts, err := upstream.NewHosts(upstream.HostsConfig{
					URLs: []string{muteHost(t, says, &asked), w.URL}, ConnectTimeout: 5 * time.Second, Timeout: 5 * time.Second, IdleTimeout: time.Second, MaxConnections: 4,
				})
				if err != nil {
					t.Fatal(err)
				}
				c := &wechat.Client{
					HTTP: &http.Client{Timeout: 2 * time.Second, Transport: failover{hosts}}, URL: "http://wechat", AppID: appID, API: row.api,
					Secret: func() (secret.Secret, error) { return secret.New(appSecret), nil },
				}
				err = row.ask(t.Context(), c)
				if good := err == nil; good != row.good || asked.Load() != 1 {
					t.Errorf("got %v, and the first host asked %d times; want it asked once, and a token: %v", err, asked.Load(), row.good)
				}
				if err != nil && strings.Contains(err.Error(), appSecret) {
					t.Error("got an error with the AppSecret in it")
				}
				for range 2 {
					_ = row.ask(t.Context(), c) // of what failed three times, the next is asked
				}
				if err := row.ask(t.Context(), c); err != nil || !hosts.States()[0].Down {
					t.Errorf("got %v and %+v; want a token of the next host, and the first down", err, hosts.States()[0])
				}
			})
		}
	}
}

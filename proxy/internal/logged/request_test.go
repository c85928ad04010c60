package logged

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"
	"wxproxy/internal/secret"
)

// Whether slog writes it or not, a request has the same line.
func TestARequestHasOneLine(t *testing.T) {
	now := time.Date(2026, 11, 28, 23, 59, 59, 120_000_000, time.UTC)
	for _, r := range []Request{
		{Account: "shop", Client: "orders", Method: "POST", Path: "/cgi-bin/x", Parameters: []string{"openid", "?"}, Status: 200, Errcode: 40001, Attempts: 2, Duration: "7ms"},
		{Method: "GET", Path: "/x", Parameters: []string{}, Status: 404, Duration: "1µs", RequestID: "KHFA2BVX7FRPNXIZKZOXT532VD", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"},
	} {
		for _, isJSON := range []bool{true, false} {
			var out bytes.Buffer
			var handler slog.Handler = slog.NewTextHandler(&out, nil)
			if isJSON {
				handler = slog.NewJSONHandler(&out, nil)
			}
			record := slog.NewRecord(now, slog.LevelInfo, "request", 0)
			record.AddAttrs(r.Attributes()...)
			_ = handler.Handle(context.Background(), record)
			var l Line
			l.Begin(isJSON, now, "request")
			l.Request(&r)
			if line, isPlain := l.End(); !isPlain || string(line) != out.String() {
				t.Errorf("got %s (plain: %t); want %s", line, isPlain, out.String())
			}
		}
	}
}

func TestAHostIsShownWithoutSecretsAndControls(t *testing.T) {
	isSecret := func(word []byte) bool { return string(word) == "hush" }
	for host, want := range map[string]string{"api.weixin.qq.com": "api.weixin.qq.com", "a b\x00": "a?b?", "hush": secret.Mask} {
		if got := Host([]byte(host), isSecret); got != want {
			t.Errorf("%q: got %q; want %q", host, got, want)
		}
	}
	if got := Host(bytes.Repeat([]byte("a."), 500), isSecret); len(got) != maxHost {
		t.Errorf("got %d characters; want %d", len(got), maxHost)
	}
}

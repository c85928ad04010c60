package admin

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
	"wxproxy/internal/secret"
)

// Each line says who did what, with which of the keys, from where, and what came of it.
func TestTheAuditSaysWhoDidWhat(t *testing.T) {
	const old, read = "the-key-before-it", "the-key-for-reading"
	for _, row := range []struct {
		name, method, path, authorization, forwarded, want string
	}{
		{"a token", "GET", "/accounts/shop/token", "Bearer " + key, "", `action=real_token key=admin.key client="" account=shop address=192.0.2.1 outcome=done count=1 listener=admin`},
		{"by app_id", "GET", "/accounts/wxshop/token", "Bearer " + key, "", `action=real_token key=admin.key client="" account=shop address=192.0.2.1 outcome=done`},
		{"behind a web server", "GET", "/accounts/shop/token", "Bearer " + key, "203.0.113.9", `account=shop address=203.0.113.9 outcome=done`},
		{"with the key before", "POST", "/accounts/shop/refresh", "Bearer " + old, "", `action=refresh key=admin.key_old client="" account=shop`},
		{"a refresh that fails", "POST", "/accounts/broken/refresh", "Bearer " + key, "", `action=refresh key=admin.key client="" account=broken address=192.0.2.1 outcome=failed`},
		{"a reload", "POST", "/reload", "Bearer " + key, "", `action=reload key=admin.key client="" account="" address=192.0.2.1 outcome=done`},
		{"the key for reading, to reload", "POST", "/reload", "Bearer " + read, "", `action=reload key=admin.read_key client="" account="" address=192.0.2.1 outcome=refused`},
		{"the key for reading, for a token", "GET", "/accounts/made-up/token", "Bearer " + read, "", `action=real_token key=admin.read_key client="" account="" address=192.0.2.1 outcome=refused`},
		{"a wrong key", "GET", "/accounts/shop/token", "Bearer canary", "", `action=wrong_key key="" client="" account="" address=192.0.2.1 outcome=refused`},
		{"a wrong password", "GET", "/status", basicWith("canary"), "", `action=wrong_key`},
		{"no key, for a token", "GET", "/accounts/shop/token", "", "", `action=real_token key="" client="" account=shop address=192.0.2.1 outcome=refused`},
		{"no key, to reload", "POST", "/reload", "", "", `action=reload key="" client="" account="" address=192.0.2.1 outcome=refused`},
		{"no key, to read", "GET", "/metrics", "", "", `action=read key="" client="" account="" address=192.0.2.1 outcome=refused`},
		{"no key, to refresh what is made up", "POST", "/accounts/canary/refresh", "", "", `action=refresh key="" client="" account="" address`},
		{"the key as a password, to reload", "POST", "/reload", basicWith(key), "", `action=reload key=admin.key client="" account="" address=192.0.2.1 outcome=refused`},
		{"no key, with a browser", "GET", "/", "", "", ``},
		{"a profile", "GET", "/debug/pprof/cmdline", "Bearer " + key, "", `action=profile key=admin.key client="" account="" address=192.0.2.1 outcome=done`},
		{"a profile, with the key for reading", "GET", "/debug/pprof/heap", "Bearer " + read, "", `action=profile key=admin.read_key client="" account="" address=192.0.2.1 outcome=refused`},
		{"reading", "GET", "/status", "Bearer " + read, "", ``},
	} {
		t.Run(row.name, func(t *testing.T) {
			var log strings.Builder
			a := newAdmin()
			a.Key, a.KeyOld, a.ReadKey, a.Public = secret.New(key), secret.New(old), secret.New(read), true
			a.Log = slog.New(slog.NewTextHandler(&log, nil))
			a.Audit, a.Reload = audit.New(a.Log), func() (Changes, error) { return Changes{}, nil }
			a.Trusted = origin.Trusted{}
			if err := a.Trusted.Add("192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			broken := account("broken", fresh())
			broken.Refresh = func(string, time.Duration) (bool, error) { return true, errors.New("no") }
			a.Accounts = append(a.Accounts, broken)
			r := httptest.NewRequest(row.method, row.path, nil)
			r.Header.Set("Authorization", row.authorization)
			if row.forwarded != "" {
				r.Header.Set("X-Forwarded-For", row.forwarded)
			}
			a.Handler().ServeHTTP(httptest.NewRecorder(), r)
			if got := strings.Count(log.String(), "msg=audit"); got != min(1, len(row.want)) || !strings.Contains(log.String(), row.want) {
				t.Errorf("got %s; want %s", log.String(), row.want)
			}
			for _, secret := range []string{key, old, read, "canary", "token-of"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("shows %s: %s", secret, log.String())
				}
			}
		})
	}
}

// Without a key what an operator does is noted, once a minute.
func TestWhatAnybodyMayDoIsNotedOnceAMinute(t *testing.T) {
	var log strings.Builder
	a := newAdmin()
	a.Audit = audit.New(slog.New(slog.NewTextHandler(&log, nil)))
	for range 100 {
		r := httptest.NewRequest("POST", "/accounts/shop/refresh", nil)
		r.Host = "127.0.0.1"
		a.Handler().ServeHTTP(httptest.NewRecorder(), r)
	}
	if got := strings.Count(log.String(), "action=refresh"); got != 1 {
		t.Errorf("got %d lines; want one", got)
	}
}

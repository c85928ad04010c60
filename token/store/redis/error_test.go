package redis

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"

	"wxproxy/internal/redistest"
	"wxproxy/internal/sockettest"
	"wxproxy/token"
)

// quoting is a Redis that answers every line with an error, and returns its address.
func quoting(t *testing.T, says string) string {
	t.Helper()
	return sockettest.Serve(t, func(c net.Conn) {
		for lines := bufio.NewScanner(c); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "*") {
				fmt.Fprintf(c, "%s\r\n", says)
			}
		}
	})
}

// Whatever Redis says, neither the log nor an error shows what it was sent.
func TestRedisThatQuotesWhatItWasSentIsNotQuoted(t *testing.T) {
	const long = 300
	for _, password := range []string{"PW-canary", "Zq7", `a"b\c*d%2F&`, strings.Repeat("canary!", long)} {
		for _, says := range []string{
			"-WRONGPASS bad " + password,
			"+" + password,
			"-ERR unknown command 'auth', with args beginning with: '" + password[:min(len(password), 100)] + "' ",
			fmt.Sprintf("-ERR you said %q", password),
			"-ERR " + strings.ToUpper(password),
			"-NOAUTH " + url.QueryEscape(password),
			"-ERR user 'user-canary-name' " + password,
		} {
			var log logged
			at := "redis://" + url.UserPassword("user-canary-name", password).String() + "@" + quoting(t, says)
			if password == "Zq7" {
				at += "?master_name=m&sentinel_password=" + url.QueryEscape(password)
			}
			_, err := openRedis(t, at, loggingTo(&log)).Load(wx1)
			if !errors.Is(err, token.ErrAway) {
				t.Errorf("%.60s: got %v; want ErrAway", says, err)
			}
			all := strings.ToLower(fmt.Sprint(err, log.String()))
			for _, secret := range []string{password, url.QueryEscape(password), "user-canary-name", "canary!canary"} {
				if strings.Contains(all, strings.ToLower(secret)) {
					t.Errorf("%.60s: got %q in %.400s", says, secret, all)
				}
			}
		}
	}
}

func TestARedisWithoutAUTHDoesNotHaveThePasswordLogged(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "PWcanary", "--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
	var log logged
	_, err := openRedis(t, "redis://:PWcanary@"+redis.Addr, loggingTo(&log)).Load(wx1)
	if all := fmt.Sprint(err, log.String()); !errors.Is(err, token.ErrAway) || !strings.Contains(all, "unknown command") || strings.Contains(all, "PWcanary") {
		t.Errorf("got %s; want what Redis says, without the password", all)
	}
}

package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxproxy/accountkind"
	"wxproxy/config/internal/address"
)

func (l *loader) readUpstream(t *table) {
	t.readSettings()

	u := &l.cfg.Upstream
	if err := u.check(u.URL); err != nil {
		t.wrong("url", "%v", err)
	} else if inTheClear(u.URL) {
		t.warn(t.key("url"), "http:// sends AppSecret and tokens in the clear; use https:// except for tests")
	}
	t.checkFallbacks(u)
	t.checkAuthorities("ca_file", u.CAFile)
	t.warnIfOpen(t.key("ca_file"), u.CAFile, false)
}

// TokenWait is how long a request waits for a token or a ticket if there is none, or
// for another one if WeChat has refused it: as long as for WeChat's answer.
func (u Upstream) TokenWait() time.Duration { return u.Timeout }

// FetchTime is how long it may take to ask WeChat for a token or a ticket, from
// connecting to the last byte of the answer.
func (u Upstream) FetchTime() time.Duration { return u.Timeout }

// readFallbacks reads fallback_urls. The default ones lead to WeChat: for another url
// there are none.
func (u *Upstream) readFallbacks(t *table, key string, into *[]string) bool {
	given := t.texts(key, into)
	if !given && u.URL != accountkind.WeChat.URL {
		*into = nil
	}
	return given
}

// maxHosts is how many URLs package proxy can use, with url.
const maxHosts = 64

func (t *table) checkFallbacks(u *Upstream) {
	if len(u.FallbackURLs) >= maxHosts {
		t.wrong("fallback_urls", "has %d URLs; at most %d can be used", len(u.FallbackURLs), maxHosts-1)
	}
	for i, fallback := range u.FallbackURLs {
		key := item("fallback_urls", i)
		err := u.check(fallback)
		switch {
		case err != nil:
			t.wrong(key, "%v", err)
		case fallback == u.URL || slices.Contains(u.FallbackURLs[:i], fallback):
			t.wrong(key, "is there already; remove it")
		case strings.HasPrefix(u.URL, "https:") && inTheClear(fallback):
			t.wrong(key, "would send AppSecret and tokens in the clear when url, which is https://, cannot be reached; write https://")
		case strings.HasPrefix(u.URL, "https:") && strings.HasPrefix(fallback, "http:"), inTheClear(fallback) && !inTheClear(u.URL):
			t.warn(t.key(key), "http:// sends AppSecret and tokens in the clear; use https:// except for tests")
		}
	}
}

// inTheClear reports whether a URL leads to another machine without TLS. One that is none,
// as a mistake can have it, leads nowhere.
func inTheClear(raw string) bool {
	_, err := url.Parse(raw)
	return err == nil && strings.HasPrefix(raw, "http:") && BeyondLoopback(hostPort(raw))
}

// hostPort returns the address that a checked URL leads to.
func hostPort(raw string) string {
	u, _ := url.Parse(raw)
	return net.JoinHostPort(u.Hostname(), u.Port())
}

// anyFamily is the ip_family that rules no address out.
const anyFamily = "any"

// check says what is wrong with the URL of an upstream host, given the addresses
// that may be connected to.
func (u *Upstream) check(raw string) error {
	if err := checkURL(raw); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(hostPort(raw)) // it was checked
	ip, err := netip.ParseAddr(host)
	if err != nil || u.IPFamily == anyFamily {
		return nil
	}
	family := "ipv6"
	if ip.Unmap().Is4() {
		family = "ipv4"
	}
	if family != u.IPFamily {
		return fmt.Errorf("is an address that ip_family = %q rules out; write a host's name, or ip_family = %q", u.IPFamily, family)
	}
	return nil
}

// checkURL says what is wrong with the URL of an upstream host.
func checkURL(raw string) error {
	const advice = `; write scheme and host only, as "https://api.weixin.qq.com"`
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is not a URL" + advice)
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("has to begin with https:// or http://" + advice)
	case u.User != nil:
		return errors.New("has a user name or password" + advice)
	case u.Scheme+"://"+u.Host != raw:
		return errors.New("has more than scheme and host" + advice)
	case u.Hostname() == "" || !address.IsHost(u.Hostname()):
		return errors.New("has no valid host" + advice)
	}
	if !address.IsPort(u.Port()) && strings.HasSuffix(u.Host, ":"+u.Port()) {
		return errors.New("has no valid port" + advice)
	}
	return nil
}

// file returns what the file at path, which key names, holds, or reports why it
// cannot be read.
func (t *table) file(key, path string) (data []byte, ok bool) {
	if t.hangs {
		return nil, false
	}
	data, err := t.cfg.files.read(path, largestFile)
	if err != nil {
		_, t.hangs = errors.AsType[hangError](err)
		t.wrong(key, "cannot be read: %v", err)
	}
	return data, err == nil
}

func (u Upstream) describe() string {
	where := u.URL
	if len(u.FallbackURLs) > 0 {
		where += ", and when that cannot be reached " + strings.Join(u.FallbackURLs, ", ")
	}
	if u.IPFamily != anyFamily {
		where += "; over " + u.IPFamily + " only"
	}
	return where
}

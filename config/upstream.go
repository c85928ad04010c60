package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"wxproxy/accountkind"
	"wxproxy/config/internal/address"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

func (l *loader) readUpstream(t *table) {
	wecom := t.section("wecom")
	t.readSettings()
	l.cfg.Upstream.Proxy = t.egress()
	t.checkUpstream(l.cfg.Upstream, &accountkind.WeChat)
	l.checkEgress(WeChat)
	l.readUpstreamOfWeCom(wecom)
}

func (l *loader) readUpstreamOfWeCom(t *table) {
	if t.readSettings(); len(t.values) > 0 {
		l.cfg.WeCom.Proxy = t.egress()
		t.checkUpstream(l.cfg.UpstreamOf(WeCom), &accountkind.WeCom)
	}
	l.checkEgress(WeCom)
}

// checkUpstream reports what is wrong with the way to one of both.
func (t *table) checkUpstream(u Upstream, kind *accountkind.Kind) {
	switch err := u.check(u.URL, kind.URL); {
	case err != nil:
		t.wrong("url", "%v", err)
	case kind == &accountkind.WeChat && isHostOf(&accountkind.WeCom, u.URL):
		t.wrong("url", "is WeCom's host; accounts with kind = \"wecom\" go there without it, and another address of WeCom's stands in [upstream.wecom]")
	case kind == &accountkind.WeCom && isHostOf(&accountkind.WeChat, u.URL):
		t.wrong("url", "is WeChat's host; take it away, or write the address of a private deployment of WeCom's")
	case inTheClear(u.URL) && kind == &accountkind.WeCom:
		t.warn(t.key("url"), "http:// sends the applications' secrets and tokens in the clear; use https://, unless the way to a private deployment is all yours")
	case inTheClear(u.URL):
		t.warn(t.key("url"), "http:// sends AppSecret and tokens in the clear; use https:// except for tests")
	}
	t.checkFallbacks(&u, kind)
	if _, own := t.values["ca_file"]; own {
		t.checkAuthorities("ca_file", u.CAFile)
		t.warnIfOpen(t.key("ca_file"), u.CAFile, false)
	}
}

// settingsOfWeCom are those of [upstream.wecom]. Of zero is what is as in [upstream].
func (u *Upstream) settingsOfWeCom() []setting {
	section := WeCom.Section()
	return []setting{
		{section, "url", "", atReload, in(&u.URL, accountkind.WeCom.URL, (*table).text)},
		{section, "fallback_urls", "", atReload, in(&u.FallbackURLs, []string{}, (*table).texts)},
		{section, "connect_timeout", "", atReload, in(&u.ConnectTimeout, 0, (*table).duration)},
		{section, "timeout", "", atReload, in(&u.Timeout, 0, (*table).duration)},
		{section, "idle_timeout", "", atReload, in(&u.IdleTimeout, 0, (*table).duration)},
		{section, "max_connections", "", atReload, in(&u.MaxConnections, 0, (*table).count)},
		{section, "ca_file", "", atReload, in(&u.CAFile, "", (*table).text)},
		{section, "proxy", "", atReload, in(&u.Proxy, secret.Secret{}, (*table).secretKeys)},
		{section, "ip_family", "", atReload, in(&u.IPFamily, "", oneWordOf(anyFamily, "ipv4", "ipv6"))},
	}
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

func (t *table) checkFallbacks(u *Upstream, kind *accountkind.Kind) {
	if len(u.FallbackURLs) >= maxHosts {
		t.wrong("fallback_urls", "has %d URLs; at most %d can be used", len(u.FallbackURLs), maxHosts-1)
	}
	for i, fallback := range u.FallbackURLs {
		key := item("fallback_urls", i)
		err := u.check(fallback, kind.URL)
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

// isHostOf reports whether a checked URL leads to where the accounts of a kind are.
func isHostOf(kind *accountkind.Kind, raw string) bool {
	return slices.Contains(kind.Hosts, strings.ToLower(strings.TrimSuffix(hostPort(raw), ":")))
}

// hostPort returns the address that a checked URL leads to.
func hostPort(raw string) string {
	u, _ := url.Parse(raw)
	return net.JoinHostPort(u.Hostname(), u.Port())
}

// anyFamily is the ip_family that rules no address out.
const anyFamily = "any"

// check says what is wrong with the URL of an upstream host, given the addresses
// that may be connected to, and what a good one is like.
func (u *Upstream) check(raw, good string) error {
	if err := address.CheckURL(raw, good); err != nil {
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
		return language.Textf("is an address that ip_family = %q rules out; write a host's name, or ip_family = %q", u.IPFamily, family)
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

func (u Upstream) describe() *language.Text {
	where := language.Textf("%s", u.URL)
	if len(u.FallbackURLs) > 0 {
		where = language.Textf("%s, and when that cannot be reached %s", where, joined(u.FallbackURLs))
	}
	return where
}

package config

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"wxproxy/internal/egress"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// UpstreamOf returns the way to where accounts of a kind are. What the one to WeCom does
// not say itself is as on the way to WeChat.
func (c *Config) UpstreamOf(kind Kind) Upstream {
	u := c.Upstream
	if kind != WeCom {
		return u
	}
	own := c.WeCom
	return Upstream{
		URL:            own.URL,
		FallbackURLs:   own.FallbackURLs,
		ConnectTimeout: cmp.Or(own.ConnectTimeout, u.ConnectTimeout),
		Timeout:        cmp.Or(own.Timeout, u.Timeout),
		IdleTimeout:    cmp.Or(own.IdleTimeout, u.IdleTimeout),
		MaxConnections: cmp.Or(own.MaxConnections, u.MaxConnections),
		CAFile:         cmp.Or(own.CAFile, u.CAFile),
		Proxy:          cmp.Or(own.Proxy, u.Proxy),
		IPFamily:       cmp.Or(own.IPFamily, u.IPFamily),
	}
}

// ProxyOf returns which proxies lead to where accounts of a kind are.
func (c *Config) ProxyOf(kind Kind) egress.Choice {
	section := kind.Section()
	if kind == WeCom && c.WeCom.Proxy.Empty() {
		section = WeChat.Section()
	}
	setting := section + "." + cmp.Or(c.proxyKeys[section], "proxy")
	return egress.Choice{Setting: setting, URL: c.UpstreamOf(kind).Proxy, Environment: c.proxies}
}

// egress returns the proxy that the table has, empty if it has none.
func (t *table) egress() secret.Secret {
	source := t.sources[t.key("proxy")]
	if len(source.given) > 0 {
		if t.cfg.proxyKeys == nil {
			t.cfg.proxyKeys = map[string]string{}
		}
		t.cfg.proxyKeys[strings.TrimSuffix(t.key("proxy"), ".proxy")] = source.given[0]
	}
	if word := strings.ToLower(source.literal.Reveal()); word == "none" || word == "off" || word == "no" {
		t.wrong("proxy", "is no URL of a proxy; write %q for no proxy", egress.Directly)
		return secret.Secret{}
	}
	return t.secret(source.SecretSource, source.given)
}

// An exit is where a proxy leads, or no proxy.
type exit struct {
	proxy   *egress.Proxy // nil: the way is direct
	setting string        // who says so; empty: nobody
	urls    []string
}

func (e exit) isDirect() bool { return e.proxy == nil }

// exits returns which proxy leads to which URL of a kind: as many as there are different
// ones, that of the first URL first. URLs that are wrong have their own problems.
func (c *Config) exits(kind Kind) (all []exit, setting string, err error) {
	to, choice := c.UpstreamOf(kind), c.ProxyOf(kind)
	for _, raw := range append([]string{to.URL}, to.FallbackURLs...) {
		u, wrong := url.Parse(raw)
		if wrong != nil {
			continue
		}
		proxy, setting, err := choice.For(u)
		if err != nil {
			return nil, setting, err
		}
		same := func(e exit) bool {
			return (e.proxy == nil) == (proxy == nil) && (proxy == nil || e.proxy.String() == proxy.String())
		}
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].urls = append(all[i].urls, raw)
		} else {
			all = append(all, exit{proxy, setting, []string{raw}})
		}
	}
	return all, "", nil
}

// checkEgress reports a proxy that leads nowhere, and remarks on what has no effect
// behind one.
func (l *loader) checkEgress(kind Kind) {
	exits, setting, err := l.cfg.exits(kind)
	if err != nil {
		l.reportEgress(setting, err)
		return
	}
	l.warnOfIgnored(kind, exits)
	family := kind.Section() + ".ip_family"
	if kind == WeCom && l.cfg.WeCom.IPFamily == "" || l.cfg.UpstreamOf(kind).IPFamily == anyFamily {
		return
	}
	if !slices.ContainsFunc(exits, exit.isDirect) {
		l.warn(family, "has no effect: the proxy that %s names looks up the addresses, and connects to them", exits[0].setting)
	}
}

// warnOfIgnored remarks on a variable that leads out elsewhere, if nothing else is said of the
// way out.
func (l *loader) warnOfIgnored(kind Kind, exits []exit) {
	const variable = "environment.ignored"
	name, isSaid := l.cfg.proxies.Ignored, func(e exit) bool { return e.setting != "" }
	if name == "" || l.variables[variable] != "" || !slices.Contains(l.cfg.Kinds(), kind) || slices.ContainsFunc(exits, isSaid) {
		return
	}
	l.variables[variable] = name
	l.warn(variable, "has no effect, and connections go out directly: set upstream.proxy, or HTTPS_PROXY; upstream.proxy = %q is for no proxy, and for no such remark", egress.Directly)
}

// reportEgress reports what is wrong with a proxy, where it is named: in a setting, one of
// those that lead to it, or in the environment.
func (l *loader) reportEgress(setting string, err error) {
	if strings.HasPrefix(setting, WeChat.Section()+".") { // WeCom's begins with it
		l.report(setting, "%v", err)
		return
	}
	const variable = "environment.proxy"
	l.variables[variable] = setting
	l.report(variable, "%v", err)
}

// describeEgress says where accounts of a kind are, and how connections go there.
func (c *Config) describeEgress(kind Kind) *language.Text {
	to := c.UpstreamOf(kind)
	text := to.describe()
	exits, _, _ := c.exits(kind) // which were checked
	for i, e := range exits {
		switch {
		case e.proxy != nil && i == 0:
			text = language.Textf("%s; through the proxy %s (%s)", text, e.proxy, e.setting)
		case e.proxy != nil:
			text = language.Textf("%s; to %s through the proxy %s (%s)", text, joined(e.urls), e.proxy, e.setting)
		case i > 0 && e.setting != "":
			text = language.Textf("%s; to %s directly (%s)", text, joined(e.urls), e.setting)
		case i > 0:
			text = language.Textf("%s; to %s directly", text, joined(e.urls))
		case e.setting != "":
			text = language.Textf("%s; directly (%s)", text, e.setting)
		}
	}
	if to.IPFamily != anyFamily && slices.ContainsFunc(exits, exit.isDirect) {
		text = language.Textf("%s; over %s only", text, to.IPFamily)
	}
	return text
}

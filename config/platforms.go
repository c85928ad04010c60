package config

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"wxproxy/config/internal/pushmatch"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// Platform is a third-party platform, with all accounts that authorize it.
type Platform struct {
	Name         string
	AppID        string        // component_appid
	Secret       secret.Secret // component_appsecret, as it was when the configuration was loaded
	Source       SecretSource  // where to read it again
	PublishCheck bool          // WeChat's check before a platform is published is answered

	PushToken     secret.Secret
	PushAESKey    secret.Secret // an EncodingAESKey
	PushAESKeyOld secret.Secret // the one before; empty when none is set
}

// All returns what clients and forwards call all accounts that authorize the platform.
func (a Platform) All() string { return a.Name + "/*" }

func (l *loader) readPlatform(t *table) {
	p := Platform{PublishCheck: true}
	t.text("name", &p.Name)
	t.text("app_id", &p.AppID)
	source, given := t.source("secret")
	push := t.pushSources()
	t.flag("publish_check", &p.PublishCheck)
	t.refuseUnknown()

	t.checkName(p.Name)
	t.checkAppID(p.AppID)
	p.Source, p.Secret = source, t.appSecret(source, given, WeChat)
	keys := t.readPushKeys(push)
	p.PushToken, p.PushAESKey, p.PushAESKeyOld = keys.token, keys.key, keys.old
	for i, key := range pushKeys[:2] {
		if len(push[i].given) == 0 {
			t.lacks(language.Textf("WeChat sends a platform its tickets, always encrypted: write what the platform's page shows, or %[1]s_env or %[1]s_file", key), []string{key, key + "_env", key + "_file"})
		}
	}
	l.cfg.Platforms = append(l.cfg.Platforms, p)
}

// checkPlatforms compares platforms with accounts and with each other: names and AppIDs
// that are taken already are in seen.
func (l *loader) checkPlatforms(seen map[string]string) {
	for i, p := range l.cfg.Platforms {
		key := item("platform", i)
		l.checkUnique(seen, p.Name, key, "name")
		if p.AppID != p.Name {
			l.checkUnique(seen, p.AppID, key, "app_id")
		}
	}
}

// platform returns the platform with a name.
func (c *Config) platform(name string) (p Platform, found bool) {
	i := slices.IndexFunc(c.Platforms, func(p Platform) bool { return p.Name == name })
	if i < 0 {
		return Platform{}, false
	}
	return c.Platforms[i], true
}

// isOfPlatform reports whether a name stands for a platform, for all accounts that
// authorize it, or for what may be one of them, as "saas", "saas/*", APPID or "saas:APPID".
func (c *Config) isOfPlatform(name string) bool {
	prefix, appID, isQualified := strings.Cut(name, ":")
	prefix, isAll := strings.CutSuffix(prefix, "/*")
	_, found := c.platform(prefix)
	switch {
	case isQualified:
		return found && !isAll && looksLikeAppID(appID)
	case found:
		return true
	}
	isAccount := func(a Account) bool { return a.AppID == name }
	return len(c.Platforms) > 0 && looksLikeAppID(name) && !slices.ContainsFunc(c.Accounts, isAccount)
}

// looksLikeAppID reports whether a word is as WeChat's AppIDs are.
func looksLikeAppID(word string) bool {
	const digits = 16
	rest, ok := strings.CutPrefix(word, "wx")
	_, err := hex.DecodeString(rest)
	return ok && err == nil && len(rest) == digits
}

// named returns what can be named where an account can: none until every account and
// platform has a name to compare with.
func (l *loader) named() map[string]bool {
	known := l.accountNames()
	if known == nil || slices.ContainsFunc(l.cfg.Platforms, func(p Platform) bool { return !isName(p.Name) }) {
		return nil
	}
	for _, p := range l.cfg.Platforms {
		known[p.Name], known[p.All()] = true, true
	}
	return known
}

// reportUnknown reports a name under key that is none of the known ones.
func (l *loader) reportUnknown(key, name string, known []string) {
	isAccount := func(a Account) bool { return a.AppID == name && looksLikeAppID(name) }
	prefix, rest, isQualified := strings.Cut(name, ":")
	_, isPlatform := l.cfg.platform(prefix)
	switch i := slices.IndexFunc(l.cfg.Accounts, isAccount); {
	case i >= 0:
		l.report(key, "is the app_id of an [[account]]; write its name, %s", words.Quoted(l.cfg.Accounts[i].Name))
	case slices.ContainsFunc(l.cfg.Accounts, func(a Account) bool { return a.CorpID == name && name != "" }):
		l.report(key, "is the corp_id of an [[account]], and names no application; write the name of one")
	case isQualified && isPlatform:
		l.report(key, "has no AppID behind the colon; write it as %q", prefix+":wx0123456789abcdef")
	case looksLikeAppID(cmp.Or(rest, name)) && len(l.cfg.Platforms) == 0:
		l.report(key, "there is no account of that name, and no [[platform]] that an account with this AppID could authorize")
	case len(l.problems) < enoughSuggestions:
		l.report(key, "there is no account %s%s", words.Quoted(name), words.DidYouMean(name, known))
	default:
		l.report(key, "there is no account %s", words.Quoted(name))
	}
}

// warnOfPlatforms remarks on what platforms lack, or would need.
func (l *loader) warnOfPlatforms() {
	for i, c := range l.cfg.Clients {
		if c.PlatformAdmin && len(l.cfg.Platforms) == 0 {
			l.warn(item("client", i)+".platform_admin", "has no effect: there is no [[platform]]")
		}
	}
	for i, r := range l.cfg.Routes {
		if r.Credential == "platform" && len(l.cfg.Platforms) == 0 {
			l.warn(item("route", i)+".credential", `is as "deny": there is no [[platform]]`)
		}
	}
	if len(l.cfg.Platforms) == 0 {
		return
	}
	for i := range l.cfg.Forwards {
		l.warnOfEvents(i)
	}
	if l.cfg.inMemory() {
		l.warn("token.store", "forgets with the process what merchants granted the [[platform]]s, and their tickets: after a start nobody is served "+
			"until WeChat has sent a ticket again; write \"file:DIR\" or a URL of Redis")
	} else if l.cfg.Token.EncryptionKey.Empty() && !l.anyReported("token.encryption_key", "token.encryption_key_env", "token.encryption_key_file") {
		l.warn("token.encryption_key", "is not set, so that what merchants granted the [[platform]]s is in the store in the clear; `head -c 32 /dev/urandom | base64` makes a key")
	}
}

// warnOfEvents remarks on what a forward matches that never comes to its account.
func (l *loader) warnOfEvents(i int) {
	f, of := l.cfg.Forwards[i], pushmatch.Account
	isIt := func(p Platform) bool { return f.Account == p.Name || f.Account == p.AppID }
	switch {
	case f.Account == "":
		of = pushmatch.Any
	case slices.ContainsFunc(l.cfg.Platforms, isIt):
		of = pushmatch.Platform
	}
	for j, pattern := range f.Match {
		if why := pushmatch.Doubt(pattern, of, words.Nearest); why != nil && pushmatch.Check(pattern) == "" {
			l.warn(item("forward", i)+"."+item("match", j), "%v", why)
		}
	}
}

func (a Platform) describe() *language.Text {
	text := language.Textf("%s is %s, secret from %s; takes events at /push/%s, messages at /push/%s/$APPID$", a.Name, a.AppID, a.Source.text(), a.Name, a.Name)
	if !a.PushAESKeyOld.Empty() {
		text = language.Textf("%s, also with push_aes_key_old", text)
	}
	if !a.PublishCheck {
		text = language.Textf("%s; leaves WeChat's check before it is published to programs", text)
	}
	return text
}

// checkAbsent remarks on accounts whose AppSecret is not there, unless that is so of
// all: it is their trouble, and not that of the others.
func (l *loader) checkAbsent() {
	for _, a := range l.absent {
		if len(l.absent) < len(l.cfg.Accounts)+len(l.cfg.Platforms) {
			const text = "the file is not there: the account gets no token until it is, and the others go on"
			l.warn(a.key, "%v%v", language.Phrase(text), l.shown(a.key, text))
		} else {
			l.report(a.key, "%v", a.err)
		}
	}
}

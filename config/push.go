package config

import (
	"encoding/base64"
	"slices"
	"strings"

	"wxproxy/config/internal/address"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

func (p *Push) settings() []setting {
	return []setting{
		{"push", "listen", "WXPROXY_PUSH_LISTEN", atStart, in(&p.Listen, "", (*table).text)},
		{"push", "max_connections", "", atStart, in(&p.MaxConnections, 1000, (*table).count)},
		{"push", "inbox_max", "", atReload, in(&p.InboxMax, 1<<30, (*table).size)},
	}
}

func (l *loader) readPush(t *table) {
	t.readSettings()
	_, l.cfg.inboxMaxGiven = t.values["inbox_max"]
	if listen := l.cfg.Push.Listen; listen != "" {
		t.checkListen(listen)
	}
}

// memoryInbox is how many bytes of pushes wait in memory if nothing else is said.
const memoryInbox = 64 << 20

// InboxLimit returns how many bytes of pushes may wait.
func (c *Config) InboxLimit() int {
	if !c.inboxMaxGiven && c.inMemory() {
		return memoryInbox
	}
	return c.Push.InboxMax
}

// inMemory reports whether nothing outlives the process.
func (c *Config) inMemory() bool { return strings.HasPrefix(c.Token.Store.Reveal(), "memory:") }

// pushKeys are the keys of an account's pushes.
var pushKeys = []string{"push_token", "push_aes_key", "push_aes_key_old"}

// pushSources reads where they come from.
func (t *table) pushSources() []givenSource {
	return []givenSource{t.sourceOf(pushKeys[0]), t.sourceOf(pushKeys[1]), t.sourceOf(pushKeys[2])}
}

// A pushSecrets is what proves pushes, and what they are encrypted with.
type pushSecrets struct{ token, key, old secret.Secret }

// readPushKeys reads the keys themselves.
func (t *table) readPushKeys(sources []givenSource) (k pushSecrets) {
	token, key, old := sources[0], sources[1], sources[2]
	k = pushSecrets{t.secret(token.SecretSource, token.given), t.aesKey(key), t.aesKey(old)}
	switch {
	case len(key.given) > 0 && len(token.given) == 0:
		t.wrong(key.given[0], "is for pushes, and there is no push_token, which WeChat's pages have next to it; write both, or neither")
	case len(old.given) > 0 && len(key.given) == 0:
		t.wrong(old.given[0], "is the key before another one, and there is none; write it as %q", "push_aes_key"+old.given[0][len("push_aes_key_old"):])
	case !k.key.Empty() && k.key.Equal(k.old.Reveal()):
		t.wrong(old.given[0], "is the same as push_aes_key; write the key that there was before, or take it away")
	}
	if strings.HasPrefix(t.name, "account") && k.key.Empty() && len(key.given) == 0 && isGuessed(k.token.Reveal()) {
		t.warn(t.key(token.given[0]), "could be guessed, and who knows it can make up pushes, since there is no push_aes_key")
	}
	return k
}

// isGuessed reports whether a token is one that is tried first.
func isGuessed(token string) bool {
	return token != "" && (words.IsCommon(token) || words.IsTyped(token))
}

// aesKey returns an EncodingAESKey, or an empty Secret if it is none.
func (t *table) aesKey(source givenSource) secret.Secret {
	text := t.secret(source.SecretSource, source.given)
	if text.Empty() {
		return text
	}
	const length = 43 // of base64 without its end; what the last character has too much does not matter
	key, err := base64.StdEncoding.DecodeString(text.Reveal() + "=")
	if err != nil || len(text.Reveal()) != length {
		t.wrong(source.given[0], "is no EncodingAESKey, which has %d letters and digits, as WeChat's pages show it", length)
		return secret.Secret{}
	}
	if words.IsPattern(key) {
		t.warn(t.key(source.given[0]), "is a pattern and could be guessed; have WeChat's pages make a new one")
	}
	return text
}

// checkPushListener compares where pushes come to with the other listeners.
func (l *loader) checkPushListener() {
	listen := l.cfg.Push.Listen
	if listen == "" {
		return
	}
	if address.Collide(listen, l.cfg.Proxy.Listen) {
		l.report("push.listen", "is the address of proxy.listen, too; take another port, since WeChat is to reach nothing but pushes")
	} else if l.cfg.Admin.Listen != "" && address.Collide(listen, l.cfg.Admin.Listen) {
		l.report("push.listen", "is the address of admin.listen, too; take another port, since WeChat is to reach nothing but pushes")
	}
}

// warnOfPushes remarks on what is missing for pushes.
func (l *loader) warnOfPushes() {
	pushed := slices.ContainsFunc(l.cfg.Accounts, func(a Account) bool { return !a.PushToken.Empty() })
	hasPlatform := len(l.cfg.Platforms) > 0
	switch {
	case l.cfg.Push.Listen == "" && hasPlatform:
		l.warn("push.listen", "is not set, so that no ticket and no authorization reaches wxproxy: [[platform]] cannot do without")
	case l.cfg.Push.Listen == "" && pushed:
		l.warn("push.listen", "is not set, so that WeChat's pushes reach nobody: push_token has no effect")
	case l.cfg.Push.Listen == "" && len(l.cfg.Forwards) > 0:
		l.warn("push.listen", "is not set, so that WeChat's pushes reach nobody: [[forward]] has no effect")
	case l.cfg.Push.Listen == "":
	case !pushed && !hasPlatform:
		l.warn("push.listen", "no [[account]] has a push_token, so that every push gets 404")
	case pushed && len(l.cfg.Forwards) == 0:
		l.warn("push.listen", "there is no [[forward]], so that pushes are answered `success` and go nowhere")
	}
}

// describePush says where pushes come to, and where they wait.
func (c *Config) describePush() *language.Text {
	var names []string
	for _, a := range c.Accounts {
		if !a.PushToken.Empty() {
			names = append(names, "/push/"+a.Name)
		}
	}
	for _, p := range c.Platforms {
		names = append(names, "/push/"+p.Name, "/push/"+p.Name+"/$APPID$")
	}
	const most = 10
	whom := orElse(names, "nobody: no account has a push_token")
	if more := len(names) - most; more > 0 {
		whom = language.Textf("%s, %d more", joined(names[:most]), more)
	}
	text := language.Textf("listens on %s, for %s", urlOf(c.Push.Listen), whom)
	if !slices.ContainsFunc(c.Forwards, Forward.waits) {
		return text
	}
	return language.Textf("%s; up to %d MiB wait %s", text, c.InboxLimit()>>20, c.Token.place(""))
}

// describePushes says how an account's pushes are proven.
func (a Account) describePushes() language.Phrase {
	switch {
	case a.PushAESKey.Empty():
		return "takes pushes in the clear, whose signature does not cover the message: push_aes_key mends that"
	case a.PushAESKeyOld.Empty():
		return "takes encrypted pushes"
	default:
		return "takes encrypted pushes, also with push_aes_key_old"
	}
}

// accountsByName returns the accounts, by each name that a forward may have for them.
func (l *loader) accountsByName() map[string]*Account {
	accounts, corps := make(map[string]*Account, 2*len(l.cfg.Accounts)), map[string]int{}
	for _, a := range l.cfg.Accounts {
		corps[a.CorpID]++
	}
	for i := range l.cfg.Accounts {
		a := &l.cfg.Accounts[i]
		for _, name := range []string{a.Name, a.ID()} {
			if isOfSeveral := name != a.Name && corps[name] > 1; name != "" && accounts[name] == nil && !isOfSeveral {
				accounts[name] = a
			}
		}
	}
	return accounts
}

// Title returns what a forward is called: its name, or its URL without the query, which
// may be secret.
func (f Forward) Title() string {
	if f.Name != "" {
		return f.Name
	}
	where, _, _ := strings.Cut(f.URL, "?")
	return where
}

// query returns the query of a forward's URL.
func (f Forward) query() string {
	_, query, _ := strings.Cut(f.URL, "?")
	return query
}

// deliversAs reports whether pushes that wait for f are delivered as those for e are.
func (f Forward) deliversAs(e Forward) bool {
	return !e.waits() || f.Timeout == e.Timeout && f.Token.Reveal() == e.Token.Reveal() && f.AESKey.Reveal() == e.AESKey.Reveal()
}

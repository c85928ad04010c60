package config

import (
	"cmp"
	"slices"

	"wxproxy/accountkind"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// A Kind says whose accounts are meant.
type Kind string

// The kinds of accounts. Only WeCom's have to be told of.
const (
	WeChat Kind = ""
	WeCom  Kind = "wecom"
)

// String returns the word that the file has for k.
func (k Kind) String() string { return cmp.Or(string(k), "wechat") }

// kind reads whose accounts are meant.
func (t *table) kind(into *Kind) {
	if word := ""; t.choice("kind", &word, WeChat.String(), string(WeCom)) && word == string(WeCom) {
		*into = WeCom
	}
}

// Account is one app of WeChat's, or one application of a corp at WeCom.
type Account struct {
	Name     string
	Kind     Kind
	AppID    string        // WeChat's
	CorpID   string        // WeCom's, which the corp's other applications have, too
	AgentID  string        // WeCom's, of the application; it may be empty
	Secret   secret.Secret // as it was when the configuration was loaded
	Source   SecretSource  // where to read it again
	TokenAPI string        // "stable" or "classic"; at WeCom empty
	Default  bool          // of its kind; see implyDefault

	AgentIsText bool // agent_id is in quotes

	PushToken     secret.Secret // empty: it has no pushes
	PushAESKey    secret.Secret // an EncodingAESKey; empty: its pushes are not encrypted
	PushAESKeyOld secret.Secret // the one before; empty when none is set
}

// Kinds returns the kinds that there are accounts of; without any account WeChat's.
func (c *Config) Kinds() (all []Kind) {
	isWeCom := func(a Account) bool { return a.Kind == WeCom }
	isWeChat := func(a Account) bool { return a.Kind == WeChat }
	hasWeCom := slices.ContainsFunc(c.Accounts, isWeCom)
	if !hasWeCom || len(c.Platforms) > 0 || slices.ContainsFunc(c.Accounts, isWeChat) {
		all = append(all, WeChat)
	}
	if hasWeCom {
		all = append(all, WeCom)
	}
	return all
}

// kindsFor returns the kinds of the accounts that a client may use. Those of a platform are
// WeChat's.
func (c *Config) kindsFor(client Client) []Kind {
	return slices.DeleteFunc(c.Kinds(), func(k Kind) bool {
		isOf := func(name string) bool {
			i := slices.IndexFunc(c.Accounts, func(a Account) bool { return a.Name == name })
			return i < 0 && k == WeChat || i >= 0 && c.Accounts[i].Kind == k
		}
		return len(client.Accounts) > 0 && !slices.ContainsFunc(client.Accounts, isOf)
	})
}

// Section returns the table that says where accounts of the kind are.
func (k Kind) Section() string {
	if k == WeCom {
		return "upstream.wecom"
	}
	return "upstream"
}

// Table returns what the manual says of accounts of the kind.
func (k Kind) Table() *accountkind.Kind {
	if k == WeCom {
		return &accountkind.WeCom
	}
	return &accountkind.WeChat
}

// ID returns what callers may call the account besides its name. At WeCom that is clear
// only if the corp has no other.
func (a Account) ID() string { return a.AppID + a.CorpID }

// Key returns what the account's token, and what else is kept of it, is known by. No other
// account has the same: those of WeCom have dots, which an AppID has not, and behind an
// agent_id there is none.
func (a Account) Key() string {
	switch {
	case a.Kind != WeCom:
		return a.AppID
	case a.AgentID == "":
		return a.CorpID + ".name." + a.Name
	}
	return a.CorpID + "." + a.AgentID
}

// application returns what the account is of its corp.
func (a Account) application() *language.Text {
	if a.AgentID == "" {
		return language.Textf("an application")
	}
	return language.Textf("application %s", a.AgentID)
}

// KeepsAs reports whether the token, and what else a process has of the account b, is
// as good for a: only their names, and which one is the default, may differ.
func (a Account) KeepsAs(b Account) bool {
	return a.Key() == b.Key() && a.TokenAPI == b.TokenAPI && (a.Secret.Empty() || a.Secret.Equal(b.Secret.Reveal())) &&
		a.Source.env == b.Source.env && a.Source.file == b.Source.file
}

// warnOfSameSecret remarks on an application that has the secret of another one of its corp,
// by corp and secret.
func (l *loader) warnOfSameSecret(seen map[[2]string]string, a Account, key string) {
	if a.Secret.Empty() {
		return
	}
	id := [2]string{a.CorpID, a.Secret.Reveal()}
	if first, ok := seen[id]; ok {
		l.warn(key+".secret", "is that of %s, which is of the same corp: each application has its own, and WeCom takes its calls as that one's", l.place(first))
		return
	}
	seen[id] = key
}

// checkNamesAsAgents reports names that are the agent_id of another application of the corp:
// programs say by either which application they mean.
func (l *loader) checkNamesAsAgents() {
	byAgent := map[[2]string]int{}
	for i, a := range l.cfg.Accounts {
		if a.Kind == WeCom && a.AgentID != "" {
			byAgent[[2]string{a.CorpID, a.AgentID}] = i
		}
	}
	for i, a := range l.cfg.Accounts {
		if other, ok := byAgent[[2]string{a.CorpID, a.Name}]; a.Kind == WeCom && ok && other != i {
			l.report(item("account", i)+".name", "is the agent_id of %s, an application of the same corp, which a program could mean by it; take another name", l.place(item("account", other)))
		}
	}
}

// implyDefault makes the only account of WeChat's the default; without any the only one of
// WeCom's.
func (c *Config) implyDefault() {
	kind, only := WeCom, (*Account)(nil)
	if slices.ContainsFunc(c.Accounts, func(a Account) bool { return a.Kind == WeChat }) {
		kind = WeChat
	}
	for i := range c.Accounts {
		if c.Accounts[i].Kind != kind {
			continue
		}
		if only != nil {
			return
		}
		only = &c.Accounts[i]
	}
	if only != nil {
		only.Default = true
	}
}

// DefaultAccount returns the account of callers that name none, if there is one: that of WeChat's
// accounts, or else that of WeCom's.
func (c *Config) DefaultAccount() (a Account, found bool) {
	for _, kind := range []Kind{WeChat, WeCom} {
		is := func(a Account) bool { return a.Kind == kind && a.Default }
		if i := slices.IndexFunc(c.Accounts, is); i >= 0 {
			return c.Accounts[i], true
		}
	}
	return Account{}, false
}

package config

import (
	"encoding/hex"
	"fmt"
	"strings"
	"wxproxy/config/internal/words"
	"wxproxy/internal/secret"
)

const nameRule = "must be 1 to 64 letters, digits, '-' or '_'"

func (l *loader) readAccount(t *table) {
	a := Account{TokenAPI: "stable"}
	t.text("name", &a.Name)
	t.text("app_id", &a.AppID)
	source, given := t.source("secret")
	t.choice("token_api", &a.TokenAPI, "stable", "classic")
	t.flag("default", &a.Default)
	push := t.pushSources()
	t.refuseUnknown()

	t.checkName(a.Name)
	t.checkAppID(a.AppID)
	a.Source, a.Secret = source, t.appSecret(source, given)
	keys := t.readPushKeys(push)
	a.PushToken, a.PushAESKey, a.PushAESKeyOld = keys.token, keys.key, keys.old
	l.cfg.Accounts = append(l.cfg.Accounts, a)
}

// appSecret returns the AppSecret that the one given key leads to.
func (t *table) appSecret(source SecretSource, given []string) secret.Secret {
	value := t.secret(source, given)
	if words.IsCommon(value.Reveal()) {
		t.warn(t.key(given[0]), "is a word that stands in examples; WeChat shows an AppSecret of 32 letters and digits next to the AppID")
	}
	if len(given) == 0 {
		t.missing("write secret, secret_env or secret_file", "secret", "secret_env", "secret_file")
	}
	return value
}

func (t *table) checkName(name string) {
	switch {
	case name == "":
		t.missing("give it a name of letters, digits, '-' or '_'", "name")
	case !isName(name):
		t.wrong("name", nameRule)
	}
}

func (t *table) checkAppID(appID string) {
	_, err := hex.DecodeString(appID)
	switch {
	case appID == "":
		t.missing(`write the AppID that WeChat shows next to the AppSecret, as "wx0123456789abcdef"`, "app_id")
	case len(appID) == 32 && err == nil:
		t.wrong("app_id", "looks like an AppSecret; are the two swapped?")
	case !isName(appID):
		t.wrong("app_id", nameRule)
	case words.IsPlaceholder(strings.TrimPrefix(appID, "wx")):
		t.wrong("app_id", "is a placeholder; write the AppID that WeChat shows next to the AppSecret")
	case strings.HasPrefix(appID, "gh_"):
		t.warn(t.key("app_id"), "is an original ID (原始 ID), which WeChat issues no token for; write the AppID, which begins with \"wx\"")
	case !strings.HasPrefix(appID, "wx"):
		t.warn(t.key("app_id"), "is no AppID of WeChat's, which begins with \"wx\"")
	}
}

func (l *loader) checkAccounts() {
	accounts := l.cfg.Accounts
	if len(accounts)+len(l.cfg.Platforms) == 0 {
		l.reportNoAccount()
		return
	}
	l.checkAbsent()
	// Names and AppIDs share one space: both choose the account in a URL.
	seen := map[string]string{}
	defaultAccount := ""
	for i, a := range accounts {
		key := item("account", i)
		l.checkUnique(seen, a.Name, key, "name")
		if a.AppID != a.Name {
			l.checkUnique(seen, a.AppID, key, "app_id")
		}
		switch {
		case a.Default && defaultAccount != "":
			l.report(key+".default", "%s is the default already; there can be only one", l.place(defaultAccount))
		case a.Default:
			defaultAccount = key
		}
	}
	l.checkPlatforms(seen)
	if len(accounts) == 1 {
		accounts[0].Default = true
	}
}

// checkAbsent remarks on accounts whose AppSecret is not there, unless that is so of
// all: it is their trouble, and not that of the others.
func (l *loader) checkAbsent() {
	for _, a := range l.absent {
		if len(l.absent) < len(l.cfg.Accounts)+len(l.cfg.Platforms) {
			const text = "the file is not there: the account gets no token until it is, and the others go on"
			l.warn(a.key, "%s", text+l.shown(a.key, text))
		} else {
			l.report(a.key, "%v", a.err)
		}
	}
}

func (l *loader) reportNoAccount() {
	const demo = "; or try `wxproxy demo`, which needs none"
	if l.cfg.File == "" {
		l.report("", "there is no account: set WXPROXY_APP_ID and WXPROXY_SECRET (or WXPROXY_SECRET_FILE), "+
			"or write a file and give it with -config"+demo)
		return
	}
	l.report("account", "missing; add [[account]] with name, app_id and secret, or a [[platform]] "+
		"(WXPROXY_APP_ID and WXPROXY_SECRET count only without a file)"+demo)
}

func (a Account) describe() string {
	text := fmt.Sprintf("%s is %s, %s tokens, secret from %s", a.Name, a.AppID, a.TokenAPI, a.Source)
	if a.Default {
		text += ", the default"
	}
	if !a.PushToken.Empty() {
		text += "; " + a.describePushes()
	}
	return text
}

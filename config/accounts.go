package config

import (
	"encoding/hex"
	"strings"
)

const nameRule = "must be 1 to 64 letters, digits, '-' or '_'"

func (l *loader) readAccount(t *table) {
	a := Account{TokenAPI: "stable"}
	t.text("name", &a.Name)
	t.text("app_id", &a.AppID)
	source, given := t.source("secret")
	t.choice("token_api", &a.TokenAPI, "stable", "classic")
	t.flag("default", &a.Default)
	t.refuseUnknown()

	t.checkName(a.Name)
	t.checkAppID(a.AppID)
	a.Source, a.Secret = source, t.secret(source, given)
	if isCommonWord(a.Secret.Reveal()) {
		t.warn(t.key(given[0]), "is a word that stands in examples; WeChat shows an AppSecret of 32 letters and digits next to the AppID")
	}
	if len(given) == 0 {
		t.missing("write secret, secret_env or secret_file", "secret", "secret_env", "secret_file")
	}
	l.cfg.Accounts = append(l.cfg.Accounts, a)
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
	case isPlaceholder(strings.TrimPrefix(appID, "wx")):
		t.wrong("app_id", "is a placeholder; write the AppID that WeChat shows next to the AppSecret")
	}
}

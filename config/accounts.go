package config

import (
	"cmp"
	"encoding/hex"
	"strconv"
	"strings"
	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

const nameRule = "must be 1 to 64 letters, digits, '-' or '_'"

func (l *loader) readAccount(t *table) {
	a := Account{}
	t.text("name", &a.Name)
	t.kind(&a.Kind)
	t.text("app_id", &a.AppID)
	t.text("corp_id", &a.CorpID)
	t.agentID(&a)
	source, given := t.source("secret")
	t.choice("token_api", &a.TokenAPI, "stable", "classic")
	t.flag("default", &a.Default)
	push := t.pushSources()
	t.refuseUnknown()

	t.checkName(a.Name)
	if a.Kind == WeCom {
		t.checkApplication(a)
	} else {
		a.TokenAPI = cmp.Or(a.TokenAPI, "stable")
		t.checkApp(a)
	}
	a.Source, a.Secret = source, t.appSecret(source, given, a.Kind)
	keys := t.readPushKeys(push)
	if a.Kind == WeCom && len(push[0].given) > 0 && len(push[1].given) == 0 {
		t.missing("WeCom's pushes are always encrypted: write what the application's page shows next to the Token, or push_aes_key_env or push_aes_key_file", "push_aes_key")
	}
	a.PushToken, a.PushAESKey, a.PushAESKeyOld = keys.token, keys.key, keys.old
	l.cfg.Accounts = append(l.cfg.Accounts, a)
}

// agentID reads the agent_id, which WeCom's pages show as a number, and its programs write
// as one or as a text.
func (t *table) agentID(a *Account) {
	const key = "agent_id"
	value, ok := t.value(key)
	if !ok {
		return
	}
	switch id := value.(type) {
	case int64:
		a.AgentID = strconv.FormatInt(id, 10)
	case string:
		a.AgentID, a.AgentIsText = id, true
	default:
		t.wrong(key, `is %s; write a number: 1000002`, parse.KindOf(value))
		return
	}
	if problem := words.AgentProblem(a.AgentID); problem != "" {
		t.wrong(key, "%s", language.Phrase(problem))
	}
}

// checkApplication reports what is wrong with an application of WeCom's.
func (t *table) checkApplication(a Account) {
	if a.AppID != "" && a.CorpID == "" {
		t.wrong("app_id", "is for WeChat's accounts; an application of WeCom's has corp_id, and agent_id")
		t.reported[t.key("corp_id")] = true
	} else if a.AppID != "" {
		t.wrong("app_id", "is for WeChat's accounts; corp_id and agent_id are all that WeCom has; take it away")
	}
	if a.TokenAPI != "" {
		t.wrong("token_api", "is for WeChat's accounts; WeCom has one way to hand out tokens; take it away")
	}
	switch problem := words.CorpProblem(a.CorpID); {
	case problem == "":
	case a.CorpID == "":
		t.missing(language.Phrase(strings.TrimPrefix(problem, "missing; ")), "corp_id")
	default:
		t.wrong("corp_id", "%s", language.Phrase(problem))
	}
}

// checkApp reports what is wrong with an account of WeChat's.
func (t *table) checkApp(a Account) {
	for _, key := range []string{"corp_id", "agent_id"} {
		if _, given := t.values[key]; given {
			t.wrong(key, `is for applications of WeCom's, which have kind = "wecom", too`)
			t.reported[t.key("app_id")] = t.reported[t.key("app_id")] || a.AppID == ""
		}
	}
	t.checkAppID(a.AppID)
}

// appSecret returns the AppSecret that the one given key leads to.
func (t *table) appSecret(source SecretSource, given []string, kind Kind) secret.Secret {
	value := t.secret(source, given)
	switch doubt := words.WeComSecretDoubt(value.Reveal()); {
	case kind == WeCom && doubt != "":
		t.warn(t.key(given[0]), "%s", language.Phrase(doubt))
	case kind == WeCom:
	case words.IsCommon(value.Reveal()):
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
	case words.LooksLikeSecret(name):
		t.wrong("name", "looks like a secret, and names stand in URLs and logs; are the two swapped?")
	}
}

func (t *table) checkAppID(appID string) {
	_, err := hex.DecodeString(appID)
	switch {
	case appID == "":
		t.missing(`write the AppID that WeChat shows next to the AppSecret, as "wx0123456789abcdef"`, "app_id")
	case words.IsCorpID(appID):
		t.wrong("app_id", `looks like a corp id of WeCom's; for an application of WeCom's write kind = "wecom", and corp_id`)
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
	// Names, AppIDs and corp ids share one space: all choose the account in a URL.
	seen, applications, corps := map[string]string{}, map[string]string{}, map[string]bool{}
	defaults, secrets := map[Kind]string{}, map[[2]string]string{}
	for i, a := range accounts {
		key := item("account", i)
		l.checkUnique(seen, a.Name, key, "name")
		if id := a.ID(); id != a.Name && !corps[id] {
			l.checkUnique(seen, id, key, a.Kind.idKey())
		}
		if a.Kind == WeCom {
			corps[a.CorpID] = true
			l.warnOfSameSecret(secrets, a, key)
		}
		if a.AgentID != "" {
			l.checkUnique(applications, a.Key(), key, "agent_id")
		}
		switch first := defaults[a.Kind]; {
		case a.Default && first != "":
			l.report(key+".default", "%s is the default already; there can be only one of its kind", l.place(first))
		case a.Default:
			defaults[a.Kind] = key
		}
	}
	l.checkNamesAsAgents()
	l.checkPlatforms(seen)
	l.cfg.implyDefault()
}

// idKey returns the key of what callers may call an account besides its name.
func (k Kind) idKey() string {
	if k == WeCom {
		return "corp_id"
	}
	return "app_id"
}

func (a Account) describe() *language.Text {
	text := language.Textf("%s is %s, %s tokens, secret from %s", a.Name, a.AppID, a.TokenAPI, a.Source.text())
	if a.Kind == WeCom {
		text = language.Textf("%s is %s of the corp %s at WeCom, secret from %s", a.Name, a.application(), a.CorpID, a.Source.text())
	}
	if a.Default {
		text = language.Textf("%s, the default", text)
	}
	if !a.PushToken.Empty() {
		text = language.Textf("%s; %s", text, a.describePushes())
	}
	return text
}

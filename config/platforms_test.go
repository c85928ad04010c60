package config

import (
	"fmt"
	"strings"
	"testing"
)

// platformTable returns a [[platform]] that lacks nothing.
func platformTable(name, appID string) string {
	return fmt.Sprintf("[[platform]]\nname = %q\napp_id = %q\nsecret = \"component-%s\"\npush_token = \"saas-%s\"\npush_aes_key = %q\n", name, appID, canary, canary, aesKey("S"))
}

const pushListener = "[push]\nlisten = \"127.0.0.1:0\"\n[token]\nstore = \"file:/var/lib/wxproxy\"\nencryption_key = \"Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njc=\"\n"

func TestAPlatformNeedsNoAccount(t *testing.T) {
	cfg := mustLoad(t, pushListener+platformTable("saas", "wxaaaaaaaaaaaaaaaa"))
	if len(cfg.Accounts) != 0 || len(cfg.Platforms) != 1 || len(cfg.Warnings()) != 0 {
		t.Fatalf("got %d accounts, %d platforms, warnings %q", len(cfg.Accounts), len(cfg.Platforms), cfg.Warnings())
	}
	p := cfg.Platforms[0]
	if p.Name != "saas" || p.AppID != "wxaaaaaaaaaaaaaaaa" || !p.PublishCheck || !p.Secret.Equal("component-"+canary) || !p.PushToken.Equal("saas-"+canary) || !p.PushAESKey.Equal(aesKey("S")) {
		t.Errorf("got %+v", p)
	}
	for _, want := range []string{"saas is wxaaaaaaaaaaaaaaaa, secret from the configuration; takes events at /push/saas, messages at /push/saas/$APPID$", "for /push/saas, /push/saas/$APPID$"} {
		if got := cfg.Describe(); !strings.Contains(got, want) || strings.Contains(got, canary) {
			t.Errorf("got %s; want in it %q", got, want)
		}
	}
}

// A platform is never the default, and does not keep an only account from being it.
func TestTheOnlyAccountBesideAPlatformIsTheDefault(t *testing.T) {
	if cfg := mustLoad(t, platformTable("saas", "wxaaaaaaaaaaaaaaaa")+good); !cfg.Accounts[0].Default {
		t.Error("got no default; want the only account")
	}
}

func TestWhatAPlatformLacksIsRemarkedOn(t *testing.T) {
	const store = "[token]\nstore = \"file:/var/lib/wxproxy\"\nencryption_key = \"Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njc=\"\n"
	saas := platformTable("saas", "wxaaaaaaaaaaaaaaaa")
	client := "[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\n"
	route := "[[route]]\npath = \"/wxa/x\"\ncredential = \"platform\"\n"
	forward := "[[forward]]\nurl = \"http://127.0.0.1:9000/x\"\n"
	for _, row := range []struct{ name, file, want string }{
		{"nothing", pushListener + saas, ""},
		{"no listener", store + saas, "push.listen: is not set, so that no ticket and no authorization reaches wxproxy"},
		{"a store in the clear", pushListener[:strings.Index(pushListener, "encryption_key")] + saas, "token.encryption_key: is not set"},
		{"events of messages' accounts", pushListener + saas + forward + "account = \"saas/*\"\nmatch = [\"info:authorized\"]\n", "forward[1].match[1]: matches nothing: a platform's events"},
		{"events of an account", pushListener + saas + forward + "account = \"wx0123456789abcdef\"\nmatch = [\"text\", \"info:*\"]\n", "forward[1].match[2]: matches nothing: a platform's events"},
		{"an event without info", pushListener + saas + forward + "account = \"saas\"\nmatch = [\"authorized\"]\n", `write it as "info:authorized"`},
		{"an event misspelt", pushListener + saas + forward + "match = [\"info:authorised\"]\n", `did you mean "info:authorized"?`},
		{"an original ID", pushListener + strings.Replace(saas, "wxaaaaaaaaaaaaaaaa", "gh_0123456789ab", 1), "platform[1].app_id: is an original ID"},
		{"an account's original ID", strings.Replace(good, "wx", "gh_", 1), "account[1].app_id: is an original ID"},
		{"a store that forgets", "[push]\nlisten = \"127.0.0.1:0\"\n" + saas, "token.store: forgets with the process"},
		{"an administrator of nothing", good + client + "platform_admin = true\n", "client[1].platform_admin: has no effect"},
		{"an administrator", pushListener + saas + client + "platform_admin = true\n", ""},
		{"paths of no platform", good + route, `route[1].credential: is as "deny"`},
		{"paths of a platform", pushListener + saas + route, ""},
		{"its events", pushListener + saas + forward + `match = ["info:authorized"]`, ""},
		{"forwards of a platform", pushListener + saas + forward + "account = \"saas\"\n" + strings.Replace(forward, "/x", "/y", 1) + "account = \"saas/*\"\n" + strings.Replace(forward, "/x", "/z", 1) + "account = \"wx0123456789abcdef\"\n", ""},
		{"a pattern as key", pushListener + strings.Replace(saas, aesKey("S"), strings.Repeat("A", 43), 1), "platform[1].push_aes_key: is a pattern"},
		{"an account without push_token", pushListener + saas + good, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			warnings := mustLoad(t, row.file).Warnings()
			if got := strings.Join(warnings, "\n"); len(warnings) > 1 || (row.want == "") != (got == "") || !strings.Contains(got, row.want) || strings.Contains(got, canary) {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

// A process goes on without the AppSecret of a platform, as without that of an account.
func TestAPlatformWhoseSecretIsAwayIsNoMistakeBesideOthers(t *testing.T) {
	away := strings.Replace(platformTable("saas", "wxaaaaaaaaaaaaaaaa"), "secret = \"component-"+canary+"\"", "secret_file = \"/nowhere/saas.txt\"", 1)
	if cfg, err := NewFiles().LoadToServe(write(t, "config.toml", pushListener+away+good), lookup()); err != nil || !strings.Contains(strings.Join(cfg.Warnings(), "\n"), "platform[1].secret_file: the file is not there") {
		t.Errorf("got %v; want a warning", err)
	}
	if _, err := NewFiles().LoadToServe(write(t, "config.toml", pushListener+away), lookup()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("alone: got %v; want a mistake", err)
	}
}

func TestThePlatformsSecretsCountForTheHash(t *testing.T) {
	with := func(secret string) string {
		c := mustLoad(t, strings.Replace(platformTable("saas", "wxaaaaaaaaaaaaaaaa"), "component-"+canary, secret, 1))
		return c.Hash(c)
	}
	if with(appSecretA) == with(appSecretB) {
		t.Error("got the same hash for another secret")
	}
}

// These words name of a platform where a forward's account can be named, and a client's: no
// other ones do.
func TestWhatOfAPlatformAForwardOrAClientIsFor(t *testing.T) {
	saas := pushListener + platformTable("saas", "wxaaaaaaaaaaaaaaaa")
	for word, isGood := range map[string]bool{
		"saas": true, "saas/*": true, "wx0123456789abcdef": true, "saas:wx0123456789abcdef": true,
		"saas/wx0123456789abcdef": false, "saas:*": false, "saas:": false, "saas/": false, "*": false, "mall/*": false, "mall:wx0123456789abcdef": false,
		"saas/*:wx0123456789abcdef": false, "wx0123456789abcdeg": false, "SAAS": false,
	} {
		for key, table := range map[string]string{
			"forward[1].account":    "[[forward]]\nurl = \"http://127.0.0.1:9000/x\"\naccount = %q\n",
			"client[1].accounts[1]": "[[client]]\nname = \"orders\"\nkey = \"orders-" + canary + "\"\naccounts = [%q]\n",
		} {
			_, err := Load(write(t, "config.toml", saas+fmt.Sprintf(table, word)), lookup())
			if (err == nil) != isGood || !isGood && !strings.Contains(err.Error(), key) {
				t.Errorf("%s = %q: got %v; want it taken: %t", key, word, err, isGood)
			}
		}
	}
}

package config

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// filledIn puts a hash in the place of that which an example does not have.
func filledIn(example string) string {
	sum := sha256.Sum256([]byte("a-key-that-no-example-has"))
	example = strings.NewReplacer(`"<Token>"`, `"QDG6eK"`, `"<EncodingAESKey>"`, `"`+aesKey("P")+`"`).Replace(example)
	return regexp.MustCompile(`(?m)^(key_sha256\s*=\s*)"<.*>"`).ReplaceAllString(example, fmt.Sprintf(`${1}"%x"`, sum))
}

// hashOf returns the hash of a key as `wxproxy key` prints it.
func hashOf(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

const publicly = "[proxy]\nlisten = \"0.0.0.0:8080\"\ntls_cert = \"\"\n"

// client returns a client with the settings.
func client(name, settings string) string {
	return "[[client]]\nname = \"" + name + "\"\n" + settings + "\n"
}

func TestHashesThatEverybodyKnowsAreMistakes(t *testing.T) {
	for _, row := range []struct{ name, key, want string }{
		{"nothing", "", "is the hash of nothing"},
		{"the word of the old example", "test", "is the hash of a word that is tried first"},
		{"another word", "secret", "is the hash of a word"},
		{"in capitals", "PASSWORD", "is the hash of a word"},
		{"with a capital", "Changeme", "is the hash of a word"},
		{"of `echo test | sha256sum`", "test\n", "is the hash of a word"},
		{"a row of digits", "123456", "is the hash of a word"},
		{"a word and digits", "admin123", "is the hash of a word"},
		{"a word twice", "testtest", "is the hash of a word"},
		{"the program's name", "wxproxy", "is the hash of a word"},
		{"a placeholder of an older example", "replace-me", "is the hash of a word"},
		{"words that are joined", "my_secret", "is the hash of a word"},
		{"words that are not joined", "hello world", "is the hash of a word"},
		{"its own name", "warehouse-7", "is the hash of the name of a client"},
		{"the account's name", "corner-shop", "is the hash of the name or AppID of an account"},
		{"the AppID", "wx00c0ffee00c0ffee", "is the hash of the name or AppID of an account"},
	} {
		t.Run(row.name, func(t *testing.T) {
			account := "[[account]]\nname = \"corner-shop\"\napp_id = \"wx00c0ffee00c0ffee\"\nsecret = \"" + canary + "\"\n"
			hash := hashOf(row.key)
			for _, hash := range []string{hash, strings.ToUpper(hash)} {
				path := write(t, "config.toml", client("warehouse-7", "key_sha256 = \""+hash+"\"")+account)
				_, err := Load(path, lookup())
				mustReport(t, err, path, []string{"client[1].key_sha256: " + row.want})
				if strings.Contains(err.Error(), hash) {
					t.Errorf("%v shows the hash", err)
				}
			}
		})
	}
}

// A hash that is known to others signs their virtual tokens, whatever its key is.
func TestHashesThatAreAPatternAreMistakes(t *testing.T) {
	for _, hash := range []string{
		strings.Repeat("0", 64), strings.Repeat("f", 64), strings.Repeat("ab", 32),
		strings.Repeat("0123456789abcdef", 4), strings.Repeat("deadbeef", 8),
	} {
		path := write(t, "config.toml", client("orders", "key_sha256 = \""+hash+"\"")+good)
		_, err := Load(path, lookup())
		mustReport(t, err, path, []string{"client[1].key_sha256: is a pattern and no hash of a key"})
	}
}

func TestPlaceholdersAreMistakes(t *testing.T) {
	for _, placeholder := range []string{
		"replace-me-with-the-output-of-wxproxy-key", "replace-me-with-the-AppSecret", "REPLACE_ME_1234567890", "changeme",
		"ChangeMe-0123456789abcdef", "please-change-this-1234", "your-client-key-goes-here", "YOUR_APPSECRET_0123456789",
		"xxxxxxxxxxxxxxxxxxxxxxxx", "XXXX", "...", "********************", "<AppSecret>", "<key>", "${ORDERS_KEY}",
		"$ORDERS_KEY", "{{.Values.orders.key}}", "$(ORDERS_KEY)", "put-your-key-here-0123", "a-placeholder-0123456789", "todo", "null",
	} {
		const is = ": is a placeholder, which everybody knows; put your own in its place"
		file := write(t, "secret", placeholder+"\n")
		for _, row := range []struct{ file, want string }{
			{client("orders", "key = \""+placeholder+"\"") + good, "client[1].key"},
			{client("orders", "key_env = \"KEY\"") + good, "client[1].key_env"},
			{client("orders", "key_file = \""+file+"\"") + good, "client[1].key_file"},
			{"[admin]\nkey = \"" + placeholder + "\"" + good, "admin.key"},
			{strings.Replace(good, canary, placeholder, 1), "account[1].secret"},
		} {
			path := write(t, "config.toml", row.file)
			_, err := Load(path, lookup("KEY", placeholder))
			mustReport(t, err, path, []string{row.want + is})
			if len(placeholder) > 5 && strings.Contains(err.Error(), placeholder) {
				t.Errorf("%v shows what stands there", err)
			}
		}
	}
}

func TestAPlaceholderInAStoreOrAnAppIDIsAMistake(t *testing.T) {
	for _, row := range []struct{ file, want string }{
		{"[token]\nstore = \"redis://wxproxy:replace-me-with-the-password@127.0.0.1:6379/0\"" + good, "token.store: is a placeholder"},
		{"[token]\nstore = \"redis://127.0.0.1:1?master_name=m&sentinel_password=changeme\"" + good, "token.store: is a placeholder"},
		{"[token]\nencryption_key = \"" + base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\"" + good, "token.encryption_key: is all zero and no key"},
		{"[token]\nencryption_key = \"your-32-bytes-of-base64\"" + good, "token.encryption_key: is a placeholder"},
		{strings.Replace(good, "wx0123456789abcdef", "wxXXXXXXXXXXXXXXXX", 1), "account[1].app_id: is a placeholder"},
		{strings.Replace(good, "wx0123456789abcdef", "your-app-id", 1), "account[1].app_id: is a placeholder"},
	} {
		path := write(t, "config.toml", row.file)
		_, err := Load(path, lookup())
		mustReport(t, err, path, []string{row.want})
	}
}

func TestEveryKeyIsItsOwn(t *testing.T) {
	const other = "other-5f4dcc3b5aa765d6"
	key32 := base64.StdEncoding.EncodeToString([]byte("other-5f4dcc3b5aa765d6-012345678"))
	for _, row := range []struct{ name, file, want string }{
		{"two clients", client("a", "key = \""+other+"\"") + client("b", "key = \""+other+"\""), "client[2].key: is taken by client[1] already"},
		{"a key and its hash", client("a", "key = \""+other+"\"") + client("b", "key_sha256 = \""+hashOf(other)+"\""), "client[2].key: is taken by client[1] already; each needs its own (client[2].key_sha256 gives it); `b`, line 6"},
		{"two hashes", client("a", "key_sha256 = \""+hashOf(other)+"\"") + client("b", "key_sha256 = \""+hashOf(other)+"\""), "client[2].key: is taken by client[1] already"},
		{"the admin's", "[admin]\nkey = \"" + other + "\"\n" + client("a", "key = \""+other+"\""), "client[1].key: is taken by admin.key already"},
		{"the hash of the admin's", "[admin]\nkey = \"" + other + "\"\n" + client("a", "key_sha256 = \""+hashOf(other)+"\""), "client[1].key: is taken by admin.key already"},
		{"an AppSecret", client("a", "key = \""+canary+"\""), "client[1].key: is taken by account[1].secret already"},
		{"the hash of an AppSecret", client("a", "key_sha256 = \""+hashOf(canary)+"\""), "client[1].key: is taken by account[1].secret already"},
		{"the admin's and an AppSecret", "[admin]\nkey = \"" + canary + "\"\n", "admin.key: is taken by account[1].secret already"},
		{"the encryption key", "[token]\nencryption_key = \"" + key32 + "\"\n" + client("a", "key = \""+key32+"\""), "client[1].key: is taken by token.encryption_key already"},
		{"the password of Redis", "[token]\nstore = \"redis://:" + other + "@127.0.0.1\"\n" + client("a", "key = \""+other+"\""), "client[1].key: is taken by token.store already"},
		{"the key before", client("a", "key = \""+other+"\"\nkey_old = \""+canary+"\""), "client[1].key_old: is taken by account[1].secret already"},
		{"another's key before", client("a", "key = \"fresh-"+other+"\"\nkey_old = \""+other+"\"") + client("b", "key_sha256 = \""+hashOf(other)+"\""), "client[1].key_old: is taken by client[2] already; each needs its own; `a`, line 4"},
		{"its own key", client("a", "key = \""+other+"\"\nkey_old_sha256 = \""+hashOf(other)+"\""), "client[1].key_old: is the same as key; write the key that there was before, or take it away (client[1].key_old_sha256 gives it); `a`, line 4"},
		{"the admin's own key", "[admin]\nkey = \"" + other + "\"\nkey_old = \"" + other + "\"\n", "admin.key_old: is the same as key; write the key that there was before, or take it away; line 3"},
		{"from the environment", client("a", "key = \""+other+"\"") + client("b", "key_env = \"KEY\""), "client[2].key: is taken by client[1] already"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := write(t, "config.toml", row.file+good)
			_, err := Load(path, lookup("KEY", other))
			want := row.want
			if strings.HasSuffix(want, "already") {
				want += "; each needs its own"
			}
			mustReport(t, err, path, []string{want})
			if strings.Contains(err.Error(), other) || strings.Contains(err.Error(), hashOf(other)) || strings.Contains(err.Error(), key32) {
				t.Errorf("%v shows a key", err)
			}
		})
	}
}

func TestAKeyThatIsTakenIsNamedAsTheFileGivesIt(t *testing.T) {
	const other = "other-5f4dcc3b5aa765d6"
	for _, row := range []struct{ name, file, want string }{
		{"the hash of an AppSecret", client("a", "key_sha256 = \""+hashOf(canary)+"\""), "each needs its own (client[1].key_sha256 gives it)"},
		{"a hash of the key before", client("a", "key = \""+other+"\"\nkey_old_sha256 = \""+hashOf(canary)+"\""), "each needs its own (client[1].key_old_sha256 gives it)"},
		{"from the environment", client("a", "key = \""+other+"\"") + client("b", "key_env = \"KEY\""), "each needs its own (client[2].key_env gives it)"},
		{"the operators'", "[admin]\nkey_env = \"KEY\"\n" + client("a", "key = \""+other+"\""), "client[1].key: is taken by admin.key already; each needs its own; `a`, line 5\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Load(write(t, "config.toml", row.file+good), lookup("KEY", other))
			if err == nil || !strings.Contains(err.Error()+"\n", row.want) {
				t.Errorf("got %v; want %q", err, row.want)
			}
		})
	}
}

func TestAKeyThatCouldBeGuessedIsGoodOnLoopbackAlone(t *testing.T) {
	const beyond = ", which is needed because "
	for _, row := range []struct{ name, key, want string }{
		{"15 characters", "a7Q-x93kd0-fJ2l", "is shorter than 16 characters and could be guessed"},
		{"one character", "q", "is shorter than 16 characters and could be guessed"},
		{"a common word", "test", "is shorter than 16 characters and could be guessed"},
		{"a long common one", "0123456789abcdef", "is a word that is tried first and could be guessed"},
		{"its AppID", "wx0123456789abcdef", "is the name or AppID of an account and could be guessed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, place := range []struct{ file, listen, setting string }{
				{client("orders", "key = \""+row.key+"\"") + good, "proxy.listen", "client[1].key"},
				{"[admin]\nkey = \"" + row.key + "\"" + good, "admin.listen", "admin.key"},
			} {
				variable := map[string]string{"proxy.listen": "WXPROXY_LISTEN", "admin.listen": "WXPROXY_ADMIN_LISTEN"}[place.listen]
				for _, loopback := range []string{"127.0.0.1:0", "[::1]:9", "localhost:9", "unix:/run/wxproxy.sock"} {
					cfg := mustLoad(t, place.file, variable, loopback)
					if len(cfg.Warnings()) != 1 || !strings.Contains(cfg.Warnings()[0], place.setting+": "+row.want) || cfg.WeakKeys[place.listen] != place.setting {
						t.Errorf("%s: got %q, %q; want %s, and a remark", loopback, cfg.Warnings(), cfg.WeakKeys, place.setting)
					}
				}
				for _, public := range []string{":9", "0.0.0.0:9", "192.0.2.1:9", "[::]:9", "wxproxy.example:9"} {
					path := write(t, "config.toml", place.file)
					_, err := Load(path, lookup(variable, public))
					if err == nil || !strings.Contains(err.Error(), place.setting+": "+row.want) || !strings.Contains(err.Error(), beyond+place.listen) {
						t.Errorf("%s: got %v; want a mistake in %s", public, err, place.setting)
					}
				}
			}
		})
	}
	enough := client("orders", "key = \"a7Q-x93kd0-fJ2lo\"")
	if _, err := Load(write(t, "config.toml", publicly+enough+good), lookup()); err != nil {
		t.Errorf("got %v; want that 16 characters are enough", err)
	}
}

// What stands in the files that users copy must not open anything.
func TestNoExampleHasAKeyThatLoads(t *testing.T) {
	for _, pattern := range []string{"../README*.md", "../docs/*.md", "../config*.toml", "../deploy/*/*", "../deploy/*/*/*", "../deploy/*/*/*/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: got %q, %v", pattern, paths, err)
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			example := regexp.MustCompile(`(?m)^[#\s]*(?:(?:[a-z]+-)?key|key_sha256)\s*[=:]\s*"?([^"#\s][^"#\n]*)`)
			for _, found := range example.FindAllStringSubmatch(string(data), -1) {
				value := strings.TrimSpace(found[1])
				file := write(t, "config.toml", client("a", fmt.Sprintf("key = %q", value))+good)
				if strings.Contains(found[0], "sha256") {
					file = write(t, "config.toml", client("a", fmt.Sprintf("key_sha256 = %q", value))+good)
				}
				if cfg, err := Load(file, lookup()); err == nil {
					t.Errorf("%s: %q loads, with %q; want that whoever copies it is told", path, found[0], cfg.Warnings())
				}
			}
		}
	}
}

// docs/deployment.md tells how to get from a key that is refused to a good one.
func TestAShortKeyIsGoodByItsHashWhileItIsChanged(t *testing.T) {
	const short = "a7Q-x93kd0"
	open := func(old string) string {
		return "[proxy]\nlisten = \":8080\"\n" + client("a", "key = \"fresh-5f4dcc3b5aa765d6-01\"\n"+old) + good
	}
	if _, err := Load(write(t, "config.toml", open("key_old = \""+short+"\"")), lookup()); err == nil || !strings.Contains(err.Error(), "client[1].key_old: is shorter than 16") {
		t.Errorf("got %v; want the short key refused", err)
	}
	if _, err := Load(write(t, "config.toml", open("key_old_sha256 = \""+hashOf(short)+"\"")), lookup()); err != nil {
		t.Errorf("got %v; want its hash good", err)
	}
	if _, err := Load(write(t, "config.toml", open("key_old_sha256 = \""+hashOf(canary)+"\"")), lookup()); err == nil || !strings.Contains(err.Error(), "is taken by account[1].secret") {
		t.Errorf("got %v; want the AppSecret refused by its hash", err)
	}
}

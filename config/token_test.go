package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	"wxproxy/internal/secret"
)

// key32 is an encryption key, in base64.
var key32 = base64.StdEncoding.EncodeToString([]byte("canary-5f4dcc3b5aa765d6-01234567"))

func TestWhereAnEncryptionKeyComesFrom(t *testing.T) {
	file := write(t, "key", key32+"\n")
	for _, row := range []struct{ name, setting string }{
		{"the configuration", `encryption_key = "` + key32 + `"`},
		{"a variable", `encryption_key_env = "KEY_OF_TOKENS"`},
		{"a file", fmt.Sprintf("encryption_key_file = %q", file)},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := mustLoad(t, "[token]\nstore = \"file:tokens\"\n"+row.setting+good, "KEY_OF_TOKENS", key32)
			if got := cfg.Token.EncryptionKey; !got.Equal("canary-5f4dcc3b5aa765d6-01234567") || len(cfg.Warnings()) > 0 {
				t.Errorf("got a key of %d bytes, %v; want the 32 bytes", len(got.Reveal()), cfg.Warnings())
			}
			if got := cfg.Describe(); !strings.Contains(got, "in the folder tokens, encrypted, renewed") || strings.Contains(got, canary) || strings.Contains(got, key32) {
				t.Errorf("got %s; want it to say that tokens are encrypted", got)
			}
		})
	}
	if cfg := mustLoad(t, good); !cfg.Token.EncryptionKey.Empty() {
		t.Error("got a key; want none")
	}
}

func TestEncryptionKeysThatAreNone(t *testing.T) {
	const want = "token.encryption_key_env: "
	for _, row := range []struct{ name, key, want string }{
		{"too short", base64.StdEncoding.EncodeToString([]byte(canary)), "is not 32 bytes in base64"},
		{"too long", base64.StdEncoding.EncodeToString([]byte(canary + canary)), "is not 32 bytes in base64"},
		{"in hexadecimal", fmt.Sprintf("%x", canary+"-01234567"), "is not 32 bytes in base64"},
		{"without padding", strings.TrimRight(key32, "="), "is not 32 bytes in base64"},
		{"in two lines", key32[:20] + "\n" + key32[20:], "the secret has white space"},
		{"empty", "", "the secret is empty"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := write(t, "config.toml", "[token]\nencryption_key_env = \"KEY_OF_TOKENS\""+good)
			_, err := Load(path, lookup("KEY_OF_TOKENS", row.key))
			mustReport(t, err, path, []string{want + row.want})
			if row.key != "" && strings.Contains(err.Error(), row.key) {
				t.Errorf("%v shows the key", err)
			}
		})
	}
}

func TestStoresAreDescribedWithoutTheirPassword(t *testing.T) {
	for _, row := range []struct{ name, store, want string }{
		{"memory", "memory:", "kept in memory, renewed"},
		{"a folder", "file:/var/lib/wxproxy", "kept in memory and in the folder /var/lib/wxproxy, encrypted, renewed"},
		{"Redis", "redis://wx:" + canary + "@redis:6379/1", "kept in memory and, for all replicas, in redis://redis:6379/1, encrypted, renewed"},
		{"Redis of a password", "redis://:" + canary + "@[::1]", "in redis://[::1], encrypted, renewed"},
		{"Redis with TLS", "rediss://wx:" + canary + "@redis?skip_verify=true", "in rediss://redis, encrypted, renewed"},
		{"Sentinels", "redis://:" + canary + "@a:1?addr=b:2&master_name=m&sentinel_password=" + canary, "in redis://a:1, encrypted, renewed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for from, cfg := range map[string]*Config{
				"the file":        mustLoad(t, fmt.Sprintf("[token]\nencryption_key = %q\nstore = %q", key32, row.store)+good),
				"the environment": mustLoad(t, fmt.Sprintf("[token]\nencryption_key = %q", key32)+good, "WXPROXY_STORE", row.store),
			} {
				got := cfg.Describe()
				if !strings.Contains(got, row.want) || strings.Contains(got, canary) {
					t.Errorf("%s: got %s; want %s", from, got, row.want)
				}
				if printed := fmt.Sprintf("%v %+v %#v", cfg, cfg.Token, cfg.Token); strings.Contains(printed, canary) {
					t.Errorf("%s: got %s; want no password", from, printed)
				}
			}
		})
	}
}

func TestAStoreThatIsWrongIsSaidWhereItWasWritten(t *testing.T) {
	path := write(t, "config.toml", good)
	_, err := Load(path, lookup("WXPROXY_STORE", "redis://"+canary+"@redis"))
	mustReport(t, err, "environment", []string{"WXPROXY_STORE: has a user without a password"})
}

// A password in store counts as a secret of the file, and the key's file is one.
func TestPasswordsThatEveryoneCanReadGiveAWarning(t *testing.T) {
	key := write(t, "key", key32)
	path := write(t, "config.toml", fmt.Sprintf("[token]\nstore = \"redis://:%s@redis\"\nencryption_key_file = %q\n", canary, key)+good)
	for _, name := range []string{key, path} {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Load(path, lookup())
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(cfg.Warnings(), "\n")
	if len(cfg.Warnings()) != 2 || !strings.Contains(got, path+": every user") || !strings.Contains(got, "token.encryption_key_file: every user") {
		t.Errorf("got %s; want a warning about each file", got)
	}
}

func TestTheKeyBeforeComesFromWhereAKeyDoes(t *testing.T) {
	old := base64.StdEncoding.EncodeToString([]byte("canary-5f4dcc3b5aa765d6-old-key-"))
	file := write(t, "old", old+"\n")
	for _, setting := range []string{"encryption_key_old = \"" + old + `"`, `encryption_key_old_env = "OLD_KEY"`, fmt.Sprintf("encryption_key_old_file = %q", file)} {
		cfg := mustLoad(t, fmt.Sprintf("[token]\nstore = \"file:tokens\"\nencryption_key = %q\n%s", key32, setting)+good, "OLD_KEY", old)
		if !cfg.Token.EncryptionKeyOld.Equal("canary-5f4dcc3b5aa765d6-old-key-") {
			t.Errorf("%s: got %d bytes; want the key", setting, len(cfg.Token.EncryptionKeyOld.Reveal()))
		}
	}
}

func TestAStoreComesFromAFile(t *testing.T) {
	file := write(t, "store", "rediss://wxproxy:"+canary+"@redis.internal:6380/2\r\n\n")
	cfg := mustLoad(t, fmt.Sprintf("[token]\nstore_file = %q", file)+good)
	if got := cfg.Token.StoreAddress(); got != "rediss://redis.internal:6380/2" || !strings.HasSuffix(cfg.Token.Store.Reveal(), "/2") {
		t.Errorf("got %s; want the store of the file, without white space at its end", got)
	}
	if cfg = mustLoad(t, fmt.Sprintf("[token]\nstore_file = %q", file)+good, "WXPROXY_STORE", "file:tokens"); cfg.Token.StoreAddress() != "file:tokens" {
		t.Errorf("got %s; want the variable to come first", cfg.Token.StoreAddress())
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if cfg = mustLoad(t, fmt.Sprintf("[token]\nstore_file = %q", file)+good); len(cfg.Warnings()) != 1 || !strings.Contains(cfg.Warnings()[0], "token.store_file: every user") {
		t.Errorf("got %v; want a warning that everybody can read it", cfg.Warnings())
	}
}

func TestOnlyThePlaceOfAStoreIsFixed(t *testing.T) {
	const at = "redis://u:p@redis:6379/1?addr=b:6379&addr=c:6379&master_name=m"
	for store, fixed := range map[string]bool{
		"redis://v:q@redis:6379/1?addr=b:6379&addr=c:6379&master_name=m&sentinel_password=s": false,
		"redis://redis:6379/1/?master_name=m&addr=b:6379&addr=c:6379":                        false,
		"redis://u:p@redis:6379/2?addr=b:6379&addr=c:6379&master_name=m":                     true,
		"redis://u:p@other:6379/1?addr=b:6379&addr=c:6379&master_name=m":                     true,
		"redis://u:p@redis:6379/1?addr=b:6379&master_name=m":                                 true,
		"rediss://u:p@redis:6379/1?addr=b:6379&addr=c:6379&master_name=m":                    true,
		"memory:": true,
	} {
		before, after := Default(), Default()
		before.Token.Store, after.Token.Store = secret.New(at), secret.New(store)
		if got := len(before.AtNextStart(&after)) > 0; got != fixed {
			t.Errorf("%s: got %v; want %v", store, got, fixed)
		}
	}
}

package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	appSecretA = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b01"
	appSecretB = "5ec2e7a11ce0b0b5ec2e7a11ce0b0b02"
)

// compared reads a configuration of an account, a client and more.
func compared(t *testing.T, toml string, env ...string) *Config {
	t.Helper()
	if !slices.Contains(env, "SHOP") {
		env = append([]string{"SHOP", appSecretA}, env...)
	}
	return mustLoad(t, toml, env...)
}

const comparedBase = `[[account]]
name = "shop"
app_id = "wx1"
secret_env = "SHOP"
[[client]]
name = "orders"
key = "the-key-of-orders-0123456789"
`

func TestChangesAreToldByName(t *testing.T) {
	base := compared(t, comparedBase)
	for name, row := range map[string]struct {
		toml string
		env  []string
		want Changes
	}{
		"nothing":               {comparedBase, nil, Changes{}},
		"what is as by default": {"[proxy]\nmax_body = \"24MiB\"\n" + comparedBase, nil, Changes{}},
		"settings": {"[proxy]\nmax_body = \"1MiB\"\nidle_timeout = \"5s\"\nhosts = [\"x\"]\n[admin]\nkey = \"canary-key-5f4dcc3b5aa765d6\"\n[log]\naccess = true\n" + comparedBase, nil,
			Changes{Changed: []string{"proxy.hosts", "admin.key", "log.access"}}},
		"another secret": {comparedBase, []string{"SHOP", appSecretB}, Changes{Changed: []string{"account shop (secret)"}}},
		"the same secret elsewhere": {strings.Replace(comparedBase, `secret_env = "SHOP"`, `secret = "`+appSecretA+`"`, 1), nil,
			Changes{Changed: []string{"account shop (secret)"}}},
		"a client's keys and limits": {strings.Replace(comparedBase, "the-key-of", "another-key-of", 1) + "key_old = \"the-key-of-orders-0123456789\"\nrate = \"1/s\"\nallow = [\"/cgi-bin/*\"]\n", nil,
			Changes{Changed: []string{"client orders (key, key_old, allow, rate)"}}},
		"pushes": {comparedBase + "[push]\nlisten = \"127.0.0.1:9\"\ninbox_max = \"1MiB\"\n[[forward]]\nurl = \"http://127.0.0.1:1/a?key=canary\"\nname = \"crm\"\n[[forward]]\nurl = \"http://127.0.0.1:1/b?key=canary\"\naccount = \"shop\"\n", nil,
			Changes{Changed: []string{"push.inbox_max"}, Added: []string{"forward crm", "forward http://127.0.0.1:1/b"}}},
		"push keys": {strings.Replace(comparedBase, "[[client]]", "push_token = \"canary-token\"\npush_aes_key = \""+aesKey("A")+"\"\n[[client]]", 1), nil,
			Changes{Changed: []string{"account shop (push_token, push_aes_key)"}}},
		"entries more and less": {strings.Replace(comparedBase, `"orders"`, `"crm"`, 1) + "[[route]]\npath = \"/wxa/x\"\ncredential = \"deny\"\n", nil,
			Changes{Added: []string{"client crm", "route /wxa/x"}, Removed: []string{"client orders"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := base.ChangesTo(compared(t, row.toml, row.env...))
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v; want %+v", got, row.want)
			}
			if text := fmt.Sprint(got); strings.Contains(text, "canary") || strings.Contains(text, "5ec2e7") {
				t.Errorf("got a value in %s", text)
			}
		})
	}
}

// Every table that repeats is compared, whatever there will be.
func TestEveryEntryIsCompared(t *testing.T) {
	c := compared(t, comparedBase+"[[route]]\npath = \"/wxa/x\"\ncredential = \"deny\"\n"+platformTable("saas", "wxaaaaaaaaaaaaaaaa"))
	all := c.entries()
	for _, name := range []string{"account shop", "client orders", "route /wxa/x", "platform saas"} {
		if _, ok := all[name]; !ok || len(all) != 4 {
			t.Errorf("got %v; want %s in it", all, name)
		}
	}
}

func TestTheHashIsThatOfWhatIsInForce(t *testing.T) {
	base := compared(t, comparedBase)
	hash := base.Hash(base)
	if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(hash) {
		t.Fatalf("got %q; want 12 digits", hash)
	}
	secretFile := write(t, "shop", appSecretA+"\n")
	for name, row := range map[string]struct {
		toml string
		env  []string
		same bool
	}{
		"the same":                    {comparedBase, nil, true},
		"the secret from a file":      {strings.Replace(comparedBase, `secret_env = "SHOP"`, fmt.Sprintf("secret_file = %q", secretFile), 1), nil, true},
		"the key by its hash":         {strings.Replace(comparedBase, `key = "the-key-of-orders-0123456789"`, `key_env = "ORDERS"`, 1), []string{"ORDERS", "the-key-of-orders-0123456789"}, true},
		"another address":             {"[proxy]\nlisten = \"127.0.0.1:9999\"\n[admin]\nlisten = \"127.0.0.1:9998\"\n" + comparedBase, nil, true},
		"what is as by default":       {"[proxy]\nmax_body = \"24MiB\"\n[log]\nlevel = \"info\"\n" + comparedBase, nil, true},
		"entries in another order":    {comparedBase[strings.Index(comparedBase, "[[client]]"):] + comparedBase[:strings.Index(comparedBase, "[[client]]")], nil, true},
		"a setting at the next start": {"[proxy]\nmax_body = \"1MiB\"\n" + comparedBase, nil, true},
		"a setting":                   {"[log]\naccess = true\n" + comparedBase, nil, false},
		"another secret":              {comparedBase, []string{"SHOP", appSecretB}, false},
		"another key of a client":     {strings.Replace(comparedBase, "the-key-of", "another-key-of", 1), nil, false},
		"a key of operators":          {"[admin]\nkey = \"the-key-of-operators-01234\"\n" + comparedBase, nil, false},
		"a limit of a client":         {comparedBase + "max_in_flight = 7\n", nil, false},
		"an account more":             {comparedBase + "[[account]]\nname = \"club\"\napp_id = \"wx2\"\nsecret_env = \"SHOP\"\n", nil, false},
		"another name of an account":  {strings.Replace(comparedBase, `"shop"`, `"mall"`, 1), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			next := compared(t, row.toml, row.env...)
			if got := next.Hash(base); (got == hash) != row.same {
				t.Errorf("got %s, and of the first one %s; want the same: %t", got, hash, row.same)
			}
		})
	}
	late := compared(t, "[proxy]\nmax_body = \"1MiB\"\n"+comparedBase)
	if late.Hash(late) == hash {
		t.Error("got the same hash; want another one once the process has started with the setting")
	}
}

// Nobody can try passwords and keys by the hash, unless he knows all AppSecrets.
func TestTheHashGivesNoSecretAway(t *testing.T) {
	hash := func(toml string, env ...string) string {
		c := compared(t, toml, env...)
		return c.Hash(c)
	}
	redis := func(password string) string {
		return hash("[token]\nstore = \"redis://user:" + password + "@redis:6379/0\"\n" + comparedBase)
	}
	if redis("letmein-one") != redis("letmein-two") {
		t.Error("got another hash for another password; want none that people choose in it")
	}
	if redis("x") == hash(comparedBase) {
		t.Error("got the same hash for another store")
	}
	weak := func(key string) string {
		return hash(strings.Replace(comparedBase, "the-key-of-orders-0123456789", key, 1), "SHOP", "a-secret-that-nobody-made")
	}
	if weak("one-key-of-orders-0123456") != weak("two-key-of-orders-0123456") {
		t.Error("got another hash for another key; want no secret in it without an AppSecret that looks random")
	}
}

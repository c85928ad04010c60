package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/seal"
)

const component = "wxc0c0c0c0c0c0c0c0"

func TestALineHasAnAppIDAndARefreshToken(t *testing.T) {
	for _, row := range []struct{ name, text, want, mistake string }{
		{"a line", "wx1,refreshtoken@@@a", "1 wx1 refreshtoken@@@a; ", ""},
		{"the end of another system's lines", "wx1,refreshtoken@@@a\r\nwx2,refreshtoken@@@b\r\n", "1 wx1 refreshtoken@@@a; 2 wx2 refreshtoken@@@b; ", ""},
		{"a mark, names of columns, empty lines and remarks", "\ufeffauthorizer_appid,refresh_token\n\n# wx3,c\nwx1,refreshtoken@@@a\n \n", "4 wx1 refreshtoken@@@a; ", ""},
		{"names of columns further below", "wx1,refreshtoken@@@a\nauthorizer_appid,refresh_token", "", "line 2: the first column is no app_id"},
		{"nothing", "\n\n", "", "there is no line in it"},
		{"no comma", "wx1 canary", "", "line 1: there is no comma"},
		{"two commas", "wx1,canary,7200", "", "line 1: there is more than one comma"},
		{"quotation marks", `"wx1","canary"`, "", "line 1: write it without quotation marks"},
		{"other columns", "refreshtoken@@@canary,wx1111111111111111", "", "line 1: the columns are the other way round"},
		{"another word", "shop,canary", "", "line 1: the first column is no app_id"},
		{"an app_id that leads elsewhere", "wx/../1,canary", "", "line 1: the first column is no app_id"},
		{"a long app_id", "wx" + strings.Repeat("1", 63) + ",canary", "", "line 1: the first column is no app_id"},
		{"the platform's own", component + ",canary", "", "line 1: this is the platform's own app_id"},
		{"one that is there twice", "wx1,refreshtoken@@@a\nwx2,b\nwx1,canary", "", "line 3: line 1 has this app_id, too"},
		{"no token", "wx1,", "", "line 1: there is no refresh token behind the comma"},
		{"a space", "wx1, canarycanarycanary", "", "line 1: what is written for wx1 is no refresh token"},
		{"other than ASCII", "wx1,canarycanarycanary。", "", "line 1: what is written for wx1 is no refresh token"},
		{"a long token", "wx1," + strings.Repeat("canary", 200), "", "line 1: what is written for wx1 is no refresh token"},
		{"a long line", "wx1,refreshtoken@@@a\nwx2," + strings.Repeat("canary", 1000), "", "line 2: it has more than 4096 bytes"},
		{"a placeholder", "wx1," + placeholder, "", "line 1: this is the placeholder"},
		{"one that is encrypted, without a key", "wx1,sealed:canary", "", "line 1: the refresh token is encrypted, and token.encryption_key is not set"},
		{"bytes that are no text", "wx1,canarycanarycanary\xff\xfe", "", "line 1: what is written for wx1 is no refresh token"},
		{"bytes that are no text in the first column", "wx\xff1,canary", "", "line 1: the first column is no app_id"},
		{"two bytes for each character", "\xff\xfew\x00x\x001\x00,\x00c\x00\n\x00", "", "line 1: the first column is no app_id"},
		{"a mark further below", "wx1,refreshtoken@@@a\n\ufeffwx2,canary", "", "line 2: the first column is no app_id"},
		{"the ends of lines of an old system", "wx1,canary\rwx2,canary", "", "line 1: there is more than one comma"},
		{"semicolons", "wx1;canary", "", "line 1: there is no comma"},
		{"names of columns alone", "authorizer_appid,refresh_token\n", "", "there is no line in it"},
		{"an empty file", "", "", "there is no line in it"},
		{"an original ID", "gh_0123456789ab,canary", "", "line 1: the first column is no app_id"},
		{"an app_id with a space before it", " wx1,canary", "", "line 1: the first column is no app_id"},
		{"a comma in the token", "wx1,refreshtoken@@@can,ary", "", "line 1: there is more than one comma"},
		{"a quotation mark in the token", `wx1,refreshtoken@@@"canary`, "", "line 1: write it without quotation marks"},
		{"all mistakes", "canary\nwx1,refreshtoken@@@a\nwx1,canary", "", "line 3: line 2 has"},
		{"NULL of a database", "wx1,NULL", "", "line 1: the database has no refresh token for wx1"},
		{"null of a database", "wx1,null", "", "line 1: the database has no refresh token for wx1"},
		{"N of a database", "wx1,\\N", "", "line 1: the database has no refresh token for wx1"},
		{"None of a database", "wx1,None", "", "line 1: the database has no refresh token for wx1"},
		{"a short word", "wx1,canary", "", "line 1: what is written for wx1 is no refresh token: it has fewer than 16 characters"},
	} {
		t.Run(row.name, func(t *testing.T) {
			lines, mistakes := readGrants(strings.NewReader(row.text), component, nil)
			got, said := "", fmt.Sprint(mistakes)
			for _, line := range lines {
				got += fmt.Sprint(line.number, " ", line.appID, " ", line.refresh.Reveal(), "; ")
			}
			switch {
			case row.mistake == "" && (got != row.want || len(mistakes) > 0):
				t.Errorf("got %s and %s; want %s", got, said, row.want)
			case !strings.Contains(said, row.mistake) || strings.Contains(said, "canary"):
				t.Errorf("got %s; want %s", said, row.mistake)
			}
		})
	}
}

func TestAFileOfAnotherKindIsNotReadToItsEnd(t *testing.T) {
	_, mistakes := readGrants(strings.NewReader(strings.Repeat("x\n", 10*maxGrantMistakes)), component, nil)
	if len(mistakes) != maxGrantMistakes {
		t.Errorf("got %d mistakes; want %d", len(mistakes), maxGrantMistakes)
	}
}

func FuzzGrants(f *testing.F) {
	sealer, err := seal.New(secret.New(strings.Repeat("k", 32)), secret.Secret{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("wx1,refreshtoken@@@a\n")
	f.Add("\ufeffauthorizer_appid,refresh_token\r\nwx1,a\r\n\r\n# wx2\nwx1,b")
	f.Add("wx1,sealed:" + sealer.Seal(grantName(component, "wx1"), secret.New("refreshtoken@@@a")))
	f.Add("wx1,\"a\"\n,wx1\nwx1,a,b\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		lines, mistakes := readGrants(strings.NewReader(text), component, sealer)
		if len(lines) == 0 && len(mistakes) == 0 {
			t.Error("got neither lines nor mistakes")
		}
		seen := map[string]bool{}
		for _, line := range lines {
			value := line.refresh.Reveal()
			if seen[line.appID] || !isAppIDOf(line.appID) || value == "" || strings.ContainsFunc(value, notOfToken) || line.number < 1 {
				t.Errorf("got %d %q %q", line.number, line.appID, value)
			}
			seen[line.appID] = true
		}
		if len(mistakes) > 0 {
			return
		}
		var again strings.Builder
		for _, line := range lines {
			fmt.Fprintf(&again, "%s,%s\n", line.appID, line.refresh.Reveal())
		}
		copied, mistakes := readGrants(strings.NewReader(again.String()), component, sealer)
		if len(mistakes) > 0 || len(copied) != len(lines) {
			t.Errorf("got %d of %d lines back, %v", len(copied), len(lines), mistakes)
		}
	})
}

func TestWhatTheStoreKnowsIsNotOverwritten(t *testing.T) {
	stored := token.Granted{Refresh: secret.New("second"), RefreshBefore: secret.New("first"), AuthorizedAt: time.Unix(1_800_000_000, 0)}
	ended, lost, told, acted := stored, stored, waits(false), waits(true)
	ended.State, lost.State = token.Unauthorized, token.NeedsAuthorization
	for _, row := range []struct {
		name    string
		stored  token.Granted
		refresh string
		replace bool
		want    imported
	}{
		{"nothing", token.Granted{}, "first", false, isNew},
		{"the same", stored, "second", false, wasThere},
		{"the same, to replace", stored, "second", true, wasThere},
		{"the one before", stored, "first", false, isOlder},
		{"the one before, to replace", stored, "first", true, isNew},
		{"another one", stored, "third", false, isRefused},
		{"another one, to replace", stored, "third", true, isNew},
		{"one of an account that ended", ended, "second", false, isRefused},
		{"one of an account that ended, to replace", ended, "second", true, isNew},
		{"one of an account that lost it", lost, "third", false, isNew},
		{"one of an account that lost this one", lost, "second", false, isNew},
		{"one of an account whose event waits", told, "first", false, isRefused},
		{"one of an account whose event was acted upon a moment ago", acted, "first", false, isNew},
		{"an account that is known without a refresh token", token.Granted{AuthorizedAt: time.Unix(1, 0)}, "first", false, isNew},
	} {
		r := token.Record{Durable: token.Durable{Granted: row.stored}}
		if got, why := judge(&r, grantLine{appID: "wx1", refresh: secret.New(row.refresh)}, row.replace); got != row.want || strings.Contains(why, "wx1") != (got == isRefused) {
			t.Errorf("%s: got %d, %q; want %d", row.name, got, why, row.want)
		}
	}
}

// waits is an account of which an event was kept, and acted upon or not.
func waits(acted bool) token.Granted {
	text := `{"k":[{"h":"x","t":"` + time.Now().UTC().Format(time.RFC3339) + `"}],"w":[{"h":"x","i":"authorized","a":"code","d":` + strconv.FormatBool(acted) + `}]}`
	return token.Granted{Events: secret.New(base64.RawStdEncoding.EncodeToString([]byte(text)))}
}

// encryption is a token.encryption_key.
const encryption = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// configured writes a configuration with a platform and returns its path and that of its store.
func configured(t *testing.T, key string) (config, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "tokens")
	config = filepath.Join(t.TempDir(), "config.toml")
	text := fmt.Sprintf(`[push]
listen = "127.0.0.1:0"
[token]
store = %q
encryption_key = %q
[[platform]]
name = "saas"
app_id = %q
secret = "canary-component-secret"
push_token = "token"
push_aes_key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
`, "file:"+dir, key, component)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, dir
}

// run runs a command line, and fails the test if what it prints has a secret.
func run(t *testing.T, args ...string) (code int, printed string) {
	t.Helper()
	var out bytes.Buffer
	code = Run(args, &out, &out)
	if strings.Contains(out.String(), "canary") {
		t.Errorf("%v prints a secret: %s", args, out.String())
	}
	return code, out.String()
}

func fileWith(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "grants.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t *testing.T, dir, key string) token.PlatformStore {
	t.Helper()
	sealer, err := seal.New(secret.New(key), secret.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.NewFile(dir, sealer, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRefreshTokensAreImported(t *testing.T) {
	config, dir := configured(t, "")
	file := fileWith(t, "wx1111111111111111,refreshtoken@@@canary1\nwx2222222222222222,refreshtoken@@@canary2\n")
	code, printed := run(t, "platform", "import", "-config", config, file)
	if code != 0 || !strings.Contains(printed, "2 imported, 0 there already") || !strings.Contains(printed, "/platforms/saas/recover") {
		t.Fatalf("got %d %s; want two imported", code, printed)
	}
	s := opened(t, dir, "")
	key := token.Key{Platform: component, AppID: "wx1111111111111111"}
	if r, err := s.Load(key); err != nil || !r.Refresh.Equal("refreshtoken@@@canary1") || r.State != token.Authorized {
		t.Errorf("got %v; want its refresh token stored", err)
	}
	if code, printed = run(t, "platform", "-config", config, "import", file, "-platform", "saas"); code != 0 || !strings.Contains(printed, "0 imported, 2 there already") {
		t.Errorf("again: got %d %s; want nothing changed", code, printed)
	}
	if _, err := s.Amend(key, func(r *token.Record) bool {
		r.Refresh, r.RefreshBefore = secret.New("refreshtoken@@@canary3"), r.Refresh
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if code, printed = run(t, "platform", "import", "-config", config, file); code != 0 || !strings.Contains(printed, "1 there already, 1 older") {
		t.Errorf("after a refresh: got %d %s; want that it is older", code, printed)
	}
	other := fileWith(t, "wx1111111111111111,refreshtoken@@@canary4\n")
	if code, printed = run(t, "platform", "import", "-config", config, other); code != 1 || !strings.Contains(printed, "grants.csv: line 1: the store has another refresh token") {
		t.Errorf("got %d %s; want it refused", code, printed)
	}
	if code, printed = run(t, "platform", "import", "-replace", "-config", config, other); code != 0 || !strings.Contains(printed, "1 imported") {
		t.Errorf("got %d %s; want it replaced", code, printed)
	}
	if r, err := s.Load(key); err != nil || !r.Refresh.Equal("refreshtoken@@@canary4") || !r.RefreshBefore.Empty() {
		t.Errorf("got %v; want the other refresh token", err)
	}
	bad := fileWith(t, "wx3333333333333333,refreshtoken@@@canary5\nrefreshtoken@@@canary6\n")
	if code, printed = run(t, "platform", "import", "-config", config, bad); code != 1 || !strings.Contains(printed, "grants.csv: line 2: there is no comma") {
		t.Errorf("got %d %s; want the mistake", code, printed)
	}
	if _, err := s.Load(token.Key{Platform: component, AppID: "wx3333333333333333"}); err == nil {
		t.Error("a part of a file with a mistake was imported")
	}
}

func TestAnExportIsEncryptedAndImportedAgain(t *testing.T) {
	config, _ := configured(t, encryption)
	file := fileWith(t, "wx1111111111111111,refreshtoken@@@canary1\nwx2222222222222222,refreshtoken@@@canary2\n")
	if code, printed := run(t, "platform", "import", "-config", config, file); code != 0 {
		t.Fatalf("got %d %s", code, printed)
	}
	out := filepath.Join(t.TempDir(), "export")
	if code, printed := run(t, "platform", "export", "-config", config, out); code != 0 || !strings.Contains(printed, "2 exported") {
		t.Fatalf("got %d %s", code, printed)
	}
	content, err := os.ReadFile(out)
	info, _ := os.Stat(out)
	if err != nil || bytes.Contains(content, []byte("canary")) || bytes.Count(content, []byte(",sealed:aes256gcm:")) != 2 || info.Mode().Perm() != 0o600 {
		t.Errorf("got %s, %v; want two encrypted lines for the owner alone", content, err)
	}
	if code, printed := run(t, "platform", "export", "-config", config, out); code != 1 || !strings.Contains(printed, "exists") {
		t.Errorf("got %d %s; want that nothing is overwritten", code, printed)
	}
	if code, printed := run(t, "platform", "export", "-config", config, "-"); code != 0 || !strings.Contains(printed, "wx2222222222222222,sealed:") {
		t.Errorf("got %d %s; want it printed", code, printed)
	}
	another, dir := configured(t, encryption)
	if code, printed := run(t, "platform", "import", "-config", another, out); code != 0 || !strings.Contains(printed, "2 imported") {
		t.Errorf("got %d %s; want it imported", code, printed)
	}
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	r, err := opened(t, dir, string(key[:])).Load(token.Key{Platform: component, AppID: "wx2222222222222222"})
	if err != nil || !r.Refresh.Equal("refreshtoken@@@canary2") {
		t.Errorf("got %v; want the refresh token", err)
	}
	swapped := fileWith(t, strings.NewReplacer("wx1111111111111111", "wx2222222222222222", "wx2222222222222222", "wx1111111111111111").Replace(string(content)))
	if code, printed := run(t, "platform", "import", "-config", another, swapped); code != 1 || !strings.Contains(printed, "line 2: the refresh token is encrypted, and it cannot be decrypted") {
		t.Errorf("got %d %s; want that each is good for its account alone", code, printed)
	}
	clear, _ := configured(t, "")
	if code, printed := run(t, "platform", "import", "-config", clear, out); code != 1 || !strings.Contains(printed, "token.encryption_key is not set") {
		t.Errorf("got %d %s; want the key missing", code, printed)
	}
	if code, printed := run(t, "platform", "export", "-config", clear, filepath.Join(t.TempDir(), "x")); code != 1 || !strings.Contains(printed, "token.encryption_key, and there is none") {
		t.Errorf("got %d %s; want no export in the clear", code, printed)
	}
}

func TestACommandLineForAPlatformIsJudged(t *testing.T) {
	config, _ := configured(t, "")
	file := fileWith(t, "wx1,refreshtoken@@@a\n")
	for _, row := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"import"}, 2, "name one file"},
		{[]string{"import", file, file}, 2, "name one file"},
		{[]string{"remove", file}, 2, "name one of import, export"},
		{[]string{"import", file, "-what"}, 2, "not defined: -what"},
		{[]string{"import", "-platform", "other", file}, 2, `no platform "other"; there is saas`},
		{[]string{"import", file + "-missing"}, 1, "no such file"},
	} {
		args := append(append([]string{"platform"}, row.args...), "-config", config)
		if len(row.args) > 0 && row.args[0] == "remove" {
			args = append([]string{"platform", "-config", config}, row.args...)
		}
		if code, printed := run(t, args...); code != row.code || !strings.Contains(printed, row.want) {
			t.Errorf("%v: got %d %s; want %d, %s", row.args, code, printed, row.code, row.want)
		}
	}
}

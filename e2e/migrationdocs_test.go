package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wxproxy/internal/redistest"
)

// migrationPages are about moving to wxproxy, one in each language.
var migrationPages = [2]string{"docs/migration.md", "docs/migration.zh-CN.md"}

// The page's script puts WeChat's token into the key that old programs read, with what the
// token has left, takes over another one, and leaves the key alone while there is none.
func TestTheScriptOfThePageWritesTokensForOldPrograms(t *testing.T) {
	t.Parallel()
	const key, adminKey = "wechat:access_token:" + appID, "admin-key-0123456789abcdef"
	for _, page := range migrationPages {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			w, redis := startWeChat(t), redistest.Start(t)
			p := serving(t, w.URL, fourLines+"[admin]\nkey = \""+adminKey+"\"\n")
			p.awaitReady()
			stored := func() string { token, _ := redis.Do("GET", key); return fmt.Sprint(token) }
			given := func() string {
				var got struct {
					AccessToken string `json:"access_token"`
				}
				a := p.mustAsk("GET", tokenPage(p), "", "Authorization: Bearer "+adminKey)
				if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.AccessToken == "" {
					t.Fatalf("got %d %s; want a token", a.code, a.body)
				}
				return got.AccessToken
			}
			said := runScript(t, page, p.admin, redis.Addr, adminKey)
			p.eventually("the token in Redis", func() bool { return stored() == given() })
			if left, isNumber := redis.MustDo("TTL", key).(int64); !isNumber || left < 6900 || left > 7200 {
				t.Errorf("got a key for %d s; want what the token has left", left)
			}
			before := given()
			w.Revoke(appID)
			p.mustSucceed()
			p.eventually("the next token in Redis", func() bool { return stored() == given() && stored() != before })
			before = stored()
			p.stop()
			p.eventually("a remark", func() bool { return strings.Contains(said(), "the token was not written: wxproxy gave none") })
			if after := stored(); after != before {
				t.Errorf("got %s; want %s as before, until it ends", after, before)
			}
			if strings.Contains(said(), adminKey) || strings.Contains(said(), before) {
				t.Errorf("got %s; want no secret", said())
			}
		})
	}
}

// runScript runs the script of a page until the test ends, each second instead of each minute,
// and returns what tells what it said.
func runScript(t *testing.T, page, admin, redis, adminKey string) (said func() string) {
	t.Helper()
	script := ""
	for _, b := range readBlocks(t, page) {
		if b.info == "sh tokens" {
			script = b.text
		}
	}
	mustParse(t, script)
	host, port, err := net.SplitHostPort(redis)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "admin-key")
	writeFile(t, file, adminKey+"\n")
	for old, ours := range map[string]string{
		"http://127.0.0.1:8081": admin, "-h 127.0.0.1 -p 6379": "-h " + host + " -p " + port, "/etc/wxproxy/admin-key": file, "sleep 60": "sleep 1",
	} {
		if strings.Count(script, old) != 1 {
			t.Fatalf("got %s; want %q in it once", script, old)
		}
		script = strings.Replace(script, old, ours, 1)
	}
	output := filepath.Join(t.TempDir(), "output")
	c := exec.Command("sh", "-c", "exec >"+output+" 2>&1; "+script)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return func() string { return read(t, output) }
}

// Programs that have keys before wxproxy has clients notice nothing when it gets them.
func TestKeysComeIntoProgramsFirst(t *testing.T) {
	t.Parallel()
	const key = "orders-key-0123456789"
	w := startWeChat(t)
	p := serving(t, w.URL, account("shop", appID))
	p.awaitReady()
	p.mustSucceed("Authorization: Bearer " + key)
	old := p.fetchToken("", key)

	p.mustReload(account("shop", appID) + "[[client]]\nname = \"orders\"\nkey = \"" + key + "\"\n")
	p.mustSucceed("Authorization: Bearer " + key)
	if a := p.call("GET", userInfo+"&access_token="+old, ""); a.code != http.StatusOK || !regexp.MustCompile(`"errcode":4(0001|2001)\b`).MatchString(a.body) {
		t.Errorf("got %d %s; want an errcode for which SDKs fetch another token", a.code, a.body)
	}
	if a := p.call("GET", userInfo+"&access_token="+p.fetchToken("", key), ""); !strings.Contains(a.body, `"openid":"OPENID"`) {
		t.Errorf("got %d %s; want the user", a.code, a.body)
	}
	if a := p.call("GET", "/cgi-bin/token?grant_type=client_credential&appid="+appID+"&secret="+appSecret, ""); !strings.Contains(a.body, `"errcode":40125`) {
		t.Errorf("an AppSecret instead of the key: got %d %s; want 40125", a.code, a.body)
	}
	if a := p.call("GET", userInfo+"&access_token=76_token-of-WeChats-own", ""); a.code != http.StatusUnauthorized {
		t.Errorf("a token of WeChat's: got %d %s; want 401", a.code, a.body)
	}
	p.stop()
}

// The page tells the versions of SDKs that its tests use.
func TestThePageNamesTheVersionsOfSDKsThatAreTested(t *testing.T) {
	tested := read(t, "testdata/sdk/go/go.mod") + read(t, "testdata/sdk/npm/package.json")
	for _, page := range migrationPages {
		rows := regexp.MustCompile(`(?m)^\| (\S+) \((?:Go|npm)\) \| .* \| (v?\d[\d.]*\d)(?:.*?(node-socialite) (\d[\d.]*\d))?.* \|$`).FindAllStringSubmatch(read(t, page), -1)
		if len(rows) != 4 {
			t.Errorf("%s: got %q; want four SDKs", page, rows)
		}
		for _, row := range rows {
			for i := 1; i < len(row) && row[i] != ""; i += 2 {
				if !regexp.MustCompile(regexp.QuoteMeta(row[i]) + `(/v\d+)?"?:? "?` + regexp.QuoteMeta(row[i+1])).MatchString(tested) {
					t.Errorf("%s names %s %s, which is not what is tested", page, row[i], row[i+1])
				}
			}
		}
	}
}

package cli

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxproxy/internal/wechattest/wecomtest"
)

// A token proves nothing of the IP address at WeCom, and a wrong secret counts against it.
func TestCheckLiveCallsAnAPIOfWeComs(t *testing.T) {
	w := wecomtest.New(wecomtest.Rules{})
	crm := w.Add(wecomtest.App{CorpID: "ww1", AgentID: "1000002", Secret: "canary-of-crm"})
	w.Add(wecomtest.App{CorpID: "ww1", Secret: "canary-of-book"})
	server := httptest.NewServer(w)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "config.toml")
	const file = "[upstream.wecom]\nurl = %q\n[[account]]\nname = \"crm\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nagent_id = 1000002\nsecret = \"canary-of-crm\"\n" +
		"[[account]]\nname = \"book\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nsecret = \"canary-of-book\"\n"
	if err := os.WriteFile(path, fmt.Appendf(nil, file, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(want int, words ...string) {
		t.Helper()
		before := w.Calls("/cgi-bin/gettoken")
		code, printed := run(t, "check", "-live", "-config", path)
		for _, word := range words {
			if !strings.Contains(printed, word) {
				t.Errorf("got %s; want %q", printed, word)
			}
		}
		if code != want || strings.Contains(printed, "canary") {
			t.Errorf("got %d, %s; want %d, and no secret", code, printed, want)
		}
		if n := w.Calls("/cgi-bin/gettoken") - before; n != 2 {
			t.Errorf("gettoken was asked %d times; want once for each account", n)
		}
	}
	check(0, "asking "+server.URL+" for a token of each account", "crm: good; WeCom issued a token for 2h0m0s, and a call went well, so that this machine's IP address is trusted", "book: good; WeCom issued a token", "with agent_id more could be said")
	crm.Trust("192.0.2.7")
	w.Advance(wecomTrusts)
	check(1, "crm: errcode 60020: not allow to access from your ip", "put 127.0.0.1 on the list of trusted IP addresses", "企业可信IP", "WeCom refuses calls for 1 of 2 accounts")
	crm.ResetSecret("another")
	check(1, "crm: errcode 40001: invalid credential", "check secret", "book: good", "no token for 1 of 2 accounts")
	crm.ResetSecret("canary-of-crm")
	w.Inject(wecomtest.Fault{Path: "/cgi-bin/agent/get", Errcode: 48002})
	check(0, "crm: good; WeCom issued a token", "nothing can be said of this machine's IP address")
}

// wecomTrusts is more than it takes until another list of trusted addresses works.
const wecomTrusts = 61e9

// A wrong secret is shown once, however many accounts have it, and at most a hundred are.
func TestCheckLiveShowsFewWrongSecrets(t *testing.T) {
	w := wecomtest.New(wecomtest.Rules{})
	w.Add(wecomtest.App{CorpID: "ww1", AgentID: "1000002", Secret: "right"})
	server := httptest.NewServer(w)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "config.toml")
	toml := fmt.Appendf(nil, "[upstream.wecom]\nurl = %q\n", server.URL)
	for i := range 150 {
		toml = fmt.Appendf(toml, "[[account]]\nname = \"a%d\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nagent_id = %d\nsecret = \"canary-%d\"\n", i, i+1, max(i, 3))
	}
	if err := os.WriteFile(path, toml, 0o600); err != nil {
		t.Fatal(err)
	}
	code, printed := run(t, "check", "-live", "-config", path)
	if n := w.Calls("/cgi-bin/gettoken"); code != 1 || n != 100 {
		t.Errorf("got %d, and %d secrets were shown; want 1, and 100", code, n)
	}
	for _, words := range []string{"a0: errcode 40001: invalid credential", "a2: errcode 40001: as it has answered before", "the same secret is not shown again", "a149: WeCom has refused 100 secrets within an hour", "no token for 150 of 150 accounts"} {
		if !strings.Contains(printed, words) {
			t.Errorf("got no %q", words)
		}
	}
	if strings.Contains(printed, "canary-9") {
		t.Error("got a secret")
	}
}

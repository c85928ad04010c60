package config

import (
	"fmt"
	"strings"
	"testing"
)

// aesKey returns an EncodingAESKey that is other for another letter. The last character
// has two bits that a strict decoder does not take.
func aesKey(letter string) string {
	return strings.Repeat(letter, 3) + "mYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"[:39] + "C"
}

func TestWhatIsMissingForPushesIsRemarkedOn(t *testing.T) {
	const listen = "[push]\nlisten = \"127.0.0.1:0\"\n"
	const kept = "[token]\nstore = \"file:/var/lib/wxproxy\"\n"
	pushed := good + fmt.Sprintf("push_token = %q\npush_aes_key = %q\n", canary, aesKey("A"))
	plain := func(token string) string { return good + fmt.Sprintf("push_token = %q\n", token) }
	forward := func(lines ...string) string {
		return "[[forward]]\nurl = \"http://127.0.0.1:9000/x\"\n" + strings.Join(lines, "\n") + "\n"
	}
	for _, row := range []struct{ name, file, want string }{
		{"all is there", listen + forward() + pushed, ""},
		{"no listener", forward() + pushed, "push.listen: is not set, so that WeChat's pushes reach nobody: push_token"},
		{"no listener for forwards", forward() + good, "push.listen: is not set, so that WeChat's pushes reach nobody: [[forward]]"},
		{"no token", listen + forward() + good, "push.listen: no [[account]] has a push_token"},
		{"no forward", listen + pushed, "push.listen: there is no [[forward]]"},
		{"a forward of an account without", listen + forward() + forward(`account = "club"`, "copy = true") + kept + pushed + "[[account]]\nname = \"club\"\napp_id = \"wx2\"\nsecret = \"" + canary + "\"\n",
			"forward[2].account: has no push_token"},
		{"async in memory", listen + forward("async = true") + pushed, "forward[1]: its pushes wait in memory"},
		{"a copy in memory", listen + forward("copy = true") + pushed, "forward[1]: its pushes wait in memory"},
		{"async in files", kept + listen + forward("async = true") + pushed, ""},
		{"a push_token that is guessed", listen + forward() + plain("weixin"), "account[1].push_token: could be guessed"},
		{"a push_token that is typed", listen + forward() + plain("AAAAA"), "account[1].push_token: could be guessed"},
		{"a good one", listen + forward() + plain("QDG6eK"), ""},
		{"a guessed one of encrypted pushes", listen + forward() + plain("weixin") + fmt.Sprintf("push_aes_key = %q\n", aesKey("B")), ""},
		{"a key that is a pattern", listen + forward() + plain("QDG6eK") + fmt.Sprintf("push_aes_key = %q\n", strings.Repeat("A", 43)), "account[1].push_aes_key: is a pattern"},
		{"events of a platform", listen + forward(`match = ["info:authorized"]`) + pushed, "forward[1].match[1]: matches nothing: info: is for third-party platforms"},
		{"one that takes all", listen + forward() + forward(`match = ["text"]`) + pushed, "forward[2]: gets nothing: forward[1] before it"},
		{"every event before one", listen + forward(`match = ["event", "text"]`) + forward(`match = ["Event:CLICK"]`) + pushed, "forward[2]: gets nothing"},
		{"by name and by AppID", listen + forward(`account = "shop"`) + forward(`account = "wx0123456789abcdef"`) + pushed, "forward[2]: gets nothing"},
		{"others before all", listen + forward(`match = ["event", "text"]`) + forward() + pushed, ""},
		{"all as copies", kept + listen + forward("copy = true") + forward("copy = true") + forward() + pushed, ""},
		{"one account's before all", listen + forward(`account = "shop"`) + forward() + pushed, ""},
		{"a program elsewhere", listen + strings.Replace(forward(), "127.0.0.1", "crm", 1) + pushed, "forward[1].url: messages cross the network in the clear"},
		{"a program elsewhere, encrypted", listen + strings.Replace(forward(fmt.Sprintf("aes_key = %q", aesKey("C"))), "127.0.0.1", "crm", 1) + pushed, ""},
		{"a signature of its own", listen + strings.Replace(forward(), "/x", "/x?key=1&signature=2", 1) + pushed, "forward[1].url: its query has signature"},
		{"a query of its own", listen + strings.Replace(forward(), "/x", "/x?key=1", 1) + pushed, ""},
		{"itself", strings.Replace(listen, ":0", ":8181", 1) + strings.Replace(forward(), "127.0.0.1:9000", "localhost:8181", 1) + pushed, "forward[1].url: leads to push.listen"},
		{"the proxy", listen + strings.Replace(forward(), "127.0.0.1:9000", "127.0.0.1:8080", 1) + pushed, "forward[1].url: leads to proxy.listen"},
		{"the admin listener", listen + strings.Replace(forward(), "127.0.0.1:9000", "127.0.0.1:8081", 1) + pushed, "forward[1].url: leads to admin.listen"},
		{"itself by a socket", "[push]\nlisten = \"unix:/run/p.sock\"\n" + strings.Replace(forward(), "http://127.0.0.1:9000", "unix:/run/p.sock:", 1) + pushed, "forward[1].url: leads to push.listen"},
		{"another port", strings.Replace(listen, ":0", ":8181", 1) + forward() + pushed, ""},
		{"a program behind TLS", listen + strings.Replace(forward(), "http://127.0.0.1", "https://crm", 1) + pushed, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			warnings := mustLoad(t, row.file).Warnings()
			if got := strings.Join(warnings, "\n"); len(warnings) > 1 || (row.want == "") != (got == "") || !strings.Contains(got, row.want) || strings.Contains(got, canary) {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestTheInboxHoldsLessInMemory(t *testing.T) {
	for _, row := range []struct {
		file string
		want int
	}{
		{"", 64 << 20},
		{"[push]\ninbox_max = \"1GiB\"\n", 1 << 30},
		{"[token]\nstore = \"file:/var/lib/wxproxy\"\n", 1 << 30},
		{"[push]\ninbox_max = \"5MiB\"\n[token]\nstore = \"redis://127.0.0.1/0\"\n", 5 << 20},
	} {
		if got := mustLoad(t, row.file+good).InboxLimit(); got != row.want {
			t.Errorf("%q: got %d; want %d", row.file, got, row.want)
		}
	}
}

func TestTheEnvironmentSaysWherePushesCome(t *testing.T) {
	cfg := mustLoad(t, "[push]\nlisten = \"127.0.0.1:1\"\n"+good, "WXPROXY_PUSH_LISTEN", "unix:/run/push.sock")
	if cfg.Push.Listen != "unix:/run/push.sock" {
		t.Errorf("got %q", cfg.Push.Listen)
	}
}

// A process goes on without an AppSecret, and not without what proves pushes.
func TestAPushTokenThatIsNotThereIsAMistakeOfWhoServesToo(t *testing.T) {
	path := write(t, "config.toml", good+"push_token_file = \"/nowhere/token\"\n[[account]]\nname = \"club\"\napp_id = \"wx2\"\nsecret = \""+canary+"\"\n")
	if _, err := NewFiles().LoadToServe(path, lookup()); err == nil || !strings.Contains(err.Error(), "account[1].push_token_file: reading the file") {
		t.Errorf("got %v", err)
	}
}

// A program that restarts looks at the files of push keys, too.
func TestPushKeysAreWatched(t *testing.T) {
	token := write(t, "token", canary)
	cfg := mustLoad(t, good+fmt.Sprintf("push_token_file = %q\n", token))
	if _, ok := cfg.FilesRead()[token]; !ok {
		t.Errorf("got no mark of %s", token)
	}
}

func TestDescribeSaysWherePushesGo(t *testing.T) {
	cfg := mustLoad(t, `
[push]
listen = "127.0.0.1:8082"
[token]
store = "file:/var/lib/wxproxy"
encryption_key = "Y2FuYXJ5LTVmNGRjYzNiNWFhNzY1ZDYtMDEyMzQ1Njc="
[[forward]]
account = "shop"
match = ["text", "event"]
url = "http://127.0.0.1:9000/x?key=`+canary+`"
[[forward]]
name = "crm"
url = "unix:/run/crm.sock:/x"
on_failure = "success"
timeout = "2s"
[[forward]]
url = "https://stock.example"
async = true
match = ["image"]
aes_key = "`+aesKey("A")+`"
[[forward]]
url = "https://log.example"
copy = true
`+good+`push_token = "`+canary+`"
push_aes_key = "`+aesKey("B")+`"
`)
	text := cfg.Describe()
	for _, want := range []string{
		"push      listens on http://127.0.0.1:8082, for /push/shop; up to 1024 MiB wait in the folder /var/lib/wxproxy, encrypted\n",
		"account   shop is wx0123456789abcdef, stable tokens, secret from the configuration, the default; takes encrypted pushes\n",
		"forward   text, event of shop to http://127.0.0.1:9000/x, which replies within 4.5s, or WeChat sends it again\n",
		"forward   crm: all other pushes of every account to unix:/run/crm.sock:/x, which replies within 2s, or WeChat gets `success`\n",
		"forward   image of every account to https://stock.example, later, 30s each (async), encrypted\n",
		"forward   all pushes of every account to https://log.example, as copies, 30s each\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %q", want)
		}
	}
	if strings.Contains(text, canary) {
		t.Error("shows a secret")
	}
	if t.Failed() {
		t.Log(text)
	}
}

package config

import (
	"errors"
	"strings"
	"testing"

	"wxproxy/internal/language"
)

// A key in another table than its own is told where it belongs; the mistakes come in the
// order of their lines.
func TestAKeyInTheWrongTableIsToldItsOwn(t *testing.T) {
	const text = `listen = "127.0.0.1:1"
[proxy]
drain_timeout = 7
timeout = "5s"
log_level = "info"
include = ["x"]
max_bdy = "1MiB"
app_id = "wx0123456789abcdef"
[[account]]
name = "shop"
app_id = "wx0123456789abcdef"
secret = "` + "5ec2e7a1b90d4f3c8a6b1d2e3f405162" + `"
listen = "127.0.0.1:1"
made_up = 1
`
	_, err := Load(writeTree(t, map[string]string{"config.toml": text}), lookup())
	problems, ok := errors.AsType[Problems](err)
	if !ok {
		t.Fatalf("got %v; want problems", err)
	}
	want := []string{
		"unknown key `listen`; it belongs to [proxy], [push], [admin]; line 1",
		"proxy.drain_timeout: ",
		"unknown key `timeout`; it belongs to [upstream]; line 4",
		"unknown key `log_level`; it belongs to [log], as `level`; line 5",
		"unknown key `include`; it stands at the top, before all tables; line 6",
		"unknown key `max_bdy`, did you mean `max_body`?; line 7",
		"unknown key `app_id`; it belongs to [[account]]; line 8",
		"unknown key `listen`; it belongs to [proxy], [push], [admin]; `shop`, line 13",
		"unknown key `made_up`; `shop`, line 14",
	}
	said := strings.Split(problems.Error(), "\n")
	for i, one := range want {
		if i >= len(said) || !strings.Contains(said[i], one) {
			t.Fatalf("got\n%s\nwant %q as number %d", strings.Join(said, "\n"), one, i)
		}
	}
	if got := problems.In(language.Chinese); !strings.Contains(got, "不认识的键 `timeout`；它属于 [upstream]；第 4 行") || !strings.Contains(got, "它属于 [log]，写作 `level`") {
		t.Errorf("got %s", got)
	}
}

func TestAMisspeltKindOfMessageIsRemarkedOn(t *testing.T) {
	const text = `[push]
listen = "127.0.0.1:8082"
[[account]]
name = "shop"
app_id = "wx0123456789abcdef"
secret = "5ec2e7a1b90d4f3c8a6b1d2e3f405162"
push_token = "Zk3rq9Lw2x"
[[forward]]
url = "http://127.0.0.1:9000/"
match = [%s]
`
	for pattern, meant := range map[string]string{`"events"`: "event", `"txt"`: "text", `"Event"`: "", `"event:subscribe"`: "", `"mage*"`: "", `"something_new"`: "", `"miniprogrampage"`: ""} {
		cfg, err := Parse([]byte(strings.Replace(text, "%s", pattern, 1)), lookup())
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, remark := range cfg.Remarks() {
			if strings.HasPrefix(remark.Key, "forward[1].match") {
				said += remark.Text.Error()
			}
		}
		if meant == "" && said != "" || meant != "" && said != "is no kind of message that WeChat's manual has; did you mean \""+meant+"\"?" {
			t.Errorf("%s: got %q; want %q", pattern, said, meant)
		}
	}
}

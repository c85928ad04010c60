package lines

import (
	"maps"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestTablesAndKeysAreFound(t *testing.T) {
	const text = `# a comment = "x"
include = [
  "a", # ] and "
  "b",
]
[proxy]
listen = "127.0.0.1:8080" # [not] = a table
  hosts = []
text = """
[[client]]
name = "\""" and ""quotes"""""
raw = '''
no = "key"'''
one = 'a # b'

[[account]]
name = "shop"
"app_id" = "wx1"

[account.signing]
key_sn = "1"
[[account]]
name = "club"
[account.signing]
paths = ["/a",
"/b"]
key_sn = "2"
[[ client ]]
 name = "orders"
a.b = 1
tables = [{name = "x"}, {
  name = "y" }]
[log]
level="info"
"secret\u0000" = 1
many = [ # [
[1,
2.5 ], # { "
'x\', { a = "}", # ]
"b c" = [
2026-01-01 ]}
]
after = { }`
	want := map[string]int{
		"include": 2, "include[1]": 3, "include[2]": 4, "proxy": 6, "proxy.listen": 7, "proxy.hosts": 8, "proxy.text": 9, "proxy.raw": 12, "proxy.one": 14,
		"account": 16, "account[1]": 16, "account[1].name": 17, "account[1].app_id": 18, "account[1].signing": 20, "account[1].signing.key_sn": 21,
		"account[2]": 22, "account[2].name": 23, "account[2].signing": 24, "account[2].signing.paths": 25, "account[2].signing.paths[1]": 25, "account[2].signing.paths[2]": 26, "account[2].signing.key_sn": 27,
		"client": 28, "client[1]": 28, "client[1].name": 29, "client[1].a": 30, "client[1].a.b": 30, "client[1].tables": 31,
		"client[1].tables[1]": 31, "client[1].tables[1].name": 31, "client[1].tables[2]": 31, "client[1].tables[2].name": 32, "log": 33, "log.level": 34,
		"log.secret\x00": 35, "log.many": 36, "log.many[1]": 37, "log.many[1][1]": 37, "log.many[1][2]": 38, "log.many[2]": 39, "log.many[3]": 39, "log.many[3].a": 39, "log.many[3].b c": 40, "log.many[3].b c[1]": 41, "log.after": 43,
	}
	if err := toml.Unmarshal([]byte(text), &map[string]any{}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{text, strings.ReplaceAll(text, "\n", "\r\n")} {
		if got := Index([]byte(text)); !maps.Equal(got, want) {
			for name, line := range want {
				if got[name] != line {
					t.Errorf("%s: got line %d; want %d", name, got[name], line)
				}
			}
			t.Errorf("got %v", got)
		}
	}
}

// Of whatever the decoder takes, every key at the top of a table is found on a line
// that has it.
func FuzzKeysStandOnTheirLines(f *testing.F) {
	f.Add("a = 1\n[b]\nc = \"\"\"x\n\"\"\"\nd = 'y'")
	f.Add("[[a]]\nb = [1,\n2]\n[[a]]\nc = {d = 1}")
	f.Add("a = {b = [{c = 1,\n d = ']'}, # }\n]}\ne = 1")
	f.Add("\"a\" = '''\n'''")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		found := Index([]byte(text))
		for name, line := range found {
			if line < 1 || line > len(lines) {
				t.Fatalf("%q: got line %d of %d", name, line, len(lines))
			}
		}
		document := map[string]any{}
		if err := toml.Unmarshal([]byte(text), &document); err != nil {
			return
		}
		for key, value := range document {
			mustStand(t, lines, found, key)
			table, _ := value.(map[string]any)
			for inner := range table {
				if line, ok := found[key+"."+inner]; ok && isBare(inner) && !strings.Contains(lines[line-1], inner) {
					t.Errorf("%q: got line %d of %q", inner, line, text)
				}
			}
		}
	})
}

func mustStand(t *testing.T, lines []string, found map[string]int, key string) {
	t.Helper()
	if line, ok := found[key]; ok && isBare(key) && !strings.Contains(lines[line-1], key) {
		t.Errorf("%q: got line %d of %q", key, line, lines)
	}
}

func isBare(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz_") == ""
}

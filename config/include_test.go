package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeTree writes files below a new directory, and returns the path of config.toml.
func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.toml")
}

func accountTable(name string) string {
	return fmt.Sprintf("[[account]]\nname = %q\napp_id = \"wx%s\"\nsecret = \"%s-%s\"\n", name, name, canary, name)
}

func clientTable(name, more string) string {
	return fmt.Sprintf("[[client]]\nname = %q\nkey = \"key-of-%s-%s\"\n%s\n", name, name, canary, more)
}

func TestIncludedFilesAreReadInTheOrderOfTheirNames(t *testing.T) {
	path := writeTree(t, map[string]string{
		"config.toml":              "include = [\"conf.d/*.toml\", \"conf.d/b.toml\", \"more/[x]/one.toml\", \"*.toml\"]\n[proxy]\nmax_body = \"1MiB\"\n" + accountTable("main"),
		"conf.d/b.toml":            clientTable("second", "") + "[proxy]\nmax_connections = 7\n",
		"conf.d/a.toml":            accountTable("shop") + clientTable("first", "accounts = [\"shop\"]") + "[log]\nlevel = \"warn\"\n",
		"z.toml":                   "",
		"conf.d/a.toml.bak":        "broken",
		"conf.d/folder.toml/x":     "",
		"more/x/one.toml":          "account = [{name = \"club\", app_id = \"wxclub\", secret = \"" + canary + "\"}]\n[[route]]\npath = \"/x\"\ncredential = \"none\"\n",
		"conf.d/deep/nothing.toml": "broken",
	})
	cfg, err := Load(path, lookup())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range cfg.Accounts {
		names = append(names, a.Name)
	}
	for _, c := range cfg.Clients {
		names = append(names, c.Name)
	}
	if want := []string{"main", "shop", "club", "first", "second"}; !slices.Equal(names, want) {
		t.Errorf("got %v; want %v", names, want)
	}
	if cfg.Proxy.MaxBody != 1<<20 || cfg.Proxy.MaxConnections != 7 || cfg.Log.Level.String() != "WARN" || len(cfg.Routes) != 1 || len(cfg.Included) != 4 {
		t.Errorf("got %+v, %+v, %v, %v", cfg.Proxy, cfg.Log, cfg.Routes, cfg.Included)
	}
	if text := cfg.Describe(); !strings.Contains(text, filepath.Join(filepath.Dir(path), "conf.d/a.toml")) {
		t.Errorf("got %s; want the files that are included", text)
	}
}

// Mistakes name the file that has them, the entry as that file counts it, and the line.
func TestMistakesOfIncludedFilesNameThemTheEntryAndTheLine(t *testing.T) {
	main := "include = [\"conf.d/*.toml\"]\n" + accountTable("main") + clientTable("orders", "")
	for name, row := range map[string]struct {
		files map[string]string
		wants []string // each begins with the file
	}{
		"two files that define one client": {
			map[string]string{"conf.d/a.toml": clientTable("games", ""), "conf.d/b.toml": "\n\n" + strings.ReplaceAll(clientTable("games", ""), "key-of", "another-key-of")},
			[]string{"conf.d/b.toml: client[1].name: is taken by client[1] of DIR/conf.d/a.toml already; each needs its own (it is \"games\"); line 4"},
		},
		"a client of the file itself": {
			map[string]string{"conf.d/a.toml": clientTable("games", "") + strings.ReplaceAll(clientTable("orders", ""), "key-of", "another-key-of")},
			[]string{"conf.d/a.toml: client[2].name: is taken by client[1] already; each needs its own (it is \"orders\"); line 6"},
		},
		"one key in two files": {
			map[string]string{"conf.d/a.toml": strings.ReplaceAll(clientTable("games", ""), "key-of-games", "key-of-orders")},
			[]string{"conf.d/a.toml: client[1].key: is taken by client[1] already; each needs its own; `games`, line 3"},
		},
		"a value": {
			map[string]string{"conf.d/a.toml": clientTable("games", "allow = [\n  \"/x\",\n  \"y\"]") + "[proxy]\nmax_body = 16\n"},
			[]string{"conf.d/a.toml: client[1].allow[2]: must begin with \"/\" (it is \"y\"); `games`, line 6", "conf.d/a.toml: proxy.max_body: is a number; write a size in quotes, as \"16MiB\" (it is 16); line 8"},
		},
		"what is missing": {
			map[string]string{"conf.d/a.toml": "# a remark\n[[client]]\nname = \"games\"\n"},
			[]string{"conf.d/a.toml: client[1].key: missing; write key, key_env, key_file or key_sha256 (`wxproxy key` makes one); `games`, line 2"},
		},
		"an unknown key": {
			map[string]string{"conf.d/a.toml": clientTable("games", "\nalow = []")},
			[]string{"conf.d/a.toml: client[1]: unknown key `alow`, did you mean `allow`?; `games`, line 5"},
		},
		"an unknown table": {
			map[string]string{"conf.d/a.toml": "[prxy]\n"},
			[]string{"config.toml: unknown key `prxy`, did you mean `proxy`?; line 1"},
		},
		"a setting given twice": {
			map[string]string{"conf.d/a.toml": "[log]\nlevel = \"warn\"\n", "conf.d/b.toml": "[log]\nformat = \"json\"\nlevel = \"info\"\n"},
			[]string{"conf.d/b.toml: log.level: is given already, in DIR/conf.d/a.toml, line 2; it can stand once; line 3"},
		},
		"a table that is none": {
			map[string]string{"conf.d/a.toml": "[client]\nname = \"x\"\n"},
			[]string{"conf.d/a.toml: client: is a table; write [[client]], with two brackets; line 1"},
		},
		"a table that is none, in both": {
			map[string]string{"conf.d/a.toml": "[account]\nname = \"x\"\n", "conf.d/b.toml": "[route]\n"},
			[]string{"conf.d/a.toml: account: is a table; write [[account]], with two brackets; line 1", "conf.d/b.toml: route: is a table; write [[route]], with two brackets; line 1"},
		},
		"no TOML": {
			map[string]string{"conf.d/a.toml": "[log]\nlevel = warn\n"},
			[]string{"conf.d/a.toml: line 2, column 9: there is no value, or a text without quotes"},
		},
		"an include of an included file": {
			map[string]string{"conf.d/a.toml": "include = []\n"},
			[]string{"conf.d/a.toml: include: stands in an included file; write it into `DIR/config.toml` alone; line 1"},
		},
		"no file": {
			map[string]string{"conf.d/a.txt": ""},
			[]string{"config.toml: include[1]: matches no file; it is relative to `DIR` (it is \"conf.d/*.toml\"); line 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			row.files["config.toml"] = main
			path := writeTree(t, row.files)
			dir := filepath.Dir(path)
			_, err := Load(path, lookup())
			if err == nil {
				t.Fatal("got a configuration")
			}
			lines := strings.Split(strings.ReplaceAll(err.Error(), dir, "DIR"), "\n")
			if len(lines) != len(row.wants) {
				t.Errorf("got %d lines; want %d", len(lines), len(row.wants))
			}
			for i, want := range row.wants {
				if i >= len(lines) || !strings.HasPrefix(lines[i], "DIR/"+want) {
					t.Errorf("got %q; want %q", lines, want)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestIncludedFilesOfOthersAreRemarkedOn(t *testing.T) {
	path := writeTree(t, map[string]string{"config.toml": "include = [\"b.toml\"]\n" + accountTable("shop"), "b.toml": ""})
	included := filepath.Join(filepath.Dir(path), "b.toml")
	if err := os.Chmod(included, 0o644); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(path, lookup())
	if err != nil || !slices.ContainsFunc(cfg.Warnings(), func(w string) bool {
		return strings.HasPrefix(w, included+": every user of this machine can read the file")
	}) {
		t.Errorf("got %v, %v; want a remark on the included file", err, cfg.Warnings())
	}
}

// A file more in the folder is a change that proxy.watch notices.
func TestTheFolderOfIncludedFilesIsWatched(t *testing.T) {
	path := writeTree(t, map[string]string{"config.toml": "include = [\"conf.d/*.toml\"]\n" + accountTable("shop"), "conf.d/a.toml": ""})
	cfg, err := Load(path, lookup())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.toml", "conf.d", "conf.d/a.toml"} {
		if _, ok := cfg.FilesRead()[filepath.Join(filepath.Dir(path), name)]; !ok {
			t.Errorf("%s is not watched", name)
		}
	}
}

func TestClientsThatDoNotSayHaveTheDefaults(t *testing.T) {
	cfg := mustLoad(t, accountTable("shop")+accountTable("club")+`[client_defaults]
accounts = ["shop"]
allow = ["/a/*"]
deny = ["/a/b"]
max_in_flight = 5
rate = "10/s"
`+clientTable("plain", "")+clientTable("own", "accounts = []\nallow = [\"/x\"]\ndeny = []\nmax_in_flight = 0\nrate = \"\""))
	plain, own := cfg.Clients[0], cfg.Clients[1]
	if !slices.Equal(plain.Accounts, []string{"shop"}) || !slices.Equal(plain.Allow, []string{"/a/*"}) || !slices.Equal(plain.Deny, []string{"/a/b"}) || plain.MaxInFlight != 5 || plain.Interval.Milliseconds() != 100 {
		t.Errorf("got %+v; want the defaults", plain)
	}
	if len(own.Accounts) != 0 || !slices.Equal(own.Allow, []string{"/x"}) || len(own.Deny) != 0 || own.MaxInFlight != 0 || own.Interval != 0 {
		t.Errorf("got %+v; want what it says", own)
	}
}

func TestAdminListenMayStandInAnIncludedFile(t *testing.T) {
	for name, row := range map[string]struct {
		files       map[string]string
		want, fault string
	}{
		"there":            {map[string]string{"config.toml": "include = [\"*.d/a.toml\"]", "x.d/a.toml": "[admin]\nlisten = \"127.0.0.1:7\""}, "127.0.0.1:7", ""},
		"in the file":      {map[string]string{"config.toml": "include = [\"a.toml\"]\n[admin]\nlisten = \"127.0.0.1:8\"", "a.toml": "["}, "127.0.0.1:8", ""},
		"nowhere":          {map[string]string{"config.toml": "include = [\"a.toml\"]", "a.toml": ""}, "127.0.0.1:8081", ""},
		"perhaps":          {map[string]string{"config.toml": "include = [\"a.toml\"]", "a.toml": "\n["}, "", "a.toml: is no TOML in line 2"},
		"behind a mistake": {map[string]string{"config.toml": "include = [\"a.toml\"]\n[", "a.toml": "[admin]\nlisten = \"127.0.0.1:9\""}, "127.0.0.1:9", ""},
	} {
		got, err := AdminListen(writeTree(t, row.files), lookup())
		if got != row.want || (err == nil) != (row.fault == "") || !strings.Contains(fmt.Sprint(err), row.fault) {
			t.Errorf("%s: got %q, %v; want %q, %q", name, got, err, row.want, row.fault)
		}
	}
}

// A folder in which wildcards look is watched, and so is one that what follows them leads
// to: there may be more, or another one may come back.
func TestFoldersOfWildcardsAreWatched(t *testing.T) {
	path := writeTree(t, map[string]string{
		"config.toml": "include = [\"conf.d/*.toml\", \"teams/*/wx.toml\"]\n" + good, "conf.d/a.toml": "", "teams/x/wx.toml": "", "teams/y/other": "",
	})
	cfg, err := Load(path, lookup())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	read := cfg.FilesRead()
	for _, path := range []string{"config.toml", "conf.d", "conf.d/a.toml", "teams", "teams/x", "teams/x/wx.toml", "teams/y", "teams/y/wx.toml"} {
		if _, ok := read[filepath.Join(dir, path)]; !ok {
			t.Errorf("%s is not watched", path)
		}
	}
	if len(read) != 8 || cfg.FileGone() != "" {
		t.Errorf("got %v watched, %q gone", read, cfg.FileGone())
	}
	gone := filepath.Join(dir, "teams/x/wx.toml")
	if err := os.Remove(gone); err != nil || cfg.FileGone() != gone {
		t.Errorf("got %q, %v; want %s", cfg.FileGone(), err, gone)
	}
}

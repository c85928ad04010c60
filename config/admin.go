package config

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/BurntSushi/toml"

	"wxproxy/config/internal/address"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

func (l *loader) readAdmin(t *table) {
	t.readSettings()

	a := &l.cfg.Admin
	a.Key, a.KeyOld, a.ReadKey = t.operatorsKey("key"), t.operatorsKey("key_old"), t.operatorsKey("read_key")
	if old := t.sources["admin.key_old"].given; len(old) > 0 && len(t.sources["admin.key"].given) == 0 {
		t.wrong(old[0], "is the key before another one, and there is none; write it as %q", "key"+old[0][len("key_old"):])
	}
	if a.Listen == "" {
		return
	}
	t.checkListen(a.Listen)
}

// operatorsKey returns the key of operators that the setting key leads to, empty if
// there is none.
func (t *table) operatorsKey(key string) secret.Secret {
	source := t.sources[t.key(key)]
	value := t.secret(source.SecretSource, source.given)
	if !value.Empty() {
		t.addKey(accessKey{setting: source.given[0], name: key, listen: "admin.listen"}, value)
	}
	return value
}

// AdminListen returns admin.listen of the file at path or of one that it includes,
// which may have mistakes, and of the environment, for commands that only ask a process
// that runs already. The error says that it is not known. The default is no answer
// then: another process may listen there.
func AdminListen(path string, lookupEnv func(string) (string, bool)) (string, error) {
	if value, ok := lookupEnv("WXPROXY_ADMIN_LISTEN"); ok {
		return value, nil
	}
	if path == "" {
		return Default().Admin.Listen, nil
	}
	admin, err := adminTable(path)
	value, found := admin["listen"]
	listen, ok := value.(string)
	switch {
	case ok && (listen == "" || address.Check(listen) == nil):
		return listen, nil
	case found:
		return "", Problem{Where: path, Key: "admin.listen", Text: language.Phrase("is no address")}
	case err != nil:
		return "", err
	}
	return Default().Admin.Listen, nil
}

// adminTable returns what stands in the table admin of the file at path and of those
// that it includes. The error is the first reason why more may stand there.
func adminTable(path string) (admin map[string]any, err error) {
	files, read := []string{path}, NewFiles()
	admin = map[string]any{}
	for i := 0; i < len(files) && i <= maxIncluded; i++ {
		document, doubt := wellFormed(read, files[i])
		err = cmp.Or(err, doubt)
		table, _ := document["admin"].(map[string]any)
		for key, value := range table {
			if _, there := admin[key]; !there {
				admin[key] = value
			}
		}
		if patterns, _ := document["include"].([]any); i == 0 {
			files = append(files, includedBy(path, patterns)...)
		}
	}
	return admin, err
}

// wellFormed returns what stands in a file, or above its first line that is no TOML,
// which may be good. The error says that there is more.
func wellFormed(files *Files, path string) (document map[string]any, err error) {
	data, err := files.read(path, largestFile)
	if err != nil {
		return nil, Problem{Where: path, Text: language.Textf("cannot be read: %v", err)}
	}
	document = map[string]any{}
	_, err = toml.Decode(string(data), &document)
	broken, isBroken := errors.AsType[toml.ParseError](err)
	if !isBroken {
		return document, nil
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	above := bytes.Join(lines[:min(max(broken.Position.Line-1, 0), len(lines))], nil)
	document = map[string]any{}
	_, _ = toml.Decode(string(above), &document)
	return document, Problem{Where: path, Text: language.Textf("is no TOML in line %d, and admin.listen may stand behind that", broken.Position.Line)}
}

// includedBy returns the files that patterns as they stand in a file match.
func includedBy(path string, patterns []any) (files []string) {
	for _, pattern := range patterns {
		text, _ := pattern.(string)
		matches, _ := included(path, text, func(string) {}) // one that cannot be meant matches nothing
		files = append(files, matches...)
	}
	return files
}

// AdminKeys returns admin.key, and the one before, of the file at path, which may have
// mistakes, and of the environment, for commands that show them to a process that runs
// already. What cannot be read is left out.
func AdminKeys(path string, lookupEnv func(string) (string, bool)) (keys []secret.Secret) {
	var admin map[string]any
	if path != "" {
		admin, _ = adminTable(path)
	}
	files := NewFiles()
	for _, key := range []string{"key_old", "key"} {
		text := func(key string) string { text, _ := admin[key].(string); return text }
		source := SecretSource{secret.New(text(key)), text(key + "_env"), text(key + "_file"), lookupEnv, files}
		if value, _ := lookupEnv("WXPROXY_ADMIN_KEY"); key == "key" && value != "" {
			source = SecretSource{literal: secret.New(value)}
		}
		if read, err := source.Read(); err == nil {
			keys = append(keys, read)
		}
	}
	return keys
}

func (a Admin) describe() *language.Text {
	text := language.Textf("listens on %s, with a key", urlOf(a.Listen))
	switch {
	case a.Listen == "":
		return language.Textf("off")
	case a.Key.Empty():
		text = language.Textf("listens on %s, without a key: it hands out no tokens", urlOf(a.Listen))
	case !a.KeyOld.Empty():
		text = language.Textf("listens on %s, with a key and the one before", urlOf(a.Listen))
	}
	if !a.ReadKey.Empty() {
		text = language.Textf("%s; read_key is for reading alone", text)
	}
	return text
}

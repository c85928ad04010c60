package config

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"

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
	files, read := []string{path}, NewFiles()
	var doubt error // a line that is no TOML may hide it
	for i := 0; i < len(files) && i <= maxIncluded; i++ {
		data, err := read.read(files[i], largestFile)
		if err != nil {
			return "", Problem{Where: files[i], Text: fmt.Sprintf("cannot be read: %v", err)}
		}
		document, broken := wellFormed(data)
		if value := valueOf(document, "admin.listen"); value != nil {
			listen, ok := value.(string)
			if ok && (listen == "" || checkListen(listen) == nil) {
				return listen, nil
			}
			return "", Problem{Where: files[i], Key: "admin.listen", Text: "is no address"}
		}
		if broken > 0 && doubt == nil {
			doubt = Problem{Where: files[i], Text: fmt.Sprintf("is no TOML in line %d, and admin.listen may stand behind that", broken)}
		}
		if patterns, _ := document["include"].([]any); i == 0 {
			files = append(files, includedBy(path, patterns)...)
		}
	}
	if doubt != nil {
		return "", doubt
	}
	return Default().Admin.Listen, nil
}

// wellFormed returns what stands in a file, or above the line that is no TOML.
func wellFormed(data []byte) (document map[string]any, brokenLine int) {
	document = map[string]any{}
	_, err := toml.Decode(string(data), &document)
	broken, isBroken := errors.AsType[toml.ParseError](err)
	if !isBroken {
		return document, 0
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	above := bytes.Join(lines[:min(max(broken.Position.Line-1, 0), len(lines))], nil)
	document = map[string]any{}
	_, _ = toml.Decode(string(above), &document)
	return document, broken.Position.Line
}

// includedBy returns the files that patterns as they stand in a file match.
func includedBy(path string, patterns []any) (files []string) {
	for _, pattern := range patterns {
		text, _ := pattern.(string)
		matches, _ := included(path, text) // one that cannot be meant matches nothing
		files = append(files, matches...)
	}
	return files
}

func (a Admin) describe() string {
	text := ", with a key"
	switch {
	case a.Listen == "":
		return "off"
	case a.Key.Empty():
		text = ", without a key: it hands out no tokens"
	case !a.KeyOld.Empty():
		text = ", with a key and the one before"
	}
	if !a.ReadKey.Empty() {
		text += "; read_key is for reading alone"
	}
	return "listens on " + address(a.Listen) + text
}

package config

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"
)

func (l *loader) readAdmin(t *table) {
	t.readSettings()

	a, key := &l.cfg.Admin, t.sources["admin.key"]
	a.Key = t.secret(key.SecretSource, key.given)
	if !a.Key.Empty() {
		t.addKey(accessKey{setting: key.given[0], name: "key", listen: "admin.listen"}, a.Key)
	}
	if a.Listen == "" {
		return
	}
	t.checkListen(a.Listen)
}

// AdminListen returns admin.listen of the file at path, which may have mistakes, and
// of the environment, for commands that only ask a process that runs already. The
// error says that it is not known. The default is no answer then: another process
// may listen there.
func AdminListen(path string, lookupEnv func(string) (string, bool)) (string, error) {
	if value, ok := lookupEnv("WXPROXY_ADMIN_LISTEN"); ok {
		return value, nil
	}
	if path == "" {
		return Default().Admin.Listen, nil
	}
	data, err := NewFiles().read(path, largestFile)
	if err != nil {
		return "", Problem{Where: path, Text: fmt.Sprintf("cannot be read: %v", err)}
	}
	document := map[string]any{}
	_, err = toml.Decode(string(data), &document)
	broken, isBroken := errors.AsType[toml.ParseError](err)
	if isBroken { // what stands above that may be good
		lines := bytes.SplitAfter(data, []byte("\n"))
		above := bytes.Join(lines[:min(max(broken.Position.Line-1, 0), len(lines))], nil)
		document = map[string]any{}
		_, _ = toml.Decode(string(above), &document)
	}
	admin, _ := document["admin"].(map[string]any)
	value, found := admin["listen"]
	listen, ok := value.(string)
	switch {
	case ok && (listen == "" || checkListen(listen) == nil):
		return listen, nil
	case found:
		return "", Problem{Where: path, Key: "admin.listen", Text: "is no address"}
	case isBroken:
		return "", Problem{Where: path, Text: fmt.Sprintf("is no TOML in line %d, and admin.listen may stand behind that", broken.Position.Line)}
	}
	return Default().Admin.Listen, nil
}

func (a Admin) describe() string {
	switch {
	case a.Listen == "":
		return "off"
	case a.Key.Empty():
		return "listens on " + address(a.Listen) + ", without a key: it hands out no tokens"
	default:
		return "listens on " + address(a.Listen) + ", with a key"
	}
}

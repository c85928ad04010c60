package config

import (
	"bytes"
	"errors"

	"github.com/BurntSushi/toml"
)

// AdminListen returns admin.listen of the file at path, which may have mistakes, and
// of the environment: for somebody who only wants to ask a process that runs
// already. What cannot be read says nothing, and the default is left.
func AdminListen(path string, lookupEnv func(string) (string, bool)) string {
	listen := Default().Admin.Listen
	if value, ok := lookupEnv("WXPROXY_ADMIN_LISTEN"); ok {
		return value
	}
	if path == "" {
		return listen
	}
	data, err := NewFiles().read(path, largestFile)
	if err != nil {
		return listen
	}
	document := map[string]any{}
	_, err = toml.Decode(string(data), &document)
	if broken, ok := errors.AsType[toml.ParseError](err); ok { // what stands above that may be good
		lines := bytes.SplitAfter(data, []byte("\n"))
		above := bytes.Join(lines[:min(max(broken.Position.Line-1, 0), len(lines))], nil)
		document = map[string]any{}
		_, _ = toml.Decode(string(above), &document)
	}
	admin, _ := document["admin"].(map[string]any)
	if value, ok := admin["listen"].(string); ok && (value == "" || checkListen(value) == nil) {
		return value
	}
	return listen
}

package config

import (
	"fmt"
	"os"
	"slices"
)

// Find returns the path of the file to load: the flag's value, else that of
// WXPROXY_CONFIG, else config.toml if the working directory has one, else the
// empty string, which stands for the environment alone.
func Find(flag string, lookupEnv func(string) (string, bool)) string {
	if flag != "" {
		return flag
	}
	if path, _ := lookupEnv("WXPROXY_CONFIG"); path != "" {
		return path
	}
	if _, err := os.Stat("config.toml"); err == nil {
		return "config.toml"
	}
	return ""
}

// Load reads the file at path, or the environment alone if path is empty, and
// returns a complete configuration or else an error of type Problems. What it
// returns depends on nothing but the file, the files that it names and
// lookupEnv, which is [os.LookupEnv] outside tests.
func Load(path string, lookupEnv func(string) (string, bool)) (*Config, error) {
	return NewFiles().Load(path, lookupEnv)
}

// Load does what the function of that name does. A file of an earlier Load that
// still hangs is not opened once more.
func (f *Files) Load(path string, lookupEnv func(string) (string, bool)) (*Config, error) {
	l := newLoader(path, lookupEnv)
	l.cfg.files = f
	if path == "" {
		return l.load(map[string]any{})
	}
	data, err := f.read(path, largestFile)
	if err != nil {
		l.report("", "cannot be read: %v", err)
		return nil, l.problems
	}
	l.warnIfOpen("", path, true)
	return l.load(l.parse(data))
}

// loader is one Load under way.
type loader struct {
	cfg       Config
	lookupEnv func(string) (string, bool)
	variables map[string]string // from the key to the variable that set it instead of the file
	reported  map[string]bool   // the keys that have their problem: one is enough
	problems  Problems
	secrets   []heldSecret
	keys      []accessKey
	looked    map[string]bool // directories
	document  map[string]any  // what is read
	sensitive map[string]bool // the keys whose values are never shown
	hangs     bool            // a file did: no other one is waited for
}

func newLoader(path string, lookupEnv func(string) (string, bool)) *loader {
	l := &loader{
		cfg:       Default(),
		lookupEnv: lookupEnv,
		variables: map[string]string{},
		reported:  map[string]bool{},
		looked:    map[string]bool{},
		sensitive: map[string]bool{},
	}
	l.cfg.File, l.cfg.files = path, NewFiles()
	return l
}

// load makes a configuration of a document, which is nil if there is none to
// speak of.
func (l *loader) load(document map[string]any) (*Config, error) {
	if document != nil {
		l.document = document
		l.applyEnvironment(document)
		l.read(document)
		l.check()
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return &l.cfg, nil
}

// read reads the tables of the document in the order of config.toml.
func (l *loader) read(document map[string]any) {
	top := &table{loader: l, values: document}
	l.readProxy(top.section("proxy"))
	l.readAdmin(top.section("admin"))
	l.readUpstream(top.section("upstream"))
	l.readToken(top.section("token"))
	l.readLog(top.section("log"))
	for _, t := range top.sections("account") {
		l.readAccount(t)
	}
	for _, t := range top.sections("client") {
		l.readClient(t)
	}
	for _, t := range top.sections("route") {
		l.readRoute(t)
	}
	top.refuseUnknown()
}

// report adds a problem with key, unless there is one already: what follows
// from a mistake is no second mistake. It says the value, unless that could be a
// secret.
func (l *loader) report(key, format string, args ...any) {
	if l.reported[key] {
		return
	}
	l.reported[key] = true
	text := fmt.Sprintf(format, args...)
	l.reportAt(key, text+l.shown(key, text))
}

// anyReported tells whether one of the keys has a problem already, so that what
// it would have allowed is no second one.
func (l *loader) anyReported(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return l.reported[key] })
}

// reportAt adds a problem with key, whatever else is wrong with it.
func (l *loader) reportAt(key, text string) {
	where, name := l.whereabouts(key)
	l.problems = append(l.problems, Problem{where, name, text})
}

// warn adds a remark on key that stops nobody.
func (l *loader) warn(key, format string, args ...any) {
	where, name := l.whereabouts(key)
	line := Problem{where, name, fmt.Sprintf(format, args...)}.Error()
	l.cfg.Warnings = append(l.cfg.Warnings, line)
}

// whereabouts returns what the operator knows a key by.
func (l *loader) whereabouts(key string) (where, name string) {
	if variable, ok := l.variables[key]; ok {
		return "environment", variable
	}
	if l.cfg.File == "" {
		return "environment", key
	}
	return l.cfg.File, key
}

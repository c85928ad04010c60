package config

import (
	"errors"
	"os"

	"github.com/BurntSushi/toml"
	"wxproxy/config/internal/lines"
	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/permission"
	"wxproxy/internal/egress"
	"wxproxy/internal/language"
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

// Load does what the function Load does. A file that still hangs since an earlier Load
// is not opened again.
func (f *Files) Load(path string, lookupEnv func(string) (string, bool)) (*Config, error) {
	return f.load(newLoader(path, lookupEnv), path)
}

// LoadToServe does what Load does, for a process that serves: an account whose
// AppSecret has a file that is not there is no mistake but a warning, as long as others
// have theirs.
func (f *Files) LoadToServe(path string, lookupEnv func(string) (string, bool)) (*Config, error) {
	l := newLoader(path, lookupEnv)
	l.serves = true
	return f.load(l, path)
}

func (f *Files) load(l *loader, path string) (*Config, error) {
	l.cfg.files = f
	f.beginNotes()
	defer f.endNotes()
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
	sources   map[string]givenSource // of the secrets of tables that stand once
	looked    map[string]bool        // the directories that were looked at
	document  map[string]any         // the file, with what the environment says
	sensitive map[string]bool        // the keys whose values are never shown
	hangs     bool                   // a file hung: no other one is waited for
	serves    bool                   // a process goes on without what one account lacks
	absent    []absentSecret         // what accounts lack

	origins map[string]fileKey        // of what included files have, by its key in the document
	decoded map[string]map[string]any // what each file has
	texts   map[string][]byte         // the same as it was read
	lines   map[string]map[string]int // where in its file each key stands; found when it is needed
}

func newLoader(path string, lookupEnv func(string) (string, bool)) *loader {
	l := &loader{
		cfg:       Default(),
		lookupEnv: lookupEnv,
		variables: map[string]string{},
		reported:  map[string]bool{},
		looked:    map[string]bool{},
		sources:   map[string]givenSource{},
		sensitive: map[string]bool{},
		origins:   map[string]fileKey{},
		decoded:   map[string]map[string]any{},
		texts:     map[string][]byte{},
		lines:     map[string]map[string]int{},
	}
	l.cfg.File, l.cfg.files, l.cfg.proxies = path, NewFiles(), egress.Of(lookupEnv)
	return l
}

// load makes a configuration of a document, which is nil if the file is no TOML.
func (l *loader) load(document map[string]any) (*Config, error) {
	l.document = document
	if document != nil && l.include(document) {
		l.applyEnvironment(document)
		l.read(document)
		l.check()
	}
	if len(l.problems) > 0 {
		lines.InOrder(l.problems, func(p Problem) (string, int) { return p.Where, p.line })
		return nil, l.problems
	}
	return &l.cfg, nil
}

// read reads the tables of the document in the order of config.toml.
func (l *loader) read(document map[string]any) {
	top := &table{loader: l, values: document}
	top.value("include")
	l.readProxy(top.section("proxy"))
	l.readPush(top.section("push"))
	l.readAdmin(top.section("admin"))
	l.readUpstream(top.section("upstream"))
	l.readToken(top.section("token"))
	top.section("log").readSettings()
	l.readDefaults(top.section("client_defaults"))
	for i, read := range []func(*table){l.readAccount, l.readPlatform, l.readClient, l.readRoute, l.readForward} {
		for _, t := range top.sections(repeatedTables[i]) {
			read(t)
		}
	}
	top.refuseUnknown()
}

// parse returns the tables of the file as the decoder finds them, or nil after
// reporting why there are none.
func (l *loader) parse(data []byte) map[string]any { return l.decode(l.cfg.File, data) }

// decode does that for any file.
func (l *loader) decode(file string, data []byte) map[string]any {
	document := map[string]any{}
	if _, err := toml.Decode(string(data), &document); err != nil {
		l.reportSyntax(file, err)
		return nil
	}
	l.texts[file], l.decoded[file] = data, document
	return document
}

// reportSyntax says where the file stops being TOML. The decoder's own message
// quotes the file, and the broken line may well hold a secret: only the position is
// taken from it.
func (l *loader) reportSyntax(file string, err error) {
	broken, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		l.reportIn(fileKey{file: file}, language.Phrase("is not TOML"))
		return
	}
	l.reportIn(fileKey{file: file}, language.Textf("line %d, column %d: %s", broken.Position.Line, broken.Position.Col, parse.SyntaxHint(broken.Message)))
}

// warnIfOpen remarks on a file that every user may read, if it is secret, or
// write: users that can write it, or put another one in its place, decide what
// wxproxy does.
func (l *loader) warnIfOpen(key, path string, secret bool) {
	if l.hangs {
		return // so might this
	}
	read, write, ok := permission.OfFile(path)
	if !ok {
		return
	}
	switch {
	case secret && read && write:
		l.warn(key, "every user of this machine can read and write the file; take that away with chmod o-rw")
	case secret && read:
		l.warn(key, "every user of this machine can read the file; take that away with chmod o-r")
	case write:
		l.warn(key, "every user of this machine can write the file; take that away with chmod o-w")
	}
	l.warnIfReplaceable(key, path)
}

package config

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"wxproxy/config/internal/lines"
	"wxproxy/config/internal/permission"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
)

// Problem is one mistake in the configuration. Tables that may be repeated are
// counted from one: account[2] is the second [[account]] of the file.
type Problem struct {
	Where string // the file, or "environment"
	Key   string // the setting, as "account[2].secret", or the variable; may be empty
	Text  error  // what is wrong and what would be right; never a secret
	line  int    // 0: it is not known
}

// Error returns the mistake as one line.
func (p Problem) Error() string { return p.In(language.English) }

// In returns the same in a language.
func (p Problem) In(l language.Language) string {
	where, colon := p.Where, ": "
	if where == environment {
		where = language.Phrase(environment).In(l)
	}
	if l == language.Chinese && where != p.Where {
		colon = "："
	}
	if p.Key == "" {
		return where + colon + language.In(l, p.Text)
	}
	return where + colon + p.Key + colon + language.In(l, p.Text)
}

// environment is where a setting stands that is in no file.
const environment = "environment"

// Problems are all the mistakes of one configuration, at least one.
type Problems []Problem

// Error returns one line per mistake.
func (p Problems) Error() string { return p.In(language.English) }

// In returns the same in a language.
func (p Problems) In(l language.Language) string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.In(l)
	}
	return strings.Join(lines, "\n")
}

// report adds a problem with key, unless there is one already: what follows
// from a mistake is no second mistake. It says the value, unless that could be a
// secret.
func (l *loader) report(key, format string, args ...any) {
	if l.reported[key] {
		return
	}
	l.reported[key] = true
	text := language.Textf(format, args...)
	l.reportAt(key, language.Textf("%v%v%v", text, l.shown(key, text.Error()), l.position(key)))
}

// shown returns the end of a message about key, which says its value; nothing if the
// value does not help, stands in the message already, or could be a secret.
func (l *loader) shown(key, message string) *language.Text {
	if l.sensitive[key] || strings.HasSuffix(key, "_sha256") || strings.HasSuffix(key, "_env") {
		return nothing()
	}
	switch value := lines.Value(l.document, key).(type) {
	case string:
		if value != "" && words.MayShow(key, value) && !strings.Contains(message, "`"+value+"`") {
			return language.Textf(" (it is %q)", value)
		}
	case int64, float64:
		return language.Textf(" (it is %v)", value)
	case time.Time:
		return language.Textf(" (it is %v)", value.Format(time.RFC3339))
	}
	return nothing()
}

// nothing is the end of a message that has no more to say.
func nothing() *language.Text { return language.Textf("") }

// anyReported tells whether one of the keys has a problem already: what it would have
// allowed is then no second problem.
func (l *loader) anyReported(keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return l.reported[key] })
}

// reportAt adds a problem with key, even if it has one already.
func (l *loader) reportAt(key string, text error) {
	where, name := l.whereabouts(key)
	l.problems = append(l.problems, Problem{where, name, text, l.line(key)})
}

// warn adds a remark on key, with which the configuration is good nevertheless.
func (l *loader) warn(key, format string, args ...any) {
	where, name := l.whereabouts(key)
	l.cfg.remarks = append(l.cfg.remarks, Problem{where, name, language.Textf(format, args...), 0})
}

// whereabouts returns where the operator has written a key, and its name there.
func (l *loader) whereabouts(key string) (where, name string) {
	if variable, ok := l.variables[key]; ok {
		return environment, variable
	}
	if l.cfg.File == "" {
		return environment, key
	}
	for outer := range lines.Enclosing(key) {
		if o, ok := l.origins[outer]; ok {
			return o.file, o.name + key[len(outer):]
		}
	}
	return l.cfg.File, key
}

// place returns where a table or key stands, for a message about another one: its name
// in the file, and the file if that is an included one.
func (l *loader) place(key string) *language.Text {
	where, name := l.whereabouts(key)
	if where == l.cfg.File || where == environment {
		return language.Textf("%s", name)
	}
	return language.Textf("%s of %s", name, where)
}

// line returns the line of a key, or else of the table that it is missing in, 0 if
// that is not known.
func (l *loader) line(key string) int {
	where, name := l.whereabouts(key)
	return lines.Of(l.linesOf(where), name)
}

// linesOf returns the line of each key of a file.
func (l *loader) linesOf(file string) map[string]int {
	if l.lines[file] == nil {
		l.lines[file] = lines.Index(l.texts[file])
	}
	return l.lines[file]
}

// position returns the end of a message about key, which says what the entry that has
// it is called, and where it stands.
func (l *loader) position(key string) *language.Text {
	line := l.line(key)
	if line == 0 {
		return nothing()
	}
	entry, inner, _ := strings.Cut(key, "].")
	if name, ok := lines.Value(l.document, entry+"].name").(string); ok && isName(name) && inner != "name" {
		return language.Textf("; %s, line %d", words.Quoted(name), line)
	}
	return language.Textf("; line %d", line)
}

// reportIn adds a problem with what a file has, before all files are one document.
func (l *loader) reportIn(at fileKey, text error) {
	line := l.linesOf(at.file)[at.name]
	if line > 0 {
		text = language.Textf("%v; line %d", text, line)
	}
	l.problems = append(l.problems, Problem{cmp.Or(at.file, environment), at.name, text, line})
}

// warnIfReplaceable remarks on a file, or a socket, that every user may take away
// and put another one in its place. Each directory is remarked on once.
func (l *loader) warnIfReplaceable(key, path string) {
	for _, dir := range permission.Above(path) {
		if !l.looked[dir] && permission.MayReplace(dir) {
			l.warn(key, "every user of this machine can put another file in its place: take that away with chmod o-w %s", words.Folder(dir))
		}
		l.looked[dir] = true
	}
}

// withoutPath drops the path from an error of package os: it stands in the file
// under the key that the problem names, and may be a misplaced secret.
func withoutPath(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}

package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"wxproxy/config/internal/lines"

	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/pathmatch"
	"wxproxy/internal/language"
	"wxproxy/internal/watch"
)

// maxIncluded is how many files one may include.
const maxIncluded = 1000

// A fileKey is where an included file has something: the file, and its name there.
type fileKey struct{ file, name string }

// include adds to the document what the files that it includes have, and reports
// whether that could be done. Tables that may be repeated follow those of the document
// in the order of the files' names; everything else stands once in all files.
func (l *loader) include(document map[string]any) bool {
	t, patterns := &table{loader: l, values: document}, []string(nil)
	t.texts("include", &patterns)
	var files []string
	for i, pattern := range patterns {
		matches, err := included(l.cfg.File, pattern, l.noteLook)
		switch {
		case err != nil && !errors.Is(err, filepath.ErrBadPattern):
			t.wrong(item("include", i), "cannot be read: %v", withoutPath(err))
		case err != nil:
			t.wrong(item("include", i), `is no pattern; write it as "conf.d/*.toml"`)
		case len(matches) == 0:
			t.wrong(item("include", i), "matches no file; it is relative to %s", quotedPath(filepath.Dir(l.cfg.File)))
		}
		files = append(files, matches...)
	}
	if len(files) > maxIncluded {
		t.wrong("include", "matches %d files; at most %d can be included", len(files), maxIncluded)
		return false
	}
	room := largestFile
	for _, file := range files {
		if !slices.Contains(l.cfg.Included, file) {
			l.cfg.Included = append(l.cfg.Included, file)
			room -= l.includeFile(document, file, room)
		}
	}
	return len(l.problems) == 0
}

// included returns the files that a pattern in file matches, in the order of their
// names. The file itself is not among them.
func included(file, pattern string, looked func(path string)) (files []string, err error) {
	matches, err := pathmatch.Find(filepath.Dir(file), pattern, looked)
	for _, match := range matches {
		info, err := os.Stat(match)
		if err == nil && info.IsDir() || filepath.Clean(match) == filepath.Clean(file) {
			continue
		}
		files = append(files, match)
	}
	return files, err
}

// noteLook has a place watched that decides what is included: a folder in which there
// may be more, or a file that is not there yet.
func (l *loader) noteLook(path string) { l.cfg.files.note(path, watch.Look(path)) }

// FileGone returns the file of c, or one that it includes, which is not there any more;
// empty if all are there.
func (c *Config) FileGone() string {
	for _, path := range append([]string{c.File}, c.Included...) {
		if _, err := os.Stat(path); path != "" && errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return ""
}

// includeFile adds what one file has, which is at most room bytes, and returns how
// many it is.
func (l *loader) includeFile(document map[string]any, file string, room int) int {
	data, err := l.cfg.files.read(file, room)
	if err != nil {
		l.reportIn(fileKey{file: file}, language.Textf("cannot be read: %v", err))
		return 0
	}
	pseudo := "file " + file // for remarks on the file itself
	l.origins[pseudo] = fileKey{file: file}
	l.warnIfOpen(pseudo, file, true)
	for _, key := range slices.Sorted(maps.Keys(l.decode(file, data))) {
		l.merge(document, key, fileKey{file, key})
	}
	return len(data)
}

// merge adds to the document what an included file has under a key at its top.
func (l *loader) merge(document map[string]any, key string, from fileKey) {
	if key == "include" {
		l.reportIn(from, language.Textf("stands in an included file; write it into %s alone", quotedPath(l.cfg.File)))
		return
	}
	value := l.decoded[from.file][key]
	_, there := document[key]
	more, repeated := tablesOf(value)
	if _, single := value.(map[string]any); single && slices.Contains(repeatedTables, key) {
		l.reportIn(from, language.Textf("is %s; write [[%s]], with two brackets", parse.KindOf(value), key))
		return
	}
	if !repeated {
		l.mergeOnce(document, "", from)
		return
	}
	before, alike := tablesOf(document[key])
	switch {
	case there && !alike && slices.Contains(repeatedTables, key):
		return // it is a mistake in the other file, which is reported when all are read
	case there && !alike:
		l.reportTwice(key, from)
		return
	}
	for i := range more {
		l.origins[item(key, len(before)+i)] = fileKey{from.file, item(key, i)}
	}
	document[key] = append(before, more...)
}

// tablesOf returns the tables that may be repeated, however they are written.
func tablesOf(value any) (tables []map[string]any, ok bool) {
	if tables, ok = value.([]map[string]any); ok {
		return slices.Clone(tables), true
	}
	list, ok := value.([]any)
	for _, one := range list {
		t, isTable := one.(map[string]any)
		if !isTable {
			return nil, false
		}
		tables = append(tables, t)
	}
	return tables, ok && len(list) > 0
}

// mergeOnce adds what stands once: the value that from names, which goes into the
// table called outer of the document, or all that is in it if it is a table.
func (l *loader) mergeOnce(into map[string]any, outer string, from fileKey) {
	key := strings.TrimPrefix(strings.TrimPrefix(from.name, outer), ".")
	value := lines.Value(l.decoded[from.file], from.name)
	before, there := into[key]
	table, isTable := value.(map[string]any)
	inner, wasTable := before.(map[string]any)
	switch {
	case there && (!isTable || !wasTable):
		l.reportTwice(from.name, from)
		return
	case !there:
		l.origins[from.name] = from
		if !isTable {
			into[key] = value
			return
		}
		inner = map[string]any{}
		into[key] = inner
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		l.mergeOnce(inner, from.name, fileKey{from.file, from.name + "." + name})
	}
}

// reportTwice reports what is given in two files, and names both places.
func (l *loader) reportTwice(key string, again fileKey) {
	where, _ := l.whereabouts(key)
	text := language.Textf("is given already, in %s; it can stand once", where)
	if line := l.line(key); line > 0 {
		text = language.Textf("is given already, in %s, line %d; it can stand once", where, line)
	}
	l.reportIn(again, text)
}

// quotedPath returns a path of the configuration's own between back quotes.
func quotedPath(path string) string { return "`" + path + "`" }

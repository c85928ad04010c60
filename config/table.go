package config

import (
	"fmt"
	"maps"
	"slices"
	"wxproxy/config/internal/parse"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
)

// table is one table of the file while it is read. Its methods set a variable to the
// value of a key, leave it alone when the key is not there, and report a value that
// cannot be meant. Those that return a bool return whether they have set it.
type table struct {
	*loader
	name   string // as "account[2]"; empty for the file itself
	values map[string]any
	known  []string // the keys that can stand in it
}

// readSettings reads the settings of a table that stands once in the file.
func (t *table) readSettings() {
	for _, s := range t.cfg.settings() {
		if s.table == t.name {
			s.read(t, s.key)
		}
	}
	t.refuseUnknown()
}

// key returns the full name of a key of the table.
func (t *table) key(key string) string {
	if t.name == "" {
		return key
	}
	return t.name + "." + key
}

// item returns the name of what has the index i in a list, counted from one.
func item(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i+1) }

// wrong reports a problem with a key of the table.
func (t *table) wrong(key, format string, args ...any) {
	t.report(t.key(key), format, args...)
}

// missing reports that the first of keys is not there or empty, unless one of
// the keys that can stand for it has a problem already.
func (t *table) missing(advice language.Phrase, keys ...string) { t.lacks(advice, keys) }

// lacks does that with advice that names something.
func (t *table) lacks(advice error, keys []string) {
	if slices.ContainsFunc(keys, func(key string) bool { return t.reported[t.key(key)] }) {
		return
	}
	lack := language.Phrase("missing")
	if _, there := t.values[keys[0]]; there {
		lack = "empty"
	}
	t.wrong(keys[0], "%s; %s", lack, advice)
}

// value returns the value of key, if there is one, and remembers that the key
// exists.
func (t *table) value(key string) (any, bool) {
	t.known = append(t.known, key)
	value, ok := t.values[key]
	return value, ok
}

// take sets into to the value of key if it has the type that want describes.
func take[T any](t *table, key string, want error, into *T) bool {
	value, ok := t.value(key)
	if !ok {
		return false
	}
	typed, ok := value.(T)
	if !ok {
		t.wrong(key, "is %s; write %s", parse.KindOf(value), want)
		return false
	}
	*into = typed
	return true
}

func (t *table) text(key string, into *string) bool {
	return take(t, key, language.Phrase(`text in quotes: "..."`), into)
}

func (t *table) flag(key string, into *bool) bool {
	return take(t, key, language.Phrase("true or false, without quotes"), into)
}

// choice reads one of a few words.
func (t *table) choice(key string, into *string, known ...string) bool {
	var word string
	if !t.text(key, &word) {
		return false
	}
	if !slices.Contains(known, word) {
		t.wrong(key, "is not known; write %s%s", words.OneOf(known), words.DidYouMean(word, known))
		return false
	}
	*into = word
	return true
}

// oneWordOf returns the function that reads one of a few words.
func oneWordOf(words ...string) func(*table, string, *string) bool {
	return func(t *table, key string, into *string) bool { return t.choice(key, into, words...) }
}

// list reads the items of a list that all have the type that want describes.
func list[T any](t *table, key string, want language.Phrase, into *[]T) bool {
	var items []any
	if !take(t, key, language.Textf("a list of %s: [...]", want), &items) {
		return false
	}
	typed := make([]T, len(items))
	good := true
	for i, one := range items {
		value, ok := one.(T)
		if !ok {
			t.wrong(item(key, i), "is %s; write a list of %s: [...]", parse.KindOf(one), want)
			good = false
		}
		typed[i] = value
	}
	if good {
		*into = typed
	}
	return good
}

func (t *table) texts(key string, into *[]string) bool {
	return list(t, key, "texts in quotes", into)
}

// repeatedTables are the tables that a file may repeat, in the order in which they are
// read.
var repeatedTables = []string{"account", "platform", "client", "route", "forward"}

// section returns the table with the name, an empty one if the file has none.
func (t *table) section(name string) *table {
	var values map[string]any
	take(t, name, language.Textf("it once, as [%s]", t.key(name)), &values)
	return &table{loader: t.loader, name: t.key(name), values: values}
}

// sections returns the tables with the name, which the file may repeat.
func (t *table) sections(name string) []*table {
	var repeated []map[string]any
	want := language.Textf("[[%s]], with two brackets", name)
	if _, inline := t.values[name].([]any); !inline {
		take(t, name, want, &repeated)
	} else if !list(t, name, "tables", &repeated) {
		t.reported[name] = true
	}
	found := make([]*table, len(repeated))
	for i, values := range repeated {
		found[i] = &table{loader: t.loader, name: item(name, i), values: values}
	}
	return found
}

// refuseUnknown reports the keys that are not known. If one seems to be another one
// misspelt, that is one mistake: the other is not reported as missing.
func (t *table) refuseUnknown() {
	for _, key := range slices.Sorted(maps.Keys(t.values)) {
		if slices.Contains(t.known, key) {
			continue
		}
		text := language.Textf("unknown key %s", words.Quoted(key))
		if meant := words.Nearest(key, t.known); meant != "" {
			text = language.Textf("unknown key %s, did you mean `%s`?", words.Quoted(key), meant)
			t.reported[t.key(meant)] = true
		} else if home := t.home(key); home != nil {
			text = language.Textf("unknown key %s; it belongs to %s", words.Quoted(key), home)
		} else if key == "include" {
			text = language.Textf("unknown key %s; it stands at the top, before all tables", words.Quoted(key))
		}
		t.reportAt(t.name, language.Textf("%v%v", text, t.position(t.key(key))))
		t.problems[len(t.problems)-1].line = t.line(t.key(key))
	}
}

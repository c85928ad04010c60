package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// Changes are what one configuration has and another one has not, by name: settings
// as "proxy.max_body", those of certificates also if their file has others, and entries of
// tables that repeat as "client orders". Of an entry that has changed the keys follow:
// "account shop (secret)". No value is in it.
type Changes struct {
	Added, Removed, Changed []string
}

// ChangesTo returns what next has, and c has not. What a running process cannot change
// is not in it: AtNextStart has that.
func (c *Config) ChangesTo(next *Config) (changes Changes) {
	later := next.settings()
	for i, s := range c.settings() {
		from, to, name := s.value(), later[i].value(), s.table+"."+s.key
		differs := textOf(from, plain) != textOf(to, plain) || c.Fingerprint(name) != next.Fingerprint(name)
		if differs && !s.isFixed(from, to) {
			changes.Changed = append(changes.Changed, name)
		}
	}
	before, after := c.entries(), next.entries()
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, ok := before[name]
		if !ok {
			changes.Added = append(changes.Added, name)
		} else if keys := differentKeys(was, after[name]); len(keys) > 0 {
			changes.Changed = append(changes.Changed, name+" ("+strings.Join(keys, ", ")+")")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			changes.Removed = append(changes.Removed, name)
		}
	}
	return changes
}

// entries returns the entries of all tables that repeat, by their kind and name.
func (c *Config) entries() map[string]reflect.Value {
	found := map[string]reflect.Value{}
	all := reflect.ValueOf(c).Elem()
	for i := range all.NumField() {
		list, kind := all.Field(i), all.Type().Field(i)
		if !kind.IsExported() || list.Kind() != reflect.Slice || list.Type().Elem().Kind() != reflect.Struct || kind.Name == "Certificates" {
			continue
		}
		for n := range list.Len() {
			name := strings.TrimSuffix(strings.ToLower(kind.Name), "s") + " " + entryName(list.Index(n), n)
			if _, taken := found[name]; taken {
				name = fmt.Sprintf("%s (%d)", name, n+1)
			}
			found[name] = list.Index(n)
		}
	}
	return found
}

// entryName returns what an entry is known by, or else its number.
func entryName(entry reflect.Value, n int) string {
	if f, ok := entry.Interface().(Forward); ok {
		return f.Title()
	}
	for _, key := range []string{"Name", "Path"} {
		if f := entry.FieldByName(key); f.IsValid() && f.Kind() == reflect.String && f.String() != "" {
			return f.String()
		}
	}
	return fmt.Sprint(n + 1)
}

// differentKeys returns the keys in which two entries of a kind differ.
func differentKeys(a, b reflect.Value) (keys []string) {
	for i := range a.NumField() {
		if f := a.Type().Field(i); f.IsExported() && text(a.Field(i), plain) != text(b.Field(i), plain) {
			keys = append(keys, keyOf(f.Name))
		}
	}
	return slices.Compact(keys)
}

// keyOf returns the key in the file for a field.
func keyOf(field string) string {
	known := map[string]string{
		"Source": "secret", "KeySHA256": "key", "OldSHA256": "key_old", "Interval": "rate",
		"AESKey": "aes_key", "AgentIsText": "agent_id", "PushAESKey": "push_aes_key", "PushAESKeyOld": "push_aes_key_old",
	}
	if key, ok := known[field]; ok {
		return key
	}
	var key strings.Builder
	for i, r := range field {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(rune(field[i-1])) {
			key.WriteByte('_')
		}
		key.WriteRune(unicode.ToLower(r))
	}
	return key.String()
}

// plain writes secrets as they are, for a comparison in memory, and where they come
// from.
func plain(value any) (text string, ok bool) {
	switch value := value.(type) {
	case secret.Secret:
		return value.Reveal(), true
	case SecretSource:
		return value.String(), true
	}
	return "", false
}

// textOf returns a text that is the same for the same values. What instead has a text
// for is written like that.
func textOf(value any, instead func(any) (string, bool)) string {
	return text(reflect.ValueOf(value), instead)
}

func text(v reflect.Value, instead func(any) (string, bool)) string {
	if written, ok := instead(v.Interface()); ok {
		return fmt.Sprintf("%q", written)
	}
	var parts []string
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return text(v.Elem(), instead)
	case reflect.Slice:
		for i := range v.Len() {
			parts = append(parts, text(v.Index(i), instead))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				parts = append(parts, f.Name+":"+text(v.Field(i), instead))
			}
		}
		return "{" + strings.Join(parts, " ") + "}"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprint(v.Interface())
}

// home returns the tables that a key belongs to, which stands in another one, and nil if there
// is none. It may have the table's name before it, as log_level.
func (t *table) home(key string) *language.Text {
	var found []string
	for _, s := range t.cfg.settings() {
		if s.table == t.name || s.table == WeCom.Section() {
			continue // which has what the way to WeChat has
		}
		switch key {
		case s.key:
			found = append(found, "["+s.table+"]")
		case s.table + "_" + s.key:
			return language.Textf("[%s], as `%s`", s.table, s.key)
		}
	}
	often := map[string]string{"app_id": "account", "corp_id": "account", "secret": "account", "key_sha256": "client", "match": "forward"}
	if table := often[key]; table != "" && found == nil {
		return language.Textf("%s", "[["+table+"]]")
	}
	if found == nil {
		return nil
	}
	return language.Textf("%s", strings.Join(found, ", "))
}

package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referencePath = "../docs/configuration.md"

// The reference is config.toml, and what the code says about each of its keys.
func TestTheReferenceIsWhatTheCodeYields(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/configuration.md is not what config.toml and the code say; update it with: go generate ./config")
	}
}

const referenceIntroduction = `# Every setting

<!-- Made by go generate ./config from config.toml and the code. Change those. -->

This is [config.toml](../config.toml) with what the program itself says of each setting. The file is the one that
` + "`-config`, `WXPROXY_CONFIG`" + ` or else ` + "`config.toml`" + ` in the working directory names.

**When a change counts.** On ` + "`SIGHUP`" + ` or ` + "`POST /reload`" + ` the file is read again. "At a reload" is in force for the
next request; "at the next start" is only noted, and the answer to ` + "`POST /reload`" + ` names it. A variable of the
environment stays what it was when the process started; a ` + "`secret_file`" + ` is read again by itself, two seconds later at
the latest.
`

// reference returns docs/configuration.md.
func reference(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../config.toml")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	text.WriteString(referenceIntroduction)
	for _, s := range settingsOf(string(data)) {
		s.write(&text)
	}
	return text.Bytes()
}

// A documented setting is a line of config.toml, or what stands before one.
type documented struct {
	table, key, value string // no key: a heading, or the remarks on a table
	comment           string
}

// settingsOf returns the settings of config.toml in its order. A line that begins
// with # and no space is an example.
func settingsOf(file string) (found []documented) {
	file = regexp.MustCompile(`(?m)^#([a-z\[#].*)$`).ReplaceAllString(file, "$1")
	_, file, _ = strings.Cut(file, "\n#\n") // the title is ours
	table, comment := "", ""
	remark := func() {
		if comment = strings.Trim(comment, "\n"); comment != "" {
			found = append(found, documented{comment: comment})
		}
		comment = ""
	}
	for line := range strings.Lines(file) {
		line = strings.TrimSuffix(line, "\n")
		heading := regexp.MustCompile(`^# --- (.*) ---$`).FindStringSubmatch(line)
		header := regexp.MustCompile(`^\[+([a-z_.]+)\]+$`).FindStringSubmatch(line)
		key, value, isSetting := strings.Cut(line, "=")
		switch {
		case heading != nil:
			remark()
			found = append(found, documented{comment: "## " + heading[1]})
		case header != nil:
			remark()
			table = header[1]
			found = append(found, documented{comment: "`" + line + "`"})
		case strings.HasPrefix(line, "#"):
			comment += strings.TrimPrefix(line[1:], " ") + "\n"
		case isSetting:
			found = append(found, documented{table, strings.TrimSpace(key), strings.TrimSpace(value), comment})
			comment = ""
		case comment != "":
			remark()
		}
	}
	return found
}

// write says all about s and about the other keys that do the same. A setting
// without a comment belongs to the one before.
func (s documented) write(text *bytes.Buffer) {
	if s.key == "" {
		fmt.Fprintf(text, "\n%s\n", s.comment)
		return
	}
	keys := s.ways()
	if s.comment != "" {
		fmt.Fprintf(text, "\n### `%s`\n\n%s\n", strings.TrimPrefix(s.table+"."+keys[0], "."), s.comment)
		fmt.Fprint(text, "| key | write | default | variable | a change counts |\n|---|---|---|---|---|\n")
	}
	for _, key := range keys {
		way := documented{s.table, key, s.value, ""}
		usual := s.byDefault(keys)
		if key != s.key && !s.isRepeated() { // another way to say the same, of which nobody has one
			usual = "`\"\"`"
		}
		fmt.Fprintf(text, "| `%s` | %s | %s | %s | %s |\n", key, way.wanted(), usual, way.variable(), s.counts(keys[0]))
	}
}

// variable returns the variable of the environment that comes before the file.
func (s documented) variable() string {
	for _, o := range (&Config{}).settings() {
		if o.table == s.table && o.key == s.key && o.variable != "" {
			return "`" + o.variable + "`"
		}
	}
	return ""
}

// ways returns the keys that say the same as s, each in another way.
func (s documented) ways() (keys []string) {
	base := regexp.MustCompile(`_(env|file|sha256)$`)
	for _, key := range s.readAlone(nil).known {
		if key == s.key || s.key != "ca_file" && key != "ca_file" && base.ReplaceAllString(key, "") == base.ReplaceAllString(s.key, "") {
			keys = append(keys, key)
		}
	}
	return keys
}

// readAlone has the loader read the table of s with these values.
func (s documented) readAlone(values map[string]any) *table {
	l := newLoader("", lookup())
	name := s.table
	if s.isRepeated() {
		name = item(name, 0)
	}
	t := &table{loader: l, name: name, values: values}
	map[string]func(*table){
		"proxy": l.readProxy, "push": l.readPush, "admin": l.readAdmin, "upstream": l.readUpstream, "upstream.wecom": l.readUpstreamOfWeCom, "token": l.readToken,
		"": readTop, "log": (*table).readSettings, "client_defaults": l.readDefaults, "account": l.readAccount, "platform": l.readPlatform, "client": l.readClient, "route": l.readRoute, "forward": l.readForward,
	}[s.table](t)
	return t
}

// readTop reads what stands before all tables.
func readTop(t *table) { t.texts("include", new([]string)) }

func (s documented) isRepeated() bool {
	return slices.Contains([]string{"account", "platform", "client", "route", "forward"}, s.table)
}

// said returns what the loader says of a value for the key of s.
func (s documented) said(value any) string {
	t := s.readAlone(map[string]any{s.key: value})
	for _, problem := range t.problems {
		if problem.Key == t.key(s.key) || problem.Key == item(t.key(s.key), 0) {
			return problem.Text
		}
	}
	return ""
}

// wanted returns what the loader advises whoever writes something else: first of
// another type, then of the right one.
func (s documented) wanted() string {
	_, wanted, _ := strings.Cut(s.said(time.Time{}), "; write ")
	wanted = strings.TrimSuffix(strings.TrimSuffix(wanted, `: "..."`), ": [...]")
	var odd any
	switch {
	case strings.HasPrefix(wanted, "text"):
		odd = "?"
	case strings.HasPrefix(wanted, "a number"):
		odd = int64(-1)
	case strings.HasPrefix(wanted, "a duration"):
		odd = "1ms"
	case strings.HasPrefix(wanted, "a list of texts"):
		odd = []any{"?"}
	case strings.HasPrefix(wanted, "a list of numbers"):
		odd = []any{int64(0)}
	}
	said := s.said(odd)
	_, advice, _ := strings.Cut(said, "; write ")
	switch {
	case odd == nil:
	case strings.HasPrefix(said, "must"):
		wanted += "; it " + said
	case strings.HasPrefix(said, "is not known"):
		wanted = advice
	case advice != "":
		wanted += ": " + strings.TrimPrefix(advice, "it ")
	}
	return wanted
}

// byDefault returns what goes without saying. In tables that may be repeated, the
// values of config.toml are examples.
func (s documented) byDefault(keys []string) string {
	if !s.isRepeated() {
		return "`" + s.value + "`"
	}
	t := s.readAlone(nil)
	for _, problem := range t.problems {
		if slices.ContainsFunc(keys, func(key string) bool { return problem.Key == t.key(key) }) {
			if len(keys) > 1 {
				return "one of them"
			}
			return "needed"
		}
	}
	read := map[string]any{"account": t.cfg.Accounts, "platform": t.cfg.Platforms, "client": t.cfg.Clients, "route": t.cfg.Routes, "forward": t.cfg.Forwards}[s.table]
	field := reflect.ValueOf(read).Index(0).FieldByNameFunc(func(name string) bool {
		return strings.EqualFold(name, strings.ReplaceAll(s.key, "_", ""))
	})
	value := s.value
	switch {
	case !field.IsValid(), field.Type() == reflect.TypeFor[secret.Secret]():
	case field.Kind() == reflect.Slice:
		value = "[]"
	default:
		value = fmt.Sprintf("%v", field.Interface())
		if field.Kind() == reflect.String || field.Type() == reflect.TypeFor[time.Duration]() {
			value = fmt.Sprintf("%q", value)
		}
	}
	return "`" + value + "`"
}

// counts returns when a change of a setting is in force.
func (s documented) counts(key string) string {
	before, after := Default(), changed()
	if slices.Contains(before.AtNextStart(&after), s.table+"."+key) {
		if s.table == "token" && key == "store" {
			return "another password of the same Redis at a reload, another store at the next start"
		}
		return "at the next start"
	}
	return "at a reload"
}

// changed returns a configuration of which everything differs from the default.
func changed() (c Config) {
	whole := reflect.ValueOf(&c).Elem()
	for i := range whole.NumField() {
		if whole.Field(i).Kind() != reflect.Struct {
			continue
		}
		for j := range whole.Field(i).NumField() {
			switch f := whole.Field(i).Field(j); f.Interface().(type) {
			case string:
				f.SetString("other")
			case bool:
				f.SetBool(true)
			case secret.Secret:
				f.Set(reflect.ValueOf(secret.New("other")))
			}
		}
	}
	return c
}

// A setting that the reference leaves out, or does not know when it counts, would
// be missed by nobody.
func TestTheReferenceHasEverySetting(t *testing.T) {
	text := string(reference(t))
	for _, table := range []string{"proxy", "push", "admin", "upstream", "upstream.wecom", "token", "log", "client_defaults", "account", "platform", "client", "route", "forward"} {
		s := documented{table: table}
		for _, key := range s.readAlone(nil).known {
			isTable := table+"."+key == "upstream.wecom"
			if !isTable && !strings.Contains(section(text, table), "\n| `"+key+"` |") {
				t.Errorf("got no %s.%s", table, key)
			}
		}
	}
	for _, o := range (&Config{}).settings() {
		if o.variable != "" && !strings.Contains(text, "`"+o.variable+"`") {
			t.Errorf("got no %s", o.variable)
		}
	}
	before, after := Default(), changed()
	for _, fixed := range before.AtNextStart(&after) {
		table, key, _ := strings.Cut(fixed, ".")
		if !regexp.MustCompile("\n\\| `" + key + "` .* at the next start \\|\n").MatchString(section(text, table)) {
			t.Errorf("%s: got another row; want that it counts at the next start", fixed)
		}
	}
}

// section returns what the reference says of a table.
func section(text, table string) string {
	text = strings.NewReplacer("\n`[[", "\n`[", "]]`\n", "]`\n").Replace(text)
	_, rest, _ := strings.Cut(text, "\n`["+table+"]`\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

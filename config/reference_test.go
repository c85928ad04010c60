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

var update = flag.Bool("update", false, "write docs/configuration.md anew, in both languages")

// A referenceIn is the reference in one language: the file whose comments explain the
// settings, the page made of it, and what the page says besides.
type referenceIn struct {
	file, page, introduction, columns string
	say                               func(string) string
}

var references = []referenceIn{
	{"../config.toml", "../docs/configuration.md", referenceIntroduction, "| key | write | default | variable | a change counts |", func(english string) string { return english }},
	{"../config.zh-CN.toml", "../docs/configuration.zh-CN.md", chineseReferenceIntroduction, "| 设置 | 写法 | 默认值 | 环境变量 | 修改何时生效 |", inChinese},
}

// The reference is config.toml, and what the code says about each of its keys.
func TestTheReferenceIsWhatTheCodeYields(t *testing.T) {
	for _, in := range references {
		want := in.reference(t)
		if *update {
			if err := os.WriteFile(in.page, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(in.page)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what %s and the code say; update it with: go generate ./config", in.page, in.file)
		}
	}
}

// What is said to Chinese readers is what is said to others: the same settings, in the same
// order, with the same values.
func TestTheChineseFileHasTheSameSettings(t *testing.T) {
	var found [2][]documented
	for i, in := range references {
		for _, s := range in.settings(t) {
			if s.key == "" && !strings.HasPrefix(s.comment, "`") {
				s.comment, _, _ = strings.Cut(s.comment, " ") // a heading or a remark
				s.comment = strings.Trim(s.comment, "#")
			}
			if s.comment != "" && !strings.HasPrefix(s.comment, "`") {
				s.comment = "there is one"
			}
			found[i] = append(found[i], s)
		}
	}
	for i := range max(len(found[0]), len(found[1])) {
		if i >= len(found[0]) || i >= len(found[1]) || found[0][i] != found[1][i] {
			t.Fatalf("got another %s than %s from %+v and %+v on", references[1].file, references[0].file, found[1][min(i, len(found[1])):], found[0][min(i, len(found[0])):])
		}
	}
}

const referenceIntroduction = `# Every setting

[中文](configuration.zh-CN.md)

<!-- Made by go generate ./config from config.toml and the code. Change those. -->

This is [config.toml](../config.toml) with what the program itself says of each setting. The file is the one that
` + "`-config`, `WXPROXY_CONFIG`" + ` or else ` + "`config.toml`" + ` in the working directory names.

**When a change counts.** On ` + "`SIGHUP`" + ` or ` + "`POST /reload`" + ` the file is read again. "At a reload" is in force for the
next request; "at the next start" is only noted, and the answer to ` + "`POST /reload`" + ` names it. A variable of the
environment stays what it was when the process started; a ` + "`secret_file`" + ` is read again by itself, two seconds later at
the latest.
`

const chineseReferenceIntroduction = `# 全部设置

[English](configuration.md)

<!-- 由 go generate ./config 从 config.zh-CN.toml 和代码生成，请修改它们。 -->

本页是 [config.zh-CN.toml](../config.zh-CN.toml) 的内容，加上程序自己对每个设置的要求。程序读取的文件由 ` + "`-config`" + ` 或
` + "`WXPROXY_CONFIG`" + ` 指定，都没有时是工作目录中的 ` + "`config.toml`" + `。

**修改何时生效。** 收到 ` + "`SIGHUP`" + ` 或 ` + "`POST /reload`" + ` 时重新读取文件。“重新加载时”的设置对下一个请求生效；“下次启动时”的
只在 ` + "`POST /reload`" + ` 的应答中列出。环境变量以进程启动时的为准；` + "`secret_file`" + ` 会自动重新读取，最晚两秒之后。
`

// reference returns the page.
func (r referenceIn) reference(t *testing.T) []byte {
	t.Helper()
	var text bytes.Buffer
	text.WriteString(r.introduction)
	for _, s := range r.settings(t) {
		s.write(&text, r)
	}
	return text.Bytes()
}

func (r referenceIn) settings(t *testing.T) []documented {
	t.Helper()
	data, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	// Markdown makes a space of the end of a line, which Chinese has not.
	return settingsOf(brokenChinese.ReplaceAllString(string(data), "$1$2"))
}

var brokenChinese = regexp.MustCompile(`([\p{Han}，。；：、（）“”])\n#+ ([\p{Han}，。；：、（）“”])`)

// inChinese says in Chinese what the code says in English.
func inChinese(english string) string {
	switch {
	case strings.HasPrefix(english, "`"): // a value
		return english
	case regexp.MustCompile(`^"\w+"(, "\w+")* or "\w+"$`).MatchString(english):
		return strings.NewReplacer(", ", "、", " or ", " 或 ").Replace(english)
	}
	english = regexp.MustCompile(`it must be (between \S+ and [^\s,]+)`).ReplaceAllString(english, "$1 之间")
	for _, phrase := range chinesePhrases {
		english = strings.ReplaceAll(english, phrase[0], phrase[1])
	}
	return english
}

// Whoever has the code say something new says it to Chinese readers, too.
func TestNoEnglishIsLeftInTheChineseReference(t *testing.T) {
	kept := regexp.MustCompile("`[^`]*`|\"[^\"]*\"|true|false|host:port|user:password@|%[0-9A-F]{2}|Unix socket|AgentId|Redis")
	for row := range strings.Lines(string(references[1].reference(t))) {
		if !strings.HasPrefix(row, "| `") {
			continue
		}
		if left := regexp.MustCompile(`[A-Za-z]{2,}`).FindString(kept.ReplaceAllString(row, "")); left != "" {
			t.Errorf("got %q in %s; want it in Chinese: see chinesePhrases", left, row)
		}
	}
}

// The phrases of longer texts come before those that are in them.
var chinesePhrases = [][2]string{
	{"another password of the same Redis at a reload, another store at the next start", "同一 Redis 换密码：重新加载时；换存储：下次启动时"},
	{"at a reload", "重新加载时"},
	{"at the next start", "下次启动时"},
	{"one of them", "其中之一"},
	{"needed", "必须写"},
	{"true or false, without quotes", "true 或 false，不加引号"},
	{"a duration with its unit, as ", "带单位的时长，如 "},
	{"a size in quotes, as ", "加引号的大小，如 "},
	{"a list of numbers", "数字的列表"},
	{"a list of texts in quotes", "加引号的文本的列表"},
	{"a number without quotes", "数字，不加引号"},
	{"a number", "数字"},
	{"text in quotes", "加引号的文本"},
	{"; between ", "；在 "},
	{"; it must be 1 to 64 letters, digits, '-' or '_'", "；1 到 64 个字母、数字、'-' 或 '_'"},
	{"; it must be 64 hexadecimal digits, as `wxproxy key` prints them", "；64 个十六进制数字，由 `wxproxy key` 打印"},
	{"; it must be what WeCom's pages call AgentId, as 1000002; leave it out for applications that have none", "；企业微信页面上的 AgentId，如 1000002；没有 AgentId 的应用不写"},
	{", each of which begins with \"/\"", "，每个都以 \"/\" 开头"},
	{" that begins with \"/\"", "，以 \"/\" 开头"},
	{": scheme and host only, as ", "：只写协议和域名，如 "},
	{": without scheme and port, as ", "：不写协议和端口，如 "},
	{": host:port, as ", "：host:port，如 "},
	{": \"memory:\" or \"file:\" and a folder, as ", "：\"memory:\"，或 \"file:\" 加目录，如 "},
	{" for callers of a unix socket", "（Unix socket 的调用方）"},
	{", and \"user:password@\" before the host if it wants that", "，需要时在主机前加上 \"user:password@\""},
	{"; in the password, # is %23, / is %2F, ? is %3F and % is %25", "；密码中的 # 写成 %23，/ 写成 %2F，? 写成 %3F，% 写成 %25"},
	{", as 0.01 for one of a hundred", "，如 0.01 是百分之一"},
	{": as ", "：如 "},
	{"none", "无"},
	{", or ", " 或 "},
	{" or ", " 或 "},
	{" and ", " 和 "},
	{", \"", "、\""},
	{": ", "："},
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
func (s documented) write(text *bytes.Buffer, in referenceIn) {
	if s.key == "" {
		fmt.Fprintf(text, "\n%s\n", s.comment)
		return
	}
	keys := s.ways()
	if s.comment != "" {
		fmt.Fprintf(text, "\n### `%s`\n\n%s\n", strings.TrimPrefix(s.table+"."+keys[0], "."), s.comment)
		fmt.Fprintf(text, "%s\n|---|---|---|---|---|\n", in.columns)
	}
	for _, key := range keys {
		way := documented{s.table, key, s.value, ""}
		usual := s.byDefault(keys)
		if key != s.key && !s.isRepeated() { // another way to say the same, of which nobody has one
			usual = "`\"\"`"
		}
		fmt.Fprintf(text, "| `%s` | %s | %s | %s | %s |\n", key, in.say(way.wanted()), in.say(usual), way.variable(), in.say(s.counts(keys[0])))
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
			return problem.Text.Error()
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
	beginning, isPath := strings.CutPrefix(said, "must begin with ")
	wanted, _, _ = strings.Cut(wanted, ": 1000002") // what follows says it better
	switch {
	case odd == nil, strings.HasPrefix(said, "is the key before"): // which says nothing of its form
	case isPath && strings.HasPrefix(wanted, "a list"):
		wanted += ", each of which begins with " + beginning
	case isPath:
		wanted += " that begins with " + beginning
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
		if field.Kind() == reflect.String && value == "" && !strings.HasPrefix(s.value, `"`) {
			return "none" // of a number
		}
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
		if whole.Field(i).Kind() != reflect.Struct || !whole.Type().Field(i).IsExported() {
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
	for _, in := range references {
		in.mustHaveEverySetting(t)
	}
}

func (r referenceIn) mustHaveEverySetting(t *testing.T) {
	t.Helper()
	text := string(r.reference(t))
	for _, table := range []string{"proxy", "push", "admin", "upstream", "upstream.wecom", "token", "log", "client_defaults", "account", "platform", "client", "route", "forward"} {
		s := documented{table: table}
		for _, key := range s.readAlone(nil).known {
			isTable := table+"."+key == "upstream.wecom"
			if !isTable && !strings.Contains(section(text, table), "\n| `"+key+"` |") {
				t.Errorf("%s: got no %s.%s", r.page, table, key)
			}
		}
	}
	for _, o := range (&Config{}).settings() {
		if o.variable != "" && !strings.Contains(text, "`"+o.variable+"`") {
			t.Errorf("%s: got no %s", r.page, o.variable)
		}
	}
	before, after := Default(), changed()
	for _, fixed := range before.AtNextStart(&after) {
		table, key, _ := strings.Cut(fixed, ".")
		if !regexp.MustCompile("\n\\| `" + key + "` .*" + r.say("at the next start") + " \\|\n").MatchString(section(text, table)) {
			t.Errorf("%s: %s: got another row; want that it counts at the next start", r.page, fixed)
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

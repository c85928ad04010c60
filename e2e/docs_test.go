package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wxproxy/config"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// read returns the content of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// withoutProgram are the folders of which nothing is compiled into the program that
// operators run.
var withoutProgram = []string{"bench", "docs", "e2e", "internal/redistest", "internal/sockettest", "internal/wechattest", "testdata"}

// sources returns what the packages of the program say, without their tests.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(path, ".") && path != "." || slices.Contains(withoutProgram, path)):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			files++
			all.WriteString(read(t, path))
		}
		return nil
	})
	if err != nil || files < 150 {
		t.Fatalf("got %d files, %v; want those of the program", files, err)
	}
	return all.String()
}

const troubleshooting = "docs/troubleshooting.md"

func TestEveryRemedyIsInTheDocuments(t *testing.T) {
	doc, all := read(t, troubleshooting), 0
	for _, table := range []struct {
		file, name, heading string
		refusal             token.Refusal
		explain             func(error) token.Explanation
		least               int
	}{
		{"token/wechat/remedies.go", "", "## WeChat gives no token", token.Refusal{}, wechat.Explain, 30},
		{"token/wechat/ticketremedies.go", "", "### WeChat gives no ticket", token.Refusal{Ticket: true}, wechat.Explain, 15},
		{"token/wecom/remedies.go", "refusals", "### WeCom gives no token", token.Refusal{}, wecom.Explain, 10},
		{"token/wecom/remedies.go", "callRefusals", "### WeCom refuses calls", token.Refusal{API: "agent/get"}, wecom.Explain, 4},
		{"token/wecom/ticketremedies.go", "", "### WeCom gives no ticket", token.Refusal{Ticket: true}, wecom.Explain, 5},
	} {
		source := read(t, table.file)
		if table.name != "" {
			_, source, _ = strings.Cut(source, "\nvar "+table.name+" = ")
			source, _, _ = strings.Cut(source, "\n}\n")
		}
		rows := regexp.MustCompile(`(?m)^\t(-?\d+|tooOften): +\{token\.Class`).FindAllStringSubmatch(source, -1)
		if all += len(rows); len(rows) < table.least {
			t.Fatalf("got %d remedies; want those of %s", len(rows), table.file)
		}
		_, ofTable, _ := strings.Cut(doc, "\n"+table.heading+"\n")
		ofTable, _, _ = strings.Cut(ofTable, "\n#")
		for _, row := range rows {
			code := 0
			if _, err := fmt.Sscan(strings.Replace(row[1], "tooOften", "45009", 1), &code); err != nil {
				t.Fatal(err)
			}
			table.refusal.Code, table.refusal.Reason = code, "errmsg"
			e := table.explain(&table.refusal)
			if want := fmt.Sprintf("| %d | %s | %s |\n", code, e.Class, e.Remedy); !strings.Contains(ofTable, want) {
				t.Errorf("%s lacks %s", troubleshooting, want)
			}
		}
	}
	if n := len(regexp.MustCompile(`(?m)^\| -?\d+ \| (transient|configuration|quota|account) \|`).FindAllString(doc, -1)); n != all {
		t.Errorf("got %d errcodes; want %d as in the code", n, all)
	}
}

// Of platforms, too, in the words of the API that refused.
func TestEveryRemedyOfAPlatformIsInTheDocuments(t *testing.T) {
	n := len(regexp.MustCompile(`(?m)^\t+(\d+|[A-Z]\w+): +\{token\.Class`).FindAllString(read(t, "token/wechat/platformremedies.go"), -1))
	rows := regexp.MustCompile("(?m)^\\| (\\d+) \\| (any|`api_\\w+`) \\| (\\w+) \\| (.*) \\|$").FindAllStringSubmatch(read(t, troubleshooting), -1)
	if len(rows) != n || n < 20 {
		t.Errorf("got %d rows; want %d as in the code", len(rows), n)
	}
	for _, row := range rows {
		code, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		api := strings.Trim(row[2], "`")
		if api == "any" {
			api = "api_get_authorizer_list"
		}
		if e := wechat.Explain(&token.Refusal{Code: code, API: api, Reason: "errmsg"}); row[3] != string(e.Class) || row[4] != e.Remedy {
			t.Errorf("%s has %q; want %s, %s", troubleshooting, row[0], e.Class, e.Remedy)
		}
	}
}

func TestEveryErrorOfTheProxyIsInTheDocuments(t *testing.T) {
	doc := read(t, troubleshooting)
	problems := regexp.MustCompile(`problem\{fasthttp\.Status\w+, (-\d+), "(\w+)"\}`).FindAllStringSubmatch(read(t, "proxy/errors.go"), -1)
	if len(problems) < 10 {
		t.Fatalf("got %d problems; want those of proxy/errors.go", len(problems))
	}
	for _, p := range problems {
		if want := fmt.Sprintf(" | %s | `%s` | ", p[1], p[2]); !regexp.MustCompile(`(?m)^\| \d{3}` + regexp.QuoteMeta(want)).MatchString(doc) {
			t.Errorf("%s lacks %s", troubleshooting, want)
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (\d{3}) \| -(\d{3})`).FindAllStringSubmatch(doc, -1) {
		if row[1] != row[2] {
			t.Errorf("got HTTP status %s for an errcode that begins with %s", row[1], row[2])
		}
	}
}

// Every line that an operator can read in a log of level warn is explained.
func TestEveryWarningIsInTheDocuments(t *testing.T) {
	doc := read(t, troubleshooting)
	calls := regexp.MustCompile(`\.(?:Warn|Error|Log|LogAttrs)\((?:context\.Background\(\), level, )?"([^"]+)"`)
	messages := calls.FindAllStringSubmatch(sources(t), -1)
	if len(messages) < 15 {
		t.Fatalf("got %d messages; want more", len(messages))
	}
	for _, m := range messages {
		// Tables cannot show a colon at the end: the rest stands in another literal.
		if !strings.Contains(doc, "\n| `"+strings.TrimRight(strings.SplitN(m[1], ": tokens in", 2)[0], ": ")) {
			t.Errorf("%s lacks %q", troubleshooting, m[1])
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	links, anchors := regexp.MustCompile(`\]\(([^)\s]+)\)`), map[string][]string{} // by file
	for _, path := range documents(t) {
		for _, link := range links.FindAllStringSubmatch(read(t, path), -1) {
			file, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: got no %s", path, link[1])
				continue
			}
			if anchor != "" && anchors[target] == nil {
				anchors[target] = anchorsIn(read(t, target))
			}
			if anchor != "" && !slices.Contains(anchors[target], anchor) {
				t.Errorf("%s: got no heading for %s", path, link[1])
			}
		}
	}
}

// anchorsIn returns the anchors that readers of Markdown give the headings of text.
func anchorsIn(text string) (anchors []string) {
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	text = regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(text, "") // where # begins a comment
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := dropped.ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(name, " ", "-"))
	}
	return anchors
}

// documents returns all that users read.
func documents(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("docs/*.md")
	if err != nil || len(paths) < 5 {
		t.Fatalf("got %q, %v", paths, err)
	}
	return append([]string{"README.md", "README.zh-CN.md", "CONTRIBUTING.md"}, paths...)
}

// The security model and what to do in disasters say how each of their promises was tried.
func TestTheSecurityModelNamesTestsThatAreThere(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			tests.WriteString(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`").FindAllStringSubmatch(read(t, "docs/security.md")+read(t, "docs/operations.md"), -1)
	if len(named) < 40 {
		t.Errorf("docs/security.md and docs/operations.md name %d tests; want those that try what they say", len(named))
	}
	for _, name := range named {
		if !strings.Contains(tests.String(), "func "+name[1]+"(") {
			t.Errorf("the documents name %s, which is no test", name[1])
		}
	}
}

// The page that leads a newcomer through the code names files. Each is there.
func TestTheArchitectureNamesFilesThatExist(t *testing.T) {
	there := map[string]bool{} // by name, wherever it is
	for _, folder := range []string{"accountkind", "admin", "config", "internal", "proxy", "push", "token"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			for rest, more := path, true; more; _, rest, more = strings.Cut(rest, "/") {
				there[rest] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	names := regexp.MustCompile(`[a-z0-9_./]+\.(go|lua|toml|yml)\b`).FindAllString(read(t, "docs/architecture.md"), -1)
	if len(names) < 60 {
		t.Fatalf("got %d files; want those of the ways", len(names))
	}
	for _, name := range names {
		if _, err := os.Stat(name); err != nil && !there[name] {
			t.Errorf("docs/architecture.md names %s, which is not there", name)
		}
	}
}

// Every package of the program, and every one that tests share, has a rule that says what
// it may import, and is as small as CONTRIBUTING.md says.
func TestEveryPackageHasABorder(t *testing.T) {
	rules := regexp.MustCompile(`"\*\*/([a-z0-9/*]+)/\*\.go"`).FindAllStringSubmatch(read(t, ".golangci.yml"), -1)
	bounded := func(folder string) bool {
		return slices.ContainsFunc(rules, func(rule []string) bool {
			top, deep := strings.CutSuffix(rule[1], "/**")
			return rule[1] == folder || deep && strings.HasPrefix(folder, top+"/")
		})
	}
	const mostFiles, mostLines = 26, 200
	files := map[string]int{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(path, ".") && path != "." || path == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == "main.go": // which has a rule of its own
			return nil
		}
		files[filepath.ToSlash(filepath.Dir(path))]++
		if lines := strings.Count(read(t, path), "\n"); lines > mostLines {
			t.Errorf("%s has %d lines; want %d at most", path, lines, mostLines)
		}
		return nil
	})
	if err != nil || len(files) < 45 {
		t.Errorf("got %d packages, %v; want all", len(files), err)
	}
	for folder, n := range files {
		if !bounded(folder) {
			t.Errorf("%s: no rule of depguard in .golangci.yml is about this package", folder)
		}
		if n > mostFiles {
			t.Errorf("%s has %d files; want %d at most", folder, n, mostFiles)
		}
	}
}

// A setting that is accepted is obeyed: something outside config reads it, or a method of
// config that something calls.
func TestEverySettingIsUsed(t *testing.T) {
	outside := ""
	for _, folder := range []string{"admin", "internal", "proxy", "push", "token"} {
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				outside += read(t, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var mustBeRead func(of reflect.Type)
	mustBeRead = func(of reflect.Type) {
		for field := range of.Fields() {
			if slices.Contains([]string{"ClientDefaults", "Included", "InboxMax"}, field.Name) {
				continue // config itself gives the first to clients, tells check of the second, and says by InboxLimit what the last means
			}
			inner := field.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if field.IsExported() && !regexp.MustCompile(`\.`+field.Name+`\b`).MatchString(outside) {
				t.Errorf("nothing outside config reads %s.%s", of, field.Name)
			}
			if inner.Kind() == reflect.Struct && inner.PkgPath() == of.PkgPath() {
				mustBeRead(inner)
			}
		}
	}
	mustBeRead(reflect.TypeFor[config.Config]())
}

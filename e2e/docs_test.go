package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxproxy/config"
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
var withoutProgram = []string{"bench", "deploy", "docs", "e2e", "internal/redistest", "internal/sockettest", "internal/wechattest", "testdata"}

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
	file := regexp.MustCompile(`[a-z0-9_./]+\.(go|lua|toml|yml)\b`)
	names := file.FindAllString(read(t, "docs/architecture.md"), -1)
	if len(names) < 60 {
		t.Fatalf("got %d files; want those of the ways", len(names))
	}
	if chinese := file.FindAllString(read(t, "docs/architecture.zh-CN.md"), -1); !slices.Equal(sorted(chinese), sorted(names)) {
		t.Errorf("got %q and %q; want the same files in both languages", without(names, chinese), without(chinese, names))
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
		case entry.IsDir() && (strings.HasPrefix(path, ".") && path != "." || path == "testdata" || path == "deploy"): // whose modules are their own
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

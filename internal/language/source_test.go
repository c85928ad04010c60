package language

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sources are the files whose texts people read: what begins a path, and what in them is
// no text for people.
var sources = []struct {
	path   string
	exempt *regexp.Regexp // nil: nothing
}{
	{"config/", regexp.MustCompile(`^(missing; $| holds$|tls: $|WeCom's console shows|has already been defined|was already created|cannot contain newlines|expected |inline table|table name|table array name|control characters|out of range|nvalid |file |[a-z]+ holds|[a-z.]+ at$|2006-01-02|BUG: | \t)`)},
	{"internal/egress/proxy.go", regexp.MustCompile(`^(write "http|; in the password)`)}, // the end of others
	{"internal/origin/", regexp.MustCompile(`^(unix socket| \t)$`)},
	{"token/store/open.go", regexp.MustCompile(`^(opening|preparing) the token store: %w$`)},
	{"token/store/redis/url.go", regexp.MustCompile("^write it as ")}, // the end of others
	{"token/store/redis/tls.go", nil},
	{"token/store/trust.go", regexp.MustCompile(`^%s (is no plain file|belongs to user|has mode)`)}, // which the log alone has
	{"internal/cli/check.go", regexp.MustCompile(`^(errcode %d: %s|  %s: %s|  %s：%s)`)},
	{"internal/cli/checkstore.go", nil},
	{"internal/newconfig/", regexp.MustCompile(`^(%s -config |  errcode|  %|name = |[[]{2}account|kind = |app_id = |agent_id = |secret =|secret_file =|url = |proxy = |\[%s\])`)},
}

// A found text is one that stands in the source.
type foundText struct{ text, where string }

// callers are the paths where only what is given to one of these functions is for people.
var (
	callers = []string{"internal/cli/", "internal/demo/", "internal/service/"}
	sayers  = regexp.MustCompile(`^(Textf|Phrase|sayf)$`)
)

// parsed returns the files below a path, by package.
func parsed(t *testing.T, path string) (set *token.FileSet, packages map[string][]*ast.File) {
	t.Helper()
	root := "../../" + path
	set, packages = token.NewFileSet(), map[string][]*ast.File{}
	err := filepath.WalkDir(filepath.Clean(root), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "placeholder.go") {
			return err
		}
		tree, err := parser.ParseFile(set, file, nil, 0)
		packages[filepath.Dir(file)] = append(packages[filepath.Dir(file)], tree)
		return err
	})
	if err != nil || len(packages) == 0 {
		t.Fatalf("got %d packages of %s, %v", len(packages), path, err)
	}
	return set, packages
}

// textsOf returns the texts of the files below a path: each constant string with a space.
func textsOf(t *testing.T, path string, exempt *regexp.Regexp) (found []foundText) {
	t.Helper()
	set, packages := parsed(t, path)
	for _, files := range packages {
		constants := constantsOf(files)
		for _, file := range files {
			for _, decl := range file.Decls {
				if imports, ok := decl.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
					continue
				}
				ast.Inspect(decl, func(node ast.Node) bool {
					e, ok := node.(ast.Expr)
					if _, isName := node.(*ast.Ident); !ok || isName {
						return true
					}
					text, isConstant := valueOf(e, constants)
					if isConstant && strings.Contains(text, " ") && (exempt == nil || !exempt.MatchString(text)) {
						found = append(found, foundText{text, set.Position(node.Pos()).String()})
					}
					return !isConstant
				})
			}
		}
	}
	return found
}

// saidBy returns what the files below a path give to the sayers.
func saidBy(t *testing.T, path string) (found []foundText) {
	t.Helper()
	set, packages := parsed(t, path)
	for _, files := range packages {
		constants := constantsOf(files)
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool {
				call, ok := node.(*ast.CallExpr)
				if !ok {
					return true
				}
				if method, ok := call.Fun.(*ast.SelectorExpr); !ok || !sayers.MatchString(method.Sel.Name) {
					return true
				}
				for _, argument := range call.Args {
					if text, ok := valueOf(argument, constants); ok {
						found = append(found, foundText{text, set.Position(node.Pos()).String()})
						break
					}
				}
				return true
			})
		}
	}
	return found
}

// constantsOf returns the constant strings that files declare, by name.
func constantsOf(files []*ast.File) map[string]string {
	constants := map[string]string{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Names) != len(spec.Values) {
				return true
			}
			for i, name := range spec.Names {
				if text, ok := valueOf(spec.Values[i], constants); ok {
					constants[name.Name] = text
				}
			}
			return true
		})
	}
	return constants
}

// valueOf returns a constant string.
func valueOf(e ast.Expr, constants map[string]string) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.Ident:
		text, ok = constants[e.Name]
		return text, ok
	case *ast.BinaryExpr:
		left, isLeft := valueOf(e.X, constants)
		right, isRight := valueOf(e.Y, constants)
		return left + right, e.Op == token.ADD && isLeft && isRight
	case *ast.ParenExpr:
		return valueOf(e.X, constants)
	}
	return "", false
}

// verbs are what a format fills in; letters what it says itself.
var verbs, letters = regexp.MustCompile(`%(\[\d+\])?[a-z%]`), regexp.MustCompile(`[A-Za-z]`)

// saysNothing reports whether a text is the same in every language.
func saysNothing(text string) bool { return !letters.MatchString(verbs.ReplaceAllString(text, "")) }

// A message that is new in English gets its Chinese in a table of this package.
func TestEveryTextForPeopleIsThereInChinese(t *testing.T) {
	var said, known []foundText
	for _, s := range sources {
		said = append(said, textsOf(t, s.path, s.exempt)...)
	}
	for _, path := range callers {
		said, known = append(said, saidBy(t, path)...), append(known, textsOf(t, path, nil)...)
	}
	used := map[string]bool{}
	for _, f := range append(known, said...) {
		key := strings.ReplaceAll(f.text, "%w", "%v")
		used[key], used[strings.TrimSuffix(key, ": %v")], used[strings.TrimPrefix(key, "missing; ")] = true, true, true
	}
	for _, f := range said {
		key := strings.ReplaceAll(f.text, "%w", "%v")
		before := strings.TrimSuffix(key, ": %v")
		if !saysNothing(key) && translated(key) == key && translated(before) == before {
			t.Errorf("%s: there is no Chinese for %q", f.where, f.text)
		}
	}
	for _, table := range catalogue()[1:] { // words of one piece, and the system's, stand in no sentence
		for english := range table {
			if strings.Contains(english, " ") && !used[english] && system[english] == "" {
				t.Errorf("nothing says %q, of which there is Chinese", english)
			}
		}
	}
}

// Both have the same to fill in, of the same kind.
func TestEveryChineseTextFillsInTheSame(t *testing.T) {
	for i, table := range catalogue() {
		for english, chinese := range table {
			if got, want := filled(chinese), filled(english); !maps.Equal(got, want) {
				t.Errorf("%q fills in %v; want %v, as %q does", chinese, got, want, english)
			}
			if chinese == english {
				t.Errorf("%q is not Chinese", chinese)
			}
			for _, other := range catalogue()[i+1:] {
				if _, twice := other[english]; twice {
					t.Errorf("%q stands in two tables", english)
				}
			}
		}
	}
}

// filled returns which arguments a format fills in, and as what.
func filled(format string) map[string]string {
	found, next := map[string]string{}, 1
	for _, verb := range verbs.FindAllString(format, -1) {
		if verb == "%%" {
			continue
		}
		if index := regexp.MustCompile(`\d+`).FindString(verb); index != "" {
			next, _ = strconv.Atoi(index)
		}
		found[strconv.Itoa(next)] = verb[len(verb)-1:]
		next++
	}
	return found
}

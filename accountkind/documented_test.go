package accountkind

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What is a label of metrics is a path as requests are compared with it, once, and holds
// nothing else.
func TestDocumentedPathsAreCleanAndInOrder(t *testing.T) {
	clean := regexp.MustCompile(`^(/[a-z0-9_.-]+)+$`)
	for _, kind := range []*Kind{&WeChat, &WeCom} {
		lines := strings.Split(strings.TrimSuffix(kind.documented, "\n"), "\n")
		if len(lines) < 400 {
			t.Errorf("%s: got %d paths; want a few hundred", kind.Name, len(lines))
		}
		for i, path := range lines {
			if !clean.MatchString(path) || Normal(path) != path || len(path) > 100 {
				t.Errorf("%s: got %q; want a path in normal form", kind.Name, path)
			}
			if i > 0 && lines[i-1] >= path {
				t.Errorf("%s: got %q behind %q; want them in order, each once", kind.Name, path, lines[i-1])
			}
		}
		for _, path := range kind.TokenPaths {
			if !slices.Contains(lines, path) {
				t.Errorf("%s: got no %s", kind.Name, path)
			}
		}
	}
}

// A path that has a row of its own in the table of routes is documented.
func TestRoutesOfTheKindsOwnPathsAreDocumented(t *testing.T) {
	for _, kind := range []*Kind{&WeChat, &WeCom} {
		documented := kind.DocumentedPaths()
		for _, row := range kind.Routes {
			isOwn := row.Credential != CredentialDeny && !strings.HasSuffix(row.Pattern, "*")
			if isOwn && !slices.Contains(documented, row.Pattern) {
				t.Errorf("%s: got no %s", kind.Name, row.Pattern)
			}
			if row.AsPlatform != "" && !slices.Contains(documented, row.AsPlatform) {
				t.Errorf("%s: got no %s", kind.Name, row.AsPlatform)
			}
		}
	}
}

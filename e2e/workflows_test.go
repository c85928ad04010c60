package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pipelines are what GitHub and Gitee run.
var pipelines = []string{".github/workflows/check.yml", ".github/workflows/release.yml", ".workflow/check.yml", ".workflow/release.yml"}

func TestPipelinesRunWhatIsThere(t *testing.T) {
	t.Parallel()
	found := []string{}
	for _, pattern := range []string{".github/workflows/*", ".workflow/*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, paths...)
	}
	if !slices.Equal(found, pipelines) {
		t.Errorf("got %q; want %q", found, pipelines)
	}
	for _, path := range pipelines {
		if _, mistakes := checkDeployed(t, "workflow", path); mistakes != "" {
			t.Errorf("got %s", mistakes)
		}
		text := read(t, path)
		if checks := strings.Contains(text, ".ci/run") || strings.Contains(text, "check.yml"); !checks {
			t.Errorf("%s: does not run what every change must pass", path)
		}
		if releases := strings.Contains(text, "make release") && strings.Contains(text, "dist/*"); releases != strings.HasSuffix(path, "/release.yml") {
			t.Errorf("%s: attaches a release: %v", path, releases)
		}
	}
}

func TestMistakesInPipelinesAreFound(t *testing.T) {
	t.Parallel()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	executable, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, old, new, want string }{
		"a script that is none":        {pipelines[0], "run: .ci/run", "run: .ci/runs", ".ci/runs is no program of this repository"},
		"a target that is none":        {pipelines[1], "run: make release", "run: make releases", "make has no target releases"},
		"a key that is none":           {pipelines[0], "runs-on:", "run-on:", `"run-on"`},
		"a job that is none":           {pipelines[1], "needs: check", "needs: checks", `"checks"`},
		"a workflow that is none":      {pipelines[1], "./.github/workflows/check.yml", "./.github/workflows/checks.yml", "checks.yml"},
		"a variable that is none":      {pipelines[1], "github.token", "github.tokens", `"tokens"`},
		"permissions for all":          {pipelines[0], "  contents: read", "  contents: write", "lacks permissions"},
		"somebody else's action":       {pipelines[1], "actions/setup-go@v6", "someone/setup-go@v6", "no action of GitHub's own"},
		"an action of a branch":        {pipelines[1], "actions/setup-go@v6", "actions/setup-go@main", "at a major version"},
		"no end":                       {pipelines[0], "    timeout-minutes: 45\n", "", "has no timeout-minutes"},
		"Gitee: a field that is none":  {pipelines[2], "golangVersion:", "goVersion:", "goVersion"},
		"Gitee: a step that is none":   {pipelines[2], "build@golang", "execute@docker", "not build@golang"},
		"Gitee: another name":          {pipelines[2], "name: check\ndisplay", "name: checks\ndisplay", "its file's name"},
		"Gitee: a target that is none": {pipelines[3], "make release", "make dist", "make has no target dist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, path := range []string{".ci", "deploy", "Makefile"} {
				if err := os.Symlink(filepath.Join(root, path), filepath.Join(dir, path)); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range pipelines {
				text := read(t, path)
				if path == test.path {
					if !strings.Contains(text, test.old) {
						t.Fatalf("%s: got no %q", path, test.old)
					}
					text = strings.Replace(text, test.old, test.new, 1)
				}
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(dir, path), text)
			}
			check := exec.Command(executable, "workflow", test.path)
			check.Dir = dir
			if out, err := check.CombinedOutput(); err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("got %v, %s; want %q", err, out, test.want)
			}
		})
	}
}

func TestAReleaseIsAttachedAtGitee(t *testing.T) {
	t.Parallel()
	const token = "a-token-that-nobody-may-read"
	var mu sync.Mutex
	got := []string{}
	gitee := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Authorization") != "token "+token {
			http.Error(rw, `{"message":"401 Unauthorized"}`, http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/repos/shop/wxproxy/releases":
			got = append(got, r.FormValue("tag_name")+" at "+r.FormValue("target_commitish"))
			io.WriteString(rw, `{"id":4711,"tag_name":"v1.2.3","author":{"id":9}}`)
		case "/repos/shop/wxproxy/releases/4711/attach_files":
			file, header, err := r.FormFile("file")
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadRequest)
				return
			}
			content, _ := io.ReadAll(file)
			got = append(got, header.Filename+" "+string(content))
			io.WriteString(rw, `{"id":1}`)
		default:
			http.NotFound(rw, r)
		}
	}))
	defer gitee.Close()

	dir := t.TempDir()
	deb, sums := filepath.Join(dir, "wxproxy.deb"), filepath.Join(dir, "SHA256SUMS")
	writeFile(t, deb, "a package")
	writeFile(t, sums, fmt.Sprintf("%x  wxproxy.deb\n", sha256.Sum256([]byte("a package"))))
	attach := func(token string, files ...string) (string, error) {
		c := exec.Command("deploy/gitee-release.sh", append([]string{"v1.2.3"}, files...)...)
		c.Env = append(os.Environ(), "RELEASE_API="+gitee.URL, "RELEASE_REPO=shop/wxproxy", "RELEASE_TOKEN="+token, "NO_PROXY=*")
		out, err := c.CombinedOutput()
		return string(out), err
	}
	if out, err := attach(token, sums, deb); err != nil || strings.Contains(out, token) {
		t.Fatalf("got %s, %v; want a release", out, err)
	}
	want := []string{"v1.2.3 at v1.2.3", "SHA256SUMS " + read(t, sums), "wxproxy.deb a package"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if out, err := attach("another-token", sums, deb); err == nil || !strings.Contains(out, "401") {
		t.Errorf("got %s, %v; want Gitee's refusal", out, err)
	}
	if out, err := attach(token, deb); err == nil || !strings.Contains(out, "SHA256SUMS is none of the files") {
		t.Errorf("got %s, %v; want SHA256SUMS missed", out, err)
	}
	writeFile(t, deb, "another package")
	if out, err := attach(token, sums, deb); err == nil || !strings.Contains(out, "FAILED") {
		t.Errorf("got %s, %v; want a package that is not the one of SHA256SUMS refused", out, err)
	}
}

package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateNotices = flag.Bool("update-notices", false, "write NOTICES anew")

// A notice is one text and what it is of.
type notice struct {
	of   []string
	text string
}

// released are the systems of deploy/release.sh.
func released(t *testing.T) (systems []string) {
	t.Helper()
	for _, target := range regexp.MustCompile(`[a-z]+/(?:amd64|arm64)`).FindAllString(read(t, "deploy/release.sh"), -1) {
		if system, _, _ := strings.Cut(target, "/"); !slices.Contains(systems, system) {
			systems = append(systems, system)
		}
	}
	if len(systems) < 3 {
		t.Fatalf("got %q; want the systems that archives are made for", systems)
	}
	return systems
}

// compiledIn returns the directories of the packages in the program, by the module,
// as "PATH VERSION".
func compiledIn(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, system := range released(t) {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}\t{{.Dir}}", ".")
		list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+system)
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			module, dirs, _ := strings.Cut(strings.TrimSpace(line), "\t")
			root, dir, inModule := strings.Cut(dirs, "\t")
			if !inModule || strings.HasPrefix(module, "wxproxy ") {
				continue // of Go, or ours
			}
			for ; ; dir = filepath.Dir(dir) {
				if !slices.Contains(found[module], dir) {
					found[module] = append(found[module], dir)
				}
				if dir == root {
					break
				}
			}
		}
	}
	return found
}

// noticesIn returns the licences and notices in a directory.
func noticesIn(t *testing.T, dir string) (texts []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)(\.(txt|md))?$`).MatchString(e.Name()) {
			texts = append(texts, strings.TrimSpace(strings.ReplaceAll(read(t, filepath.Join(dir, e.Name())), "\r\n", "\n")))
		}
	}
	return texts
}

const noticesIntroduction = `Notices of what is compiled into wxproxy.
Made by go generate . from the modules. wxproxy's own licence is in the file LICENSE.

The root certificates in golang.org/x/crypto/x509roots/fallback are those of Mozilla's
CA Certificate Program, from certdata.txt of NSS, which is under the Mozilla Public
License 2.0: https://www.mozilla.org/MPL/2.0/
`

// noticesOf returns what NOTICES has to say: each text once.
func noticesOf(t *testing.T, modules map[string][]string) []byte {
	t.Helper()
	var notices []*notice
	add := func(of, text string) {
		i := slices.IndexFunc(notices, func(n *notice) bool { return n.text == text })
		if i < 0 {
			i = len(notices)
			notices = append(notices, &notice{text: text})
		}
		if !slices.Contains(notices[i].of, of) {
			notices[i].of = append(notices[i].of, of)
		}
	}
	names := []string{}
	for name := range modules {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		slices.Sort(modules[name])
		has := 0
		for _, dir := range modules[name] {
			for _, text := range noticesIn(t, dir) {
				has++
				add(name, text)
				if strings.HasPrefix(name, "golang.org/x/sys ") { // Go has the same
					add("Go, its runtime and standard library", text)
				}
			}
		}
		if has == 0 {
			t.Errorf("%s: got no licence; it cannot be given to others", name)
		}
	}
	var file bytes.Buffer
	file.WriteString(noticesIntroduction)
	for _, n := range notices {
		fmt.Fprintf(&file, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(n.of, "\n"), n.text)
	}
	return file.Bytes()
}

func TestTheNoticesAreThoseOfWhatIsCompiledIn(t *testing.T) {
	t.Parallel()
	want := noticesOf(t, compiledIn(t))
	if *updateNotices {
		if err := os.WriteFile("NOTICES", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := []byte(read(t, "NOTICES")); !bytes.Equal(got, want) {
		t.Error("NOTICES is not what the modules say; update it with: go generate .")
	}
	if got := read(t, "LICENSE"); !strings.HasPrefix(got, "MIT License\n\nCopyright (c) 2026 the wxproxy authors\n") {
		t.Errorf("got the licence %s", got)
	}
}

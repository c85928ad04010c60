package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// committed is when what a test releases was committed.
var committed = time.Unix(1_790_000_000, 0)

// commitCheckout makes a repository of Git in dir whose only commit, tagged
// v1.2.3, holds the files of this working tree.
func commitCheckout(t *testing.T, dir string) {
	t.Helper()
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	git := func(tree string, args ...string) {
		t.Helper()
		c := exec.Command("git", append([]string{"--git-dir", dir + "/.git", "--work-tree", tree}, args...)...)
		c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
			"GIT_AUTHOR_NAME=x", "GIT_AUTHOR_EMAIL=x", "GIT_COMMITTER_NAME=x", "GIT_COMMITTER_EMAIL=x",
			fmt.Sprintf("GIT_AUTHOR_DATE=@%d +0000", committed.Unix()), fmt.Sprintf("GIT_COMMITTER_DATE=@%d +0000", committed.Unix()))
		if err := execute(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git(dir, "init", "--quiet")
	git(source, "add", "--all")
	git(source, "commit", "--quiet", "--no-verify", "--message", "a release")
	git(source, "tag", "v1.2.3")
	git(dir, "reset", "--quiet", "--hard")
}

// release runs deploy/release.sh in a fresh repository at dir, in a zone and with
// settings that must not matter, and returns what is in its dist/.
func release(t *testing.T, dir, zone string, targets ...string) map[string][]byte {
	t.Helper()
	commitCheckout(t, dir)
	c := exec.Command("sh", append([]string{"-c", "umask $0; exec deploy/release.sh \"$@\"", "077"}, targets...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "TZ="+zone, "GOFLAGS=-buildvcs=false", "GOAMD64=v3", "GOOS=plan9")
	if err := execute(c); err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	entries, err := os.ReadDir(dir + "/dist")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if found[e.Name()], err = os.ReadFile(filepath.Join(dir, "dist", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// firstRelease is made by the first test that needs one.
var firstRelease struct {
	sync.Once
	files map[string][]byte
}

// releasedOnce returns the files of a release for linux/amd64 and windows/amd64.
func releasedOnce(t *testing.T) map[string][]byte {
	t.Helper()
	firstRelease.Do(func() {
		firstRelease.files = release(t, t.TempDir(), "America/New_York", "linux/amd64", "windows/amd64")
	})
	if firstRelease.files == nil {
		t.Fatal("there is no release: another test says why")
	}
	return firstRelease.files
}

// Windows stands for the archives that are zip files; .ci/run makes the others.
func TestAReleaseIsTheSameBytesWhereverItIsMade(t *testing.T) {
	t.Parallel()
	targets := []string{"linux/amd64", "windows/amd64"}
	first := releasedOnce(t)
	second := release(t, filepath.Join(t.TempDir(), "another place", "with a long name"), "Asia/Shanghai", targets...)
	const linux, windows = "wxproxy_v1.2.3_linux_amd64", "wxproxy_v1.2.3_windows_amd64"
	want := []string{
		"SHA256SUMS", "wxproxy_v1.2.3_helm.tgz", linux + ".cdx.json", linux + ".deb", linux + ".rpm", linux + ".tar.gz",
		windows + ".cdx.json", windows + ".zip",
	}
	for _, found := range []map[string][]byte{first, second} {
		names := []string{}
		for name := range found {
			names = append(names, name)
		}
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Fatalf("got %q; want %q", names, want)
		}
	}
	for _, name := range want {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s: got other bytes the second time", name)
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(first[name]), name); name != "SHA256SUMS" && !strings.Contains(string(first["SHA256SUMS"]), line) {
			t.Errorf("got the sums %s; want %s", first["SHA256SUMS"], line)
		}
	}

	dir := t.TempDir()
	mustHold(t, untar(t, first[linux+".tar.gz"], dir), linux, "wxproxy", "deploy/systemd/wxproxy.service")
	mustHold(t, unzipped(t, first[windows+".zip"]), windows, "wxproxy.exe")
	mustLeadSomewhere(t, filepath.Join(dir, linux))

	chart, values := filepath.Join(dir, "chart.tgz"), strings.Replace(read(t, "deploy/helm/examples/shared.yaml"), `, tag: "1.0"`, "", 1)
	writeFile(t, chart, string(first["wxproxy_v1.2.3_helm.tgz"]))
	if c, mistakes := rendered(t, chart, values); len(c) != 1 || c[0].Image != "registry.example/wxproxy:1.2.3" {
		t.Errorf("got %+v, %s; want the chart of this version", c, mistakes)
	}
	mustList(t, first, linux, filepath.Join(dir, linux, "wxproxy"))

	program := launch{executable: filepath.Join(dir, linux, "wxproxy"), args: []string{"version"}}
	if got := runs(t, exitOK, program).stdout.String(); !strings.HasPrefix(got, "wxproxy v1.2.3, go1.") || strings.Contains(got, "unknown") {
		t.Errorf("got %q; want the version and the commit", got)
	}
	program.args, program.dir, program.env = []string{"check"}, filepath.Join(dir, linux), []string{"WXPROXY_SHOP_SECRET=" + appSecret}
	if got := runs(t, exitOK, program).stdout.String(); !strings.Contains(got, "shop is wx") {
		t.Errorf("got %s; want what the shipped configuration means", got)
	}
}

// What is built of changed files is no release: it says so, and is older than one to dpkg.
func TestWhatIsNoReleaseIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	dir, bin := t.TempDir(), t.TempDir()
	commitCheckout(t, dir)
	writeFile(t, dir+"/README.md", "changed")
	if err := os.Mkdir(dir+"/dist", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/dist/wxproxy_v1.0.0_helm.tgz", "of before")
	c := exec.Command("deploy/release.sh", "linux/amd64")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "release.sh: files are changed, or new, and not committed") {
		t.Fatalf("got %s, %v; want that this is no release", out, err)
	}
	chart := dir + "/dist/wxproxy_v1.2.3+dirty_helm.tgz"
	values := strings.Replace(read(t, "deploy/helm/examples/shared.yaml"), `, tag: "1.0"`, "", 1)
	if c, mistakes := rendered(t, chart, values); len(c) != 1 || c[0].Image != "registry.example/wxproxy:1.2.3-dirty" {
		t.Errorf("got %+v, %s; want the tag of an image", c, mistakes)
	}
	c = exec.Command("sh", "-ec", `cd dist; sha256sum -c SHA256SUMS; v=$(dpkg-deb -f *.deb Version); rpm -qp --qf '%{VERSION} ' *.rpm; echo "$v"; dpkg --compare-versions "$v" lt 1.2.3`)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "wxproxy_v1.0.0_helm.tgz: OK") || !strings.Contains(string(out), "1.2.3~dirty 1.2.3~dirty") {
		t.Errorf("got %s, %v; want 1.2.3~dirty, and the sums of all", out, err)
	}

	dirname, err := exec.LookPath("dirname")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dirname, bin+"/dirname"); err != nil {
		t.Fatal(err)
	}
	c = exec.Command("/bin/sh", dir+"/deploy/release.sh", "linux/amd64", "windows/amd64")
	c.Env = []string{"PATH=" + bin}
	if out, err := c.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "release.sh: zip is missing") {
		t.Errorf("got %s, %v; want what is missing", out, err)
	}
}

// mustHold fails the test unless the archive's only folder has all documents and these
// files besides, and nothing that Git does not have.
func mustHold(t *testing.T, files []string, folder, program string, more ...string) {
	t.Helper()
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(append(documents, "CHANGELOG.md", "LICENSE", "NOTICES", "README.md", "README.zh-CN.md", "config.toml", "config.zh-CN.toml", program), more...) {
		if !slices.Contains(files, folder+"/"+name) {
			t.Errorf("got no %s in %s", name, folder)
		}
	}
	for _, name := range files {
		name, inside := strings.CutPrefix(name, folder+"/")
		if _, err := os.Stat(name); !inside || err != nil && name != program {
			t.Errorf("got %s in %s, which is %v; want what the repository has", name, folder, err)
		}
	}
}

// mustList fails the test unless the bill of materials of a release is one of CycloneDX,
// of that very program, and lists what Go says is compiled in.
func mustList(t *testing.T, release map[string][]byte, name, program string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sbom.json")
	writeFile(t, file, string(release[name+".cdx.json"]))
	library := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go")
	library.Dir = "testdata/deploy"
	dir, err := library.Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, mistakes := checkDeployed(t, "sbom", file, filepath.Join(strings.TrimSpace(string(dir)), "schema")); mistakes != "" {
		t.Errorf("got %s", mistakes)
	}
	var bill struct {
		Metadata struct {
			Timestamp time.Time
			Component struct {
				Version string
				Hashes  []struct{ Content string }
			}
		}
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(release[name+".cdx.json"], &bill); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if itself := bill.Metadata.Component; itself.Version != "v1.2.3" || !bill.Metadata.Timestamp.Equal(committed) ||
		len(itself.Hashes) != 1 || itself.Hashes[0].Content != fmt.Sprintf("%x", sha256.Sum256(content)) {
		t.Errorf("got %+v; want the program of the archive", bill.Metadata)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"stdlib " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
	}
	got := []string{}
	for _, c := range bill.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

// mustLeadSomewhere fails the test unless each link of the documents in dir leads to a
// file that is there, too.
func mustLeadSomewhere(t *testing.T, dir string) {
	t.Helper()
	links := regexp.MustCompile(`(?:\]\(|src="|srcset=")([^)"#:]+)[)"#]`)
	found := 0
	if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		content, err := os.ReadFile(path)
		for _, link := range links.FindAllStringSubmatch(string(content), -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), link[1])); err != nil {
				t.Errorf("%s: a link leads to %s, which is not in the archive", path, link[1])
			}
		}
		return err
	}); err != nil || found < 100 {
		t.Fatalf("got %d links, %v; want those of all documents", found, err)
	}
}

// untar unpacks an archive below dir and returns its files, in its order. All is
// root's and as old as the commit.
func untar(t *testing.T, archive []byte, dir string) (files []string) {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil || !packed.ModTime.IsZero() || packed.Name != "" {
		t.Fatalf("got %v, %v; want no time and no name", packed.Header, err)
	}
	for r := tar.NewReader(packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname+h.Gname != "" || !h.ModTime.Equal(committed) {
			t.Errorf("%s: got %d %d %q %q %v; want root and the commit's time", h.Name, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime)
		}
		mode := os.FileMode(0o644)
		if h.Typeflag == tar.TypeDir || strings.HasSuffix(h.Name, "/wxproxy") || strings.HasSuffix(h.Name, ".sh") {
			mode = 0o755
		}
		if got := h.FileInfo().Mode().Perm(); got != mode {
			t.Errorf("%s: got mode %v; want %v", h.Name, got, mode)
		}
		if h.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(filepath.Join(dir, h.Name), 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, h.Name), string(content))
		chmod(t, filepath.Join(dir, h.Name), mode&^0o044)
		files = append(files, h.Name)
	}
}

func unzipped(t *testing.T, archive []byte) (files []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		if got := f.Modified.UTC(); !got.Equal(committed) { // MS-DOS counts in twos
			t.Errorf("%s: got the time %v; want %v", f.Name, got, committed.UTC())
		}
		files = append(files, f.Name)
	}
	return files
}

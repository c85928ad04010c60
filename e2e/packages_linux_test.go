package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A machine is this one in a copy of its own, in which packages are installed: what is
// written there is in memory, and gone with the process that holds it.
type machine struct {
	t      *testing.T
	holder *exec.Cmd
	root   string // in the holder's namespace
}

// newMachine skips the test for users who may not mount.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("packages are installed by root alone, in a namespace of its own")
	}
	m := &machine{t: t, root: t.TempDir()}
	m.holder = exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-ec", `
		mount -t tmpfs tmpfs "$0" && cd "$0" && mkdir upper work root
		mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
		mount --rbind /dev root/dev && mount --rbind /proc root/proc
		rm -rf root/run/systemd root/etc/wxproxy root/var/lib/wxproxy && echo mounted && exec sleep 600`, m.root)
	var stderr bytes.Buffer
	m.holder.Stderr = &stderr
	out, err := m.holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.holder.Process.Kill()
		m.holder.Wait()
	})
	if n, err := out.Read(make([]byte, 100)); n == 0 {
		t.Fatalf("got %v: %s; want a copy of this machine", err, stderr.String())
	}
	m.root += "/root"
	return m
}

// path is where the test finds a file of the machine.
func (m *machine) path(name string) string {
	return fmt.Sprintf("/proc/%d/root%s/%s", m.holder.Process.Pid, m.root, name)
}

// inside returns the command that runs a script in the machine, as root or as another
// user.
func (m *machine) inside(user, script string, args ...string) []string {
	return append([]string{"nsenter", "--target", fmt.Sprint(m.holder.Process.Pid), "--mount", "--",
		"chroot", "--userspec=" + user, m.root, "sh", "-ec", script}, args...)
}

// try runs a script as root and returns all that it prints.
func (m *machine) try(script string, args ...string) (string, error) {
	c := exec.Command("timeout", append([]string{"120"}, m.inside("root:root", script, append([]string{"sh"}, args...)...)...)...)
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"}
	out, err := c.CombinedOutput()
	return string(out), err
}

func (m *machine) must(script string, args ...string) string {
	m.t.Helper()
	out, err := m.try(script, args...)
	if err != nil {
		m.t.Fatalf("%s %q: %v: %s", script, args, err, out)
	}
	return out
}

// mustSay fails the test unless what a script prints has all of these.
func (m *machine) mustSay(script string, want ...string) {
	m.t.Helper()
	got := m.must(script)
	for _, w := range want {
		if !strings.Contains(got, w) {
			m.t.Errorf("%s: got %s; want %q", script, got, w)
		}
	}
}

// mustBe fails the test unless files have that mode and owner.
func (m *machine) mustBe(want map[string]string) {
	m.t.Helper()
	for name, mode := range want {
		if got := strings.TrimSpace(m.must("stat -c '%a %U:%G' \"$1\"", name)); got != mode {
			m.t.Errorf("%s: got %s; want %s", name, got, mode)
		}
	}
}

// put writes a package that was released into the machine.
func (m *machine) put(name string) {
	m.t.Helper()
	for file, content := range releasedOnce(m.t) {
		if strings.HasSuffix(file, name) {
			writeFile(m.t, m.path(name), string(content))
			return
		}
	}
	m.t.Fatalf("got no %s in the release", name)
}

// The modes and owners that the secrets need.
var installed = map[string]string{
	"/etc/wxproxy":                            "750 root:wxproxy",
	"/etc/wxproxy/config.toml":                "640 root:wxproxy",
	"/var/lib/wxproxy":                        "700 wxproxy:wxproxy",
	"/usr/bin/wxproxy":                        "755 root:root",
	"/usr/lib/systemd/system/wxproxy.service": "644 root:root",
}

// mustBeFresh fails the test unless the package is installed, configured for nobody and
// started by nobody, and says what to do; and unless doing that is right.
func (m *machine) mustBeFresh(said string) {
	m.t.Helper()
	for _, want := range []string{"not started", "/etc/wxproxy/config.toml", "systemctl enable --now wxproxy.socket wxproxy.service"} {
		if !strings.Contains(said, want) {
			m.t.Errorf("got %s; want %q", said, want)
		}
	}
	m.mustBe(installed)
	m.mustSay("wxproxy version", "wxproxy v1.2.3, ")
	m.mustSay("getent passwd wxproxy", "/usr/sbin/nologin")
	m.mustSay("ls /etc/systemd/system/*.wants | grep wxproxy || echo none", "none")
	m.mustSay("bash -c '. /usr/share/bash-completion/completions/wxproxy && complete -p wxproxy'", "_wxproxy")
	m.mustSay("grep ^ExecStart /usr/lib/systemd/system/wxproxy.service", "ExecStart=/usr/bin/wxproxy serve -config /etc/wxproxy/config.toml")
	m.mustSay("! grep -l -e /usr/local -e useradd -e 'install -m' /usr/lib/systemd/system/wxproxy* || false")
	if said, err := m.try("wxproxy check -config /etc/wxproxy/config.toml"); err == nil || !strings.Contains(said, "account: missing; add [[account]]") {
		m.t.Errorf("got %s, %v; want that there is no account yet", said, err)
	}
	m.must(`cp -a /etc/wxproxy/config.toml /etc/before; cd /etc/wxproxy; sed -i '/^#\[\[account/,$s/^#//' config.toml
		printf %s "$1" | install -m 640 -g wxproxy /dev/stdin shop-secret`, appSecret)
	m.mustSay("wxproxy check -config /etc/wxproxy/config.toml", "shop is wx0123456789abcdef")
	m.must("rm /etc/wxproxy/shop-secret; mv /etc/before /etc/wxproxy/config.toml")
}

// newer makes the package of a later version, whose configuration is another, too.
func (m *machine) newer(version string) {
	m.t.Helper()
	m.must(`rm -rf tree; dpkg-deb -R linux_amd64.deb tree; sed -i "s/^Version: .*/Version: $1/" tree/DEBIAN/control
		echo "# of $1" >>tree/etc/wxproxy/config.toml; dpkg-deb -Znone -b tree "$1.deb"`, version)
}

func TestTheDebianPackageIsInstalledUpgradedAndRemoved(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.put("linux_amd64.deb")
	m.mustBeFresh(m.must("dpkg -i linux_amd64.deb"))
	m.newer("1.2.4")

	const edited = "\n[log]\nlevel = \"warn\"\n"
	m.must("printf %s \"$1\" >>/etc/wxproxy/config.toml; echo kept >/var/lib/wxproxy/tokens; echo kept >/etc/wxproxy/shop-secret", edited)
	m.must("chgrp root /etc/wxproxy; chmod 755 /etc/wxproxy") // as by hand
	m.must("dpkg --force-confdef --force-confold -i 1.2.4.deb")
	m.mustBe(installed)
	m.must("dpkg-statoverride --update --add root root 755 /etc/wxproxy; dpkg -i 1.2.4.deb; dpkg-statoverride --remove /etc/wxproxy")
	m.mustBe(map[string]string{"/etc/wxproxy": "755 root:root"})
	m.mustSay("dpkg-query -W wxproxy", "1.2.4")
	m.mustSay("cat /etc/wxproxy/config.toml /var/lib/wxproxy/tokens /etc/wxproxy/shop-secret", edited, "kept\nkept")
	m.mustSay("cat /etc/wxproxy/config.toml.dpkg-dist", "# of 1.2.4")

	m.must("dpkg -r wxproxy")
	m.mustSay("cat /etc/wxproxy/config.toml /var/lib/wxproxy/tokens /etc/wxproxy/shop-secret", edited, "kept\nkept")
	m.mustSay("ls /usr/bin/wxproxy /usr/lib/systemd/system/wxproxy.service 2>&1 || true", "cannot access '/usr/bin/wxproxy'", "cannot access '/usr/lib")
	if said := m.must("dpkg -i 1.2.4.deb </dev/null"); !strings.Contains(said, "not started") {
		t.Errorf("got %s; want that it does not run", said)
	}
	m.mustSay("cat /etc/wxproxy/config.toml", edited)

	m.must("dpkg -P wxproxy")
	m.mustSay("ls -d /etc/wxproxy /var/lib/wxproxy 2>&1 || true", "access '/etc/wxproxy'", "access '/var/lib/wxproxy'")
	m.mustSay("getent passwd wxproxy", "wxproxy") // whose files may lie elsewhere
}

// A stand-in for systemctl says what systemd was asked for and waits until the test, in
// the place of systemd, has started a service anew.
const systemctl = `#!/bin/sh
echo "$*" >>/asked
case $1 in
show) cat /main-pid ;;
is-enabled) exit 0 ;;
try-restart) : >/restart; while [ -e /restart ]; do sleep 0.05; done ;;
esac
`

// runSystemd has packages find a systemd that runs.
func (m *machine) runSystemd() {
	m.t.Helper()
	m.must("mkdir -p /run/systemd/system; printf %s \"$1\" | install -m 755 /dev/stdin systemctl; mv systemctl /usr/bin/systemctl", systemctl)
}

// asked returns what systemd was asked for since the last time.
func (m *machine) asked() []string {
	m.t.Helper()
	return strings.Split(strings.TrimSpace(m.must("cat /asked; rm /asked")), "\n")
}

// activate starts the service of the machine, as systemd would by the unit.
func (m *machine) activate(u *socketUnit, upstream string) *program {
	m.t.Helper()
	file := u.file()
	defer file.Close()
	command := m.inside("wxproxy:wxproxy", "LISTEN_PID=$$ exec /usr/bin/wxproxy serve -config /etc/wxproxy/config.toml")
	p := start(m.t, launch{executable: command[0], args: command[1:], files: []*os.File{file}, env: []string{
		"WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream, "WXPROXY_SHOP_SECRET=" + appSecret, "LISTEN_FDS=1",
	}})
	p.awaitServing()
	writeFile(m.t, m.path("main-pid"), fmt.Sprint(p.cmd.Process.Pid))
	return p
}

// With systemd, an upgrade fails no request, and what the new version refuses does not
// stop the old one.
func TestAnUpgradeOfThePackageRestartsTheServiceUnderLoad(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.put("linux_amd64.deb")
	m.must("dpkg -i linux_amd64.deb")
	m.runSystemd()
	writeFile(t, m.path("etc/wxproxy/config.toml"), "[token]\nstore = \"file:/var/lib/wxproxy\"\n[[account]]\nname = \"shop\"\napp_id = \""+appID+"\"\nsecret_env = \"WXPROXY_SHOP_SECRET\"\n")
	m.newer("1.2.4")

	w, u := startWeChat(t), newSocketUnit(t)
	old := m.activate(u, w.URL)
	old.awaitReady()
	next := old
	n := old.hammer(4, func() {
		upgraded := make(chan struct{})
		go func() {
			defer close(upgraded)
			if said, err := m.try("dpkg --force-confold -i 1.2.4.deb"); err != nil {
				t.Errorf("got %s, %v; want an upgrade", said, err)
			}
		}()
		old.eventually("a restart", func() bool { _, err := os.Stat(m.path("restart")); return err == nil })
		old.signal(syscall.SIGTERM)
		old.mustEnd(exitOK)
		next = m.activate(u, w.URL)
		if err := os.Remove(m.path("restart")); err != nil {
			t.Error(err)
		}
		<-upgraded
	})
	mustBeDistinct(t, w.Sent(), int(n))
	if got, want := m.asked(), []string{"daemon-reload", "show --property=MainPID --value wxproxy.service", "try-restart wxproxy.service"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}

	// What the service may not read, root may: it is checked as the service reads it.
	for _, mistake := range []struct{ version, make, want string }{
		{"1.2.5", "sed -i 's/^app_id/apid/'", "config.toml: account[1]: unknown key `apid`"},
		{"1.2.6", "sed -i 's/^apid/app_id/' /etc/wxproxy/config.toml; chmod 600", "permission denied"},
	} {
		m.newer(mistake.version)
		m.must(mistake.make + " /etc/wxproxy/config.toml")
		said := m.must("dpkg --force-confold -i " + mistake.version + ".deb")
		if !strings.Contains(said, mistake.want) || !strings.Contains(said, "so the old one goes on") || strings.Contains(said, appSecret) {
			t.Errorf("got %s; want %q, and that nothing was restarted", said, mistake.want)
		}
		if got := m.asked(); slices.Contains(got, "try-restart wxproxy.service") {
			t.Errorf("got %q; want no restart", got)
		}
	}
	m.mustKeepToItself(next.cmd.Process.Pid)
	next.mustSucceed()

	m.must("dpkg -r wxproxy")
	if got, want := m.asked(), []string{"disable --now wxproxy.socket wxproxy-push.socket wxproxy.service", "daemon-reload"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	next.stop()
}

// mustKeepToItself fails the test unless a program that the service could have had root
// start, by its variables, has a session of its own and commands no terminal.
func (m *machine) mustKeepToItself(pid int) {
	m.t.Helper()
	const hostile = `#!/bin/sh
printf '\033[2Jsession: %s, %s\n' "$(($$ - $(cut -d ' ' -f 6 /proc/$$/stat)))" "$(id -un)" >&2; head -c 100000 /dev/zero | tr '\0' x >&2; exit 1`
	m.must("cp /usr/bin/wxproxy kept; printf %s \"$1\" | install -m 755 /dev/stdin /usr/bin/wxproxy", hostile)
	said := m.must("/usr/lib/wxproxy/restart-upgraded \"$1\"", fmt.Sprint(pid))
	m.must("mv kept /usr/bin/wxproxy")
	if !strings.Contains(said, "[2Jsession: 0, wxproxy\n") || strings.Contains(said, "\033") || !strings.Contains(said, "so the old one goes on") || len(said) > 30_000 {
		m.t.Errorf("got %.200q, %d bytes; want a session of its own and no commands", said, len(said))
	}
}

func TestTheRPMPackageIsInstalledAndRemoved(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.put("linux_amd64.rpm")
	m.put("linux_amd64.deb")
	m.mustBeFresh(m.must("rpm -i --nodeps linux_amd64.rpm")) // Debian's packages are none to it
	m.mustSay("rpm -qc wxproxy", "/etc/wxproxy/config.toml\n")
	m.mustSay("rpm -qR wxproxy", "/usr/sbin/useradd\n", "/usr/bin/bash\n")
	m.mustSay("rpm -q --qf '%{VERSION} %{ARCH}\n[%{FILENAMES} %{FILEFLAGS:fflags}\n]' wxproxy", "1.2.3 x86_64\n", "/etc/wxproxy/config.toml cn\n", "/usr/share/licenses/wxproxy/NOTICES l\n")
	m.mustSay("rpm -V --nodeps wxproxy && echo as packed", "as packed\n")

	// Both packages hold the same, but for where each family has its own places.
	places := regexp.MustCompile(`/usr/share/(licenses|zsh)/.*|.*/copyright`)
	files := func(script string) []string {
		found := slices.DeleteFunc(strings.Split(m.must(script), "\n"), places.MatchString)
		slices.Sort(found)
		return found
	}
	ofDeb := files("dpkg-deb --fsys-tarfile linux_amd64.deb | tar -t | sed 's/^[.]//' | grep -v '/$'")
	if ofRPM := files("rpm -ql wxproxy | while read -r f; do [ -d \"$f\" ] || echo \"$f\"; done"); !slices.Equal(ofRPM, ofDeb) {
		t.Errorf("got %q in the .rpm; want those of the .deb, %q", ofRPM, ofDeb)
	}

	// rpm counts: two versions, for a moment, are an upgrade.
	m.runSystemd()
	m.must("echo 0 >main-pid")
	m.must("rpm -U --force --nodeps linux_amd64.rpm")
	if got, want := m.asked(), []string{"daemon-reload", "show --property=MainPID --value wxproxy.service", "is-enabled --quiet wxproxy.service"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q, and nothing ended", got, want)
	}

	m.must("echo '#' >>/etc/wxproxy/config.toml; echo kept >/var/lib/wxproxy/tokens; echo kept >/etc/wxproxy/shop-secret; rpm -e wxproxy")
	m.mustSay("cat /etc/wxproxy/config.toml.rpmsave /var/lib/wxproxy/tokens /etc/wxproxy/shop-secret", "#\nkept\nkept\n")
	m.mustSay("ls /usr/bin/wxproxy 2>&1 || true", "cannot access")
	m.mustSay("ls -d /usr/lib/wxproxy /usr/share/licenses/wxproxy /usr/share/doc/wxproxy 2>&1 || true", "access '/usr/lib/wx", "access '/usr/share/lic", "access '/usr/share/doc")
	if got, want := m.asked(), []string{"disable --now wxproxy.socket wxproxy-push.socket wxproxy.service", "daemon-reload"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

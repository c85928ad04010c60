package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A typist sits at a terminal with a shell in which a program called wxproxy
// prints its arguments, one in brackets after the other.
type typist struct {
	*program
	keys *os.File
}

// completing returns the folder of a typist, with the script of the shell in a
// file completion, that program in bin, and files to complete.
func completing(t *testing.T, shell string) string {
	t.Helper()
	dir := t.TempDir()
	script := runs(t, exitOK, launch{args: []string{"completion", shell}}).stdout.String()
	writeFile(t, dir+"/completion", script)
	writeFile(t, dir+"/my file.toml", "")
	if err := os.Mkdir(dir+"/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir+"/bin/wxproxy", "#!/bin/sh\nprintf 'ran'; for a; do printf ' [%s]' \"$a\"; done; printf ' end\\n'\n")
	chmod(t, dir+"/bin/wxproxy", 0o755)
	return dir
}

// sitDown starts the shell, whose prompt must be ready>.
func sitDown(t *testing.T, dir, shell string, args ...string) typist {
	t.Helper()
	c := exec.Command(shell, args...)
	c.Dir = dir
	c.Env = []string{"HOME=" + dir, "ZDOTDIR=" + dir, "TERM=dumb", "PATH=" + dir + "/bin:" + os.Getenv("PATH")}
	return atTerminal(t, c)
}

// atTerminal starts a program with a terminal of its own.
func atTerminal(t *testing.T, c *exec.Cmd) typist {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	number, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() }) // so that its state can be read when the program has ended
	p := &program{t: t, cmd: c, ended: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = terminal, terminal, terminal
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := keys.Read(buffer)
			p.stdout.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("the terminal: %q", p.stdout.tail())
		}
	})
	return typist{p, keys}
}

// types waits for the prompt, types a line and returns how wxproxy was called.
func (y typist) types(line string) string {
	y.t.Helper()
	y.eventually("a prompt", func() bool {
		return strings.HasSuffix(strings.TrimRight(y.stdout.String(), " "), "ready>")
	})
	before := len(y.stdout.String())
	fmt.Fprint(y.keys, line+"\n")
	ran := ""
	y.eventually("what ran", func() bool {
		_, after, found := strings.Cut(y.stdout.String()[before:], "ran")
		ran, _, _ = strings.Cut(after, " end")
		return found && strings.Contains(after, " end\r\n")
	})
	return strings.TrimSpace(ran)
}

func TestShellsCompleteWhatIsTyped(t *testing.T) {
	t.Parallel()
	for shell, set := range map[string]struct {
		rc, content string
		args        []string
	}{
		"bash": {".bashrc", "PS1='ready> '\nbind 'set enable-bracketed-paste off'\n", []string{"-i"}},
		"zsh":  {".zshrc", "autoload -Uz compinit; compinit -u\nPROMPT='ready> '\nunset zle_bracketed_paste\nunsetopt prompt_sp\n", []string{"-d", "-i"}},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			dir := completing(t, shell)
			writeFile(t, filepath.Join(dir, set.rc), set.content+". ./completion\n")
			y := sitDown(t, dir, shell, set.args...)
			for line, want := range map[string]string{
				"wxproxy ser\t":                     "[serve]",
				"wxproxy com\tba\t":                 "[completion] [bash]",
				"wxproxy serve -c\tmy\t":            "[serve] [-config] [my file.toml]",
				"wxproxy -c\tmy\t":                  "[-config] [my file.toml]",
				"wxproxy che\t-l\t-c\tmy\t":         "[check] [-live] [-config] [my file.toml]",
				"wxproxy demo -ch\t":                "[demo] [-chaos]",
				"wxproxy demo -l\t127.0.0.1:1 -c\t": "[demo] [-listen] [127.0.0.1:1] [-chaos]",
				"wxproxy health -u\tmy\thttp://x/":  "[health] [-url] [myhttp://x/]",
				"wxproxy key -c\t":                  "[key] [-c]",
				"wxproxy version ser\t":             "[version] [ser]",
				"wxproxy nonsense -c\t":             "[nonsense] [-c]",
			} {
				if got := y.types(line); got != want {
					t.Errorf("%q: got %s; want %s", line, got, want)
				}
			}
		})
	}
}

// completions is what a shell offers, without descriptions.
func completions(t *testing.T, shell, line string) []string {
	t.Helper()
	dir := completing(t, shell)
	var c *exec.Cmd
	switch shell {
	case "bash":
		words := strings.Split(line, " ")
		c = exec.Command("bash", "--norc", "-c", `. ./completion; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _wxproxy; printf '%s\n' "${COMPREPLY[@]}"`, "bash")
		c.Args = append(c.Args, words...)
	case "fish":
		c = exec.Command("fish", "--no-config", "-c", `source ./completion; complete -C $argv[1]`, line)
	}
	c.Dir, c.Env = dir, []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: got %v: %s", shell, err, stderr.String())
	}
	var offered []string
	for line := range strings.Lines(string(out)) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if word != "" {
			offered = append(offered, word)
		}
	}
	slices.Sort(offered)
	return offered
}

func TestShellsOfferEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	var all []string
	help := runs(t, exitOK, launch{args: []string{"help"}}).stdout.String()
	for _, command := range regexp.MustCompile(`(?m)^  ([a-z]+) `).FindAllStringSubmatch(help, -1) {
		all = append(all, command[1])
	}
	slices.Sort(all)
	for _, shell := range []string{"bash", "fish"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			for line, want := range map[string][]string{
				"wxproxy ":              all,
				"wxproxy ser":           {"serve"},
				"wxproxy -":             {"-config"},
				"wxproxy demo -":        {"-accounts", "-chaos", "-fail", "-listen", "-wechat", "-wecom"},
				"wxproxy check -":       {"-config", "-live"},
				"wxproxy health -":      {"-url"},
				"wxproxy key -":         nil,
				"wxproxy completion ":   {"bash", "fish", "zsh"},
				"wxproxy demo -listen ": nil,
				"wxproxy completion x":  nil,
				"wxproxy nonsense -":    nil,
			} {
				if got := completions(t, shell, line); !slices.Equal(got, want) {
					t.Errorf("%q: got %q; want %q", line, got, want)
				}
			}
		})
	}
}

func TestCompletionNamesTheShellsThatItKnows(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}, {"completion", "-x"}, {"completion", "bash", "zsh"}} {
		p := runs(t, exitMistakes, launch{args: args})
		if got := p.stderr.String(); !strings.HasPrefix(got, "wxproxy completion: ") || p.stdout.String() != "" {
			t.Errorf("%q: got %q on stderr and %q on stdout; want what is wrong", args, got, p.stdout.String())
		}
	}
}

//go:generate go test -run TestTheNoticesAreThoseOfWhatIsCompiledIn -update-notices .

// Command wxproxy is a reverse proxy for WeChat's server API. Programs call it
// as they would call api.weixin.qq.com, without an access_token: it adds the
// token, keeps it fresh, and sends a request once more when WeChat says that the
// token is no good.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	_ "golang.org/x/crypto/x509roots/fallback" // root certificates, where the system has none
)

// Exit codes.
const (
	exitOK       = 0
	exitFailure  = 1
	exitMistakes = 2 // in the configuration or on the command line
)

func main() {
	os.Exit(run(os.Args[1:], terminal{os.Stdout, os.Stderr}))
}

// A terminal is where a command writes.
type terminal struct {
	out, err io.Writer
}

// queued returns t so that nobody waits for who reads it, as what serves needs it,
// and what ends that.
func (t terminal) queued() (queued terminal, end func()) {
	out, err := newLogQueue(t.out), newLogQueue(t.err)
	log.SetOutput(err) // of packages that know no better
	return terminal{out, err}, func() {
		out.end(logFlush)
		err.end(logFlush)
	}
}

// abort ends the process at once, but for the last lines of its log.
func (t terminal) abort() {
	if log, ok := t.err.(*logQueue); ok {
		log.end(logFlush)
	}
	os.Exit(exitFailure)
}

// run carries out one command and returns the exit code.
func run(args []string, t terminal) int {
	name := "serve"
	switch {
	case len(args) > 0 && (args[0] == "" || args[0][0] != '-'):
		name, args = args[0], args[1:]
	case len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		name, args = "help", nil // about all commands, not about serve alone
	}
	o := options{listen: "127.0.0.1:8080"}
	for _, c := range subcommands(&o) {
		if c.name != name {
			continue
		}
		if name == "help" { // about whatever follows
			o.word, args = strings.Join(args, " "), nil
		}
		if c.serves() {
			var end func()
			t, end = t.queued()
			defer end()
		}
		err := c.parse(args, &o)
		switch {
		case errors.Is(err, flag.ErrHelp):
			o.word = name
			err = runHelp(o, t)
		case err == nil:
			err = c.run(o, t)
		}
		return exitCode(err, t)
	}
	return exitCode(unknownCommand(name), t)
}

// exitCode reports err, which may be nil, and returns what the process ends with.
func exitCode(err error, t terminal) int {
	var mistakes mistakeError
	var logged loggedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &mistakes):
		fmt.Fprintln(t.err, err)
		return exitMistakes
	case errors.As(err, &logged):
		return exitFailure
	}
	fmt.Fprintln(t.err, "wxproxy:", err)
	return exitFailure
}

// A loggedError is one that the log has already.
type loggedError struct{ error }

// A mistakeError is something that the user wrote wrong.
type mistakeError struct{ error }

func runVersion(_ options, t terminal) error {
	_, err := fmt.Fprintf(t.out, "wxproxy %s, %s, commit %s\n", version(), runtime.Version(), commit())
	return err
}

// version is the module's version: the tag it was built from, if any.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// commit is the Git commit that the program was built from, if Go noted it.
func commit() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "unknown"
}

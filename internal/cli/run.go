// Package cli is the command line of wxproxy.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strings"
	"sync"

	"wxproxy/internal/language"
	"wxproxy/internal/logqueue"
	"wxproxy/internal/service"
)

// Exit codes.
const (
	exitOK       = 0
	exitFailure  = 1
	exitMistakes = 2 // in the configuration or on the command line
)

// A terminal is where a command writes.
type terminal struct {
	out, err  io.Writer
	isWatched bool // out is a terminal indeed, before which somebody sits
	language  language.Language
}

// sayf writes what people read.
func (t terminal) sayf(to io.Writer, format string, args ...any) {
	fmt.Fprint(to, t.language.Sprintf(format, args...))
}

// mistakes prints what is wrong with the configuration.
func (t terminal) mistakes(err error) error {
	fmt.Fprintln(t.err, language.In(t.language, err))
	return errMistakes
}

// queued returns a terminal that no writer waits for, as serving needs it, and the
// function that writes the last lines.
func (t terminal) queued() (queued terminal, end func()) {
	out, err := logqueue.New(t.out), logqueue.New(t.err)
	log.SetOutput(unquoting{err}) // of packages that have no logger of ours
	return terminal{out, err, t.isWatched, t.language}, func() {
		var both sync.WaitGroup
		both.Go(out.End)
		both.Go(err.End)
		both.Wait()
	}
}

// isTerminal reports whether out is a terminal.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Run carries out the command that args name, and returns the exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	t := terminal{stdout, stderr, isTerminal(stdout), language.Of(os.Getenv)}
	name := "serve"
	switch {
	case len(args) > 0 && (args[0] == "" || args[0][0] != '-'):
		name, args = args[0], args[1:]
	case len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help"}, args[0]):
		name, args = "help", nil // about all commands, not about serve alone
	}
	var o options
	for _, c := range subcommands(&o) {
		if c.name != name {
			continue
		}
		switch name {
		case "help": // about whatever follows
			o.word, args = strings.Join(args, " "), nil
		case "explain":
			args = flagsFirst(args)
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

// exitCode reports err, which may be nil, and returns the exit code.
func exitCode(err error, t terminal) int {
	var mistakes service.MistakeError
	var logged service.LoggedError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &mistakes):
		fmt.Fprintln(t.err, language.In(t.language, err))
		return exitMistakes
	case errors.As(err, &logged):
		return exitFailure
	}
	t.sayf(t.err, "wxproxy: %v\n", err)
	return exitFailure
}

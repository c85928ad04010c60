// Command wxproxy is a reverse proxy for WeChat's server API. Programs call it
// as they would call api.weixin.qq.com, without an access_token: it adds the
// token, keeps it fresh, and sends a request once more when WeChat says that the
// token is no good.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

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

// oneSignal is how long signals count as one: some programs send theirs to a
// process and to its group.
const oneSignal = 5 * time.Millisecond

// untilSignal returns a context that the first SIGTERM or SIGINT ends. A second
// one ends the process at once. SIGHUP has the configuration of s read again.
func untilSignal(s *service) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // so that a second signal is not lost
	signal.Ignore(syscall.SIGPIPE)     // who reads the log may end before the proxy does
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	go func() {
		var first time.Time
		for received := range signals {
			switch {
			case received == syscall.SIGHUP:
				go func() { _, _ = s.reload() }() // which logs what comes of it; a signal to end does not wait
			case time.Since(first) < oneSignal:
			case ctx.Err() != nil:
				s.log.Error("second signal: ending at once", "signal", received.String())
				os.Exit(exitFailure)
			default:
				first = time.Now()
				s.log.Info("draining; a second signal ends at once", "signal", received.String())
				cancel()
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	})
}

// A terminal is where a command writes.
type terminal struct {
	out, err io.Writer
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

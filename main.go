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

const usage = `wxproxy calls WeChat's server API for programs that have no access_token.

usage: wxproxy [COMMAND] [FLAGS]

  serve   [-config FILE]           run the proxy; the default command
  demo    [-chaos] [-listen ADDR]  try it against a simulated WeChat: no account, no file, no network
  check   [-config FILE] [-live]   say what a configuration means; -live: ask WeChat for a token of each account
  health  [-url URL]               exit 0 if the proxy is ready
  key                              make a client key and its key_sha256
  version                          print the version
  help    [COMMAND]                say more about a command

FILE is $WXPROXY_CONFIG if the flag is not given, else config.toml in the working
directory, else the environment alone is read:

  WXPROXY_APP_ID, WXPROXY_SECRET or WXPROXY_SECRET_FILE    one account, when there is no file
  WXPROXY_LISTEN, WXPROXY_ADMIN_LISTEN, WXPROXY_ADMIN_KEY,
  WXPROXY_STORE, WXPROXY_UPSTREAM_URL, WXPROXY_LOG_LEVEL   override the file

Every setting is explained in config.toml and docs/configuration.md. SIGHUP reads the
file again, SIGTERM ends when all that is under way is answered.
`

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
	commands := map[string]func([]string, terminal) error{
		"serve": runServe, "demo": runDemo, "check": runCheck,
		"health": runHealth, "key": runKey, "version": runVersion, "help": runHelp,
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprintf(t.err, "wxproxy: there is no command %q; wxproxy help lists them\n", name)
		return exitMistakes
	}
	return exitCode(command(args, t), t)
}

// exitCode reports err, which may be nil, and returns what the process ends with.
func exitCode(err error, t terminal) int {
	var mistakes mistakeError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.As(err, &mistakes):
		fmt.Fprintln(t.err, err)
		return exitMistakes
	}
	fmt.Fprintln(t.err, "wxproxy:", err)
	return exitFailure
}

// A mistakeError is something that the user wrote wrong.
type mistakeError struct{ error }

// parseFlags parses the flags that define adds. Nothing may stand behind them.
func parseFlags(command string, args []string, t terminal, define func(*flag.FlagSet)) error {
	flags := flag.NewFlagSet("wxproxy "+command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	define(flags)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(t.out, helpFor(command))
		return err
	case err != nil:
		return mistakeError{fmt.Errorf("wxproxy %s: %w; wxproxy help lists the flags", command, err)}
	case flags.NArg() > 0:
		return mistakeError{fmt.Errorf("wxproxy %s: unexpected argument %q; wxproxy help lists the flags", command, flags.Arg(0))}
	}
	return nil
}

func runHelp(args []string, t terminal) error {
	_, err := fmt.Fprint(t.out, helpFor(strings.Join(args, " ")))
	return err
}

func runVersion(args []string, t terminal) error {
	if err := parseFlags("version", args, t, func(*flag.FlagSet) {}); err != nil {
		return err
	}
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

package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"wxproxy/internal/language"
	"wxproxy/internal/service"
)

// A command is a row of what wxproxy help lists. Flags, help and the completion
// of shells all come from that table.
type command struct {
	name  string
	flags []option
	words []string // one of them must follow the flags; none: nothing may
	names string   // a word for the names that may follow instead; empty: none may
	does  string
	run   func(options, terminal) error
}

// serves reports whether c runs until a signal ends it. Its log may have no reader.
func (c command) serves() bool { return c.name == "serve" || c.name == "demo" }

// An option is a flag of a command.
type option struct {
	name  string
	value string // a word for its value; empty: the flag has none
	does  string
	to    any // *string, or *bool without a value
}

// options are what the flags of all commands can say, with their defaults.
type options struct {
	config, listen, url    string
	chaos, wecom, live     bool
	accounts, wechat, fail string // of the demo
	platform               string // a platform's name
	replace                bool
	force, unchecked       bool // of init, as what follows
	appID, corpID, agentID string
	secretFile, upstream   string
	proxy                  string // its URL, which may have a password
	word                   string // one of the command's
	names                  []string
}

// subcommands returns the table. Parsing sets o.
func subcommands(o *options) []command {
	file := option{"config", "FILE", "the configuration", &o.config}
	return []command{
		{"serve", []option{file}, nil, "", "run the proxy; the default command", runServe},
		{"demo", []option{{"wecom", "", "a simulated WeCom in the place of WeChat", &o.wecom}, {"chaos", "", "end the token every few seconds", &o.chaos},
			{"accounts", "N", "how many accounts", &o.accounts}, {"fail", "FAULT", "what goes wrong: ip, secret, down or storm", &o.fail},
			{"listen", "ADDR", "the address for callers", &o.listen}, {"wechat", "ADDR", "the address of the simulated side", &o.wechat}},
			nil, "", "try it against a simulated WeChat or WeCom: no account, no file, no network", runDemo},
		{"init", []option{{"config", "FILE", "the file to write", &o.config}, {"force", "", "overwrite a file that is there", &o.force},
			{"app-id", "APPID", "the AppID; else it is asked for", &o.appID}, {"secret-file", "FILE", "the file that has the secret; else it is asked for", &o.secretFile},
			{"wecom", "", "an application of WeCom", &o.wecom}, {"corp-id", "CORPID", "its corp id", &o.corpID}, {"agent-id", "N", "its AgentId", &o.agentID},
			{"upstream", "URL", "another address of WeChat or WeCom", &o.upstream},
			{"proxy", "URL", "the proxy on the way there", &o.proxy}, {"unchecked", "", "do not ask WeChat", &o.unchecked}},
			nil, "", "ask for AppID and AppSecret, check them with WeChat, and write a configuration", runInit},
		{"check", []option{file, {"live", "", "ask WeChat for a token of each account", &o.live}},
			nil, "", "say what a configuration means; -live: ask WeChat for a token of each account", runCheck},
		{"health", []option{{"url", "URL", "the address of the admin listener", &o.url}}, nil, "", "exit 0 if the proxy is ready", runHealth},
		{"reload", []option{file, {"url", "URL", "the address of the admin listener", &o.url}},
			nil, "", "have a running proxy read its configuration again", runReload},
		{"platform", []option{file, {"platform", "NAME", "which [[platform]], if there are several", &o.platform},
			{"replace", "", "overwrite what the store has", &o.replace}},
			[]string{"import", "export"}, "FILE", "move the refresh tokens of a third-party platform into the token store, or out of it", runPlatform},
		{"key", nil, nil, "NAME", "make a client key and its key_sha256, or a [[client]] for each NAME", runKey},
		{"explain", []option{{"wecom", "", "what it means at WeCom", &o.wecom}}, nil, "CODE", "say what an errcode means, and what to do: a number, or a whole answer", runExplain},
		{"version", nil, nil, "", "print the version", runVersion},
		{"completion", nil, []string{"bash", "zsh", "fish"}, "", "print a script with which that shell completes these words", runCompletion},
		{"help", nil, nil, "", "print this, or with the name of a command more about that", runHelp},
	}
}

// parse sets the options that args name.
func (c command) parse(args []string, o *options) error {
	flags := flag.NewFlagSet("wxproxy "+c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, f := range c.flags {
		switch to := f.to.(type) {
		case *string:
			flags.StringVar(to, f.name, *to, "")
		case *bool:
			flags.BoolVar(to, f.name, *to, "")
		}
	}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	rest := flags.Args()
	if err == nil && len(c.words) > 0 {
		if len(rest) == 0 || !slices.Contains(c.words, rest[0]) {
			return service.MistakeError{Err: language.Textf("wxproxy %s: name one of %s", c.name, strings.Join(c.words, ", "))}
		}
		o.word = rest[0]
		rest, err = operands(flags, rest[1:])
	}
	if c.names != "" {
		o.names, rest = rest, nil
	}
	if err == nil && len(rest) > 0 {
		err = language.Textf("unexpected argument %q", rest[0])
	}
	if err != nil {
		return service.MistakeError{Err: language.Textf("wxproxy %s: %w; wxproxy help lists the flags", c.name, err)}
	}
	return nil
}

// operands returns what of args are no flags, which may stand among them.
func operands(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) > 0 {
			rest, args = append(rest, args[0]), args[1:]
		}
	}
	return rest, nil
}

const usageFoot = `
FILE is $WXPROXY_CONFIG if the flag is not given, else config.toml in the working
directory, else the environment alone is read:

  WXPROXY_APP_ID, WXPROXY_SECRET or WXPROXY_SECRET_FILE    one account, when there is no file
  WXPROXY_LISTEN, WXPROXY_PUSH_LISTEN, WXPROXY_ADMIN_LISTEN, WXPROXY_ADMIN_KEY,
  WXPROXY_STORE, WXPROXY_UPSTREAM_URL, WXPROXY_LOG_LEVEL   override the file

Every setting is explained in config.toml and docs/configuration.md. wxproxy help COMMAND
says more about a command. SIGHUP reads the file again, SIGTERM ends when all that is
under way is answered.
`

// longestArgs is how long the arguments of a command may be that share a line with what it does.
const longestArgs = 90

// usage returns what wxproxy help prints.
func usage(in language.Language) string {
	var text strings.Builder
	text.WriteString(in.Sprintf("wxproxy calls WeChat's server API for programs that have no access_token.\n\nusage: wxproxy [COMMAND] [FLAGS]\n\n"))
	for _, c := range subcommands(new(options)) {
		var args []string
		for _, f := range c.flags {
			args = append(args, "["+strings.TrimSpace("-"+f.name+" "+f.value)+"]")
		}
		if len(c.words) > 0 {
			args = append(args, strings.Join(c.words, "|"))
		}
		if c.names != "" && len(c.words) > 0 {
			args = append(args, c.names)
		} else if c.names != "" {
			args = append(args, "["+c.names+"...]")
		}
		all := strings.Join(args, " ")
		if len(all) > longestArgs {
			all += "\n" + strings.Repeat(" ", len("  ")+10+len(" ")+28)
		}
		fmt.Fprintf(&text, "  %-10s %-28s %s\n", c.name, all, language.Phrase(c.does).In(in))
	}
	if in == language.Chinese {
		text.WriteString(usageFootChinese)
	} else {
		text.WriteString(usageFoot)
	}
	return text.String()
}

func runHelp(o options, t terminal) error {
	text, err := helpFor(o.word, t.language)
	if err != nil {
		return err
	}
	_, err = io.WriteString(t.out, text)
	return err
}

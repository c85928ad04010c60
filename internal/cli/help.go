package cli

import (
	"slices"

	"wxproxy/internal/language"
	"wxproxy/internal/service"
)

// details say more about each command than usage does. A test compares their flags
// with the table's.
var details = map[string]string{
	"serve": `usage: wxproxy [serve] [-config FILE]

Runs the proxy until SIGTERM or SIGINT. Callers reach it on 127.0.0.1:8080, operators on
127.0.0.1:8081: /readyz, /status, /metrics, and a page for browsers at /.

  -config FILE  the configuration; wxproxy help says what is read without it

SIGHUP reads the configuration again. SIGTERM and SIGINT turn /readyz to 503 and, after
shutdown_delay, take nobody new and answer what is under way, for drain_timeout at most; a
second one ends at once.

Exit code: 0 after a signal, 1 if it cannot go on or had to cut a request, 2 for a mistake in the configuration.
`,
	"demo": `usage: wxproxy demo [-wecom] [-accounts N] [-chaos] [-fail FAULT] [-listen ADDR] [-wechat ADDR]

Runs a simulated WeChat and the proxy before it, both on this machine, and prints curl
lines to paste. Needs no account, no file and no network. On a terminal it shows each
request that the simulated side gets: what was called, which token was added (masked), what
was refused and cured.

  -wecom        a simulated WeCom in the place of WeChat: a corp with two applications
  -accounts N   how many accounts, 1 to 1000
  -chaos        the simulated side ends a token every few seconds
  -fail FAULT   ip: it refuses this machine's address. secret: the secret is wrong. down: it
                is away half of the time. storm: programs call while the token ends each second
  -listen ADDR  where the proxy listens; without it 127.0.0.1:8080, or a free port if that is taken
  -wechat ADDR  where the simulated side listens, as 127.0.0.1:9000, to try a configuration of
                your own against it: the lines for that are printed. Then the demo's proxy
                takes free ports
`,
	"init": `usage: wxproxy init [-config FILE] [-force] [-app-id APPID] [-secret-file FILE] [-upstream URL] [-proxy URL] [-unchecked]
       wxproxy init -wecom [-corp-id CORPID] [-agent-id N] [...]

Asks for the AppID and the AppSecret, which it does not show, and has WeChat issue a token
for them. It says what WeChat objects to, as an IP address that its allow-list has not, and
tries again when that is mended. Then it writes a configuration that only you can read
(mode 0600), and prints the two lines to run.

A script sends the answers as lines: the AppID, then the AppSecret; with -app-id only the
AppSecret. Then nothing is asked twice, and with an objection there is no file.

  -config FILE       the file to write; $WXPROXY_CONFIG, or config.toml
  -force             overwrite a regular file that is there; its owner and group, if that alone can
                     read it, stay as they are
  -app-id APPID      the AppID
  -secret-file FILE  a file that has the secret; the configuration names it
  -wecom             an application of WeCom: its corp id, its AgentId and its secret
  -corp-id CORPID    its corp id
  -agent-id N        its AgentId
  -upstream URL      another address of WeChat or WeCom, as that of wxproxy demo -wechat
  -proxy URL         the proxy on the way there, as http://user:password@host:port, which is
                     written into the configuration; without it HTTPS_PROXY and NO_PROXY say it
  -unchecked         write it without asking WeChat, as on a machine without network

Exit code: 0 if the file is written, 1 if not, 2 for a mistake on the command line.
`,
	"check": `usage: wxproxy check [-config FILE] [-live]

Says what a configuration means, or every mistake in it, a line for each. It opens no
port and changes nothing, so it may run beside a proxy.

  -config FILE  the configuration; wxproxy help says what is read without it
  -live         ask WeChat for a token of each account, and say in words what it objects to.
                It is a stable one, so that no token in use comes to an end.
                For an account with pushes, WeChat also says whether its servers reach it. Of a
                platform, WeChat is asked to send tickets, which it does anyway

Exit code: 0 if all is well, 1 if not, 2 for a mistake on the command line.
`,
	"health": `usage: wxproxy health [-url URL]

Asks a proxy on this machine whether it is ready: whether it takes requests and at least
one account has a token.

  -url URL  where to ask, as http://127.0.0.1:8081 or unix:/run/wxproxy/admin.sock; /readyz
            is added if it has no path; with /readyz?all=1 every account must have a token.
            Without -url, the admin listener of the process that serves the configuration
            which serve would read, whatever that says by now

Exit code: 0 if it is ready, 1 if not.
`,
	"reload": `usage: wxproxy reload [-config FILE] [-url URL]

Has a proxy on this machine read its configuration again, as SIGHUP does, and prints what
it added, removed and changed, and which settings wait for the next start; or each mistake,
and then the configuration before goes on. It shows the admin.key_old of the configuration,
if there is one, which the process knows already, or else admin.key or WXPROXY_ADMIN_KEY.
Warnings are what wxproxy check would say of it.

  -config FILE  the configuration of that process; wxproxy help says which without it
  -url URL      where to ask, as http://127.0.0.1:8081 or unix:/run/wxproxy/admin.sock; else
                the admin listener of the process that serves FILE, as wxproxy health finds it

Exit code: 0 if it is reloaded, 1 if not, 2 for a mistake on the command line.
`,
	"platform": `usage: wxproxy platform import [-config FILE] [-platform NAME] [-replace] FILE
       wxproxy platform export [-config FILE] [-platform NAME] FILE

Moves the refresh tokens of the accounts that have authorized a [[platform]] into the token
store of the configuration, or out of it. A file has a line for each:

  authorizer_appid,refresh_token

Empty lines, those that begin with #, and a first line with these two words are left out. A
file with a mistake is not imported at all; the mistakes have their lines' numbers, and never
quote a token. Run again, the same file changes nothing. Where the store knows more of an
account (another refresh token, an authorization that has ended, an event), its line is refused.
An export is encrypted with token.encryption_key, and is imported where that key, or
encryption_key_old, is the same. FILE may be - for standard input or output. Run it as the user
that serves.

  -config FILE    the configuration; wxproxy help says what is read without it
  -platform NAME  the [[platform]]; not needed if there is only one
  -replace        import: overwrite what the store has

Exit code: 0 if all of it was moved, 1 if not, 2 for a mistake on the command line.
`,
	"key": `usage: wxproxy key [NAME...]

Prints a new key for a [[client]] and its hash. The program gets key, the configuration
key_sha256. With names, prints a [[client]] for each, to paste into the configuration,
and behind them the keys, which stand nowhere else: give each program its own.

Exit code: 0, or 2 for a name that a client cannot have.
`,
	"explain": `usage: wxproxy explain [-wecom] CODE...

Says what an errcode means, what to do about it, and what wxproxy does on it. CODE is a
number, several, or whatever has errcodes in it: a whole answer, its errmsg, a line of the
log; - reads that from standard input. Negative ones are wxproxy's own, but for -1 and -1000.
It speaks Chinese if LC_ALL, LC_MESSAGES or LANG says so.

  -wecom  what it means at WeCom; an answer that names WeCom needs no flag

  wxproxy explain 40001
  wxproxy explain '{"errcode":61023,"errmsg":"refresh_token is invalid rid: 655d9278-1a2b3c4d-00"}'

Exit code: 0 if every one is known, 1 if not, 2 for a mistake on the command line.
`,
	"completion": `usage: wxproxy completion bash|zsh|fish

Prints a script with which that shell completes commands and flags:

  bash  source <(wxproxy completion bash)
  zsh   source <(wxproxy completion zsh)     in ~/.zshrc, behind compinit
  fish  wxproxy completion fish | source
`,
	"version": `usage: wxproxy version

Prints the version, that of Go, and the commit.
`,
}

// helpFor returns the help for a command, or for all of them if name is empty.
func helpFor(name string, in language.Language) (string, error) {
	pages := details
	if in == language.Chinese {
		pages = detailsChinese
	}
	if text, ok := pages[name]; ok {
		return text, nil
	}
	isCommand := slices.ContainsFunc(subcommands(new(options)), func(c command) bool { return c.name == name })
	if name != "" && name[0] != '-' && !isCommand {
		return "", unknownCommand(name)
	}
	return usage(in), nil
}

// unknownCommand returns the mistake in a command line that names no command.
func unknownCommand(name string) error {
	return service.MistakeError{Err: language.Textf("wxproxy: there is no command %q; wxproxy help lists them", name)}
}

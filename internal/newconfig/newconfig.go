// Package newconfig makes the first configuration of somebody who has an account: it asks
// for what WeChat's console shows, has WeChat look at it, and writes the file.
package newconfig

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// Settings say what to make, and where to ask.
type Settings struct {
	File     string // to write
	Replaces bool   // a file that is there is overwritten
	Program  string // as which people start this one

	Kind       config.Kind
	ID         string        // the AppID, or the corp id; empty: it is asked for
	AgentID    string        // WeCom's
	SecretFile string        // which holds the secret; empty: it is asked for
	Upstream   string        // another address of WeChat's or WeCom's
	Proxy      secret.Secret // the URL of the proxy on the way there; empty: the environment says it
	Unchecked  bool          // WeChat is not asked

	In       *os.File  // a terminal, or lines: the AppID, then the AppSecret
	Out      io.Writer // gets the lines to run
	Err      io.Writer // gets questions and objections
	Language language.Language
}

// nothingWritten ends what says why there is no file.
const nothingWritten = "%w; nothing was written"

// maxTries is how often something may be wrong before somebody should look elsewhere.
const maxTries = 20

// A dialog is one Run.
type dialog struct {
	Settings
	console *console
	account account
	before  string // the AppID, or the corp id, of the try before, which WeChat may have refused
	again   bool   // the secret is asked for again, and the AppID is not
}

// Run asks, checks and writes. It ends with ctx, and then leaves the terminal as it was.
func Run(ctx context.Context, s Settings) error {
	d := &dialog{Settings: s, console: newConsole(s)}
	d.account = account{kind: s.Kind, id: clean(s.ID), agentID: clean(s.AgentID), upstream: s.Upstream, proxy: s.Proxy, language: s.Language}
	defer func() { d.console.show() }() // which the first question sets
	err := mayWrite(s.File, s.Replaces)
	if err == nil {
		err = cmp.Or(d.account.checkProxy(), d.account.checkUpstream())
	}
	if err == nil && s.SecretFile != "" {
		err = d.account.readSecret(ctx, s.SecretFile)
	}
	if err == nil {
		err = d.complete(ctx)
	}
	if err == nil {
		d.remark()
		err = write(s.File, d.account.text(), s.Replaces)
	}
	if err != nil {
		return language.Textf(nothingWritten, err)
	}
	d.tellWhatToRun()
	return nil
}

// complete asks for the account, and WeChat about it, until that has no objection.
func (d *dialog) complete(ctx context.Context) error {
	for range maxTries {
		if err := d.ask(ctx); err != nil {
			return err
		}
		if d.Unchecked {
			_, err := d.account.parse()
			return err
		}
		done, err := d.check(ctx)
		if done || err != nil {
			return err
		}
	}
	return language.Phrase("there were too many tries")
}

// sayf tells whoever answers.
func (d *dialog) sayf(format string, args ...any) {
	fmt.Fprint(d.Err, d.Language.Sprintf(format, args...))
}

// firstCall is an API of both WeChat and WeCom that takes nothing and changes nothing.
const firstCall = "http://127.0.0.1:8080/cgi-bin/get_api_domain_ip"

// remark says what is to be said of a configuration that is good nevertheless.
func (d *dialog) remark() {
	cfg, err := d.account.parse()
	if err != nil {
		return // the file of the secret was there when WeChat was asked
	}
	for _, one := range cfg.Remarks() {
		key := one.Key
		if strings.HasSuffix(strings.ToLower(key), "secret") {
			key = map[bool]string{false: "AppSecret", true: "Secret"}[d.Kind == config.WeCom] // as it was asked for
		}
		d.sayf("note: %s: %v\n", key, one.Text)
	}
}

// tellWhatToRun prints the two lines.
func (d *dialog) tellWhatToRun() {
	const private fs.FileMode = 0o600
	mode := private
	if info, err := os.Stat(d.File); err == nil {
		mode = info.Mode().Perm()
	}
	if mode == private {
		d.sayf("\n%s is written; only you can read it (mode 0600). Start wxproxy, then call from another terminal:\n\n", d.File)
	} else {
		d.sayf("\n%s is written; who could read it before still can (mode %#o). Start wxproxy, then call from another terminal:\n\n", d.File, mode)
	}
	fmt.Fprintf(d.Out, "%s -config %s\ncurl %s\n", d.Program, shellWord(d.File), firstCall)
}

// shellWord returns a file's name as a shell takes it.
func shellWord(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	isPlain := func(r rune) bool {
		return r > 0x7f || strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:@%,", r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !isPlain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

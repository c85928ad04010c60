package newconfig

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"wxproxy/config"
	"wxproxy/internal/egress"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
	"wxproxy/internal/service"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

// ofAddress are the errcodes for an address that the account does not list, or that its
// administrator has not confirmed: the account itself is right.
var ofAddress = []int{40164, 61004, 60020, 89501, 89502, 89503, 89504, 89505, 89506, 89507}

// ofSecret are the errcodes for a secret that is wrong, or is another account's.
var ofSecret = []int{40001, 40125, 41004}

// notOpen is the errcode for an API that an application may not call, by which nothing can be said.
const notOpen = 48002

// ofServing is what remedies say first of a wxproxy that serves, and that init does not do.
const ofServing = language.Phrase("wxproxy tries again by itself; if it lasts, ")

// errRefused says that there is an objection, which was told.
const errRefused = language.Phrase("there is no token for this account")

// check has WeChat look at the account. It is done if there is no objection, or if who
// answers wants the file all the same; else what was wrong is forgotten, to be asked again.
func (d *dialog) check(ctx context.Context) (done bool, err error) {
	cfg, err := d.account.parse()
	if err != nil {
		d.again = false
		return false, d.forget(err)
	}
	d.sayf("asking %s for a token ...\n", cfg.UpstreamOf(d.Kind).URL)
	objection, err := fetch(ctx, cfg)
	switch {
	case ctx.Err() != nil:
		return false, errInterrupted
	case err != nil:
		return false, err
	case objection == nil:
		d.sayf("good: there is a token.\n")
		return true, nil
	}
	d.explain(*objection)
	if !d.console.isTerminal {
		return false, errRefused
	}
	isOfAddress := slices.Contains(ofAddress, objection.Code)
	if objection.Class == token.ClassConfiguration && objection.Code != 0 && !isOfAddress {
		d.again = slices.Contains(ofSecret, objection.Code)
		return false, d.forget(nil)
	}
	question := language.Phrase("Enter tries again, w and Enter writes the file all the same, Ctrl-C ends: ")
	if isOfAddress {
		question = "Enter tries again, when the address is there; w and Enter writes the file all the same, Ctrl-C ends: "
	}
	answer, err := d.console.line(ctx, question)
	return err == nil && strings.EqualFold(clean(answer), "w"), err
}

// parse returns the configuration as wxproxy will read it, in this environment.
func (a *account) parse() (*config.Config, error) {
	cfg, err := config.Parse([]byte(a.text()), lookupEnv)
	return cfg, mistakeIn(err)
}

// checkProxy says what is wrong with the proxy that somebody named.
func (a *account) checkProxy() error {
	raw := a.proxy.Reveal()
	if raw == "" || raw == egress.Directly {
		return nil
	}
	if _, err := egress.Parse(raw, a.kind.Section()+".proxy"); err != nil {
		return language.Textf("-proxy: %w", err)
	}
	return nil
}

// checkUpstream says what is wrong with the address of WeChat's or WeCom's that somebody named.
func (a *account) checkUpstream() error {
	if a.upstream == "" {
		return nil
	}
	_, err := config.Parse([]byte(a.text()), lookupEnv)
	problems, _ := errors.AsType[config.Problems](err)
	for _, one := range problems {
		if one.Key == a.kind.Section()+".url" {
			return language.Textf("-upstream: %w", one.Text)
		}
	}
	return nil // what else is wrong is not known yet
}

// lookupEnv has what leads to WeChat from here, which the file does not have to say: where it
// is, and which proxy is on the way. All other settings are those of the file.
func lookupEnv(variable string) (string, bool) {
	if strings.HasPrefix(variable, "WXPROXY_") && variable != upstreamVariable {
		return "", false
	}
	return os.LookupEnv(variable)
}

// mistakeIn returns the first mistake of a configuration that nobody has written yet: where it
// is says nothing, unless it is in the environment.
func mistakeIn(err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	switch {
	case !ok:
		return err
	case problems[0].Where == "environment":
		return problems[0]
	}
	return problems[0].Text
}

// forget has the account be asked for once more, if somebody is there who can answer.
func (d *dialog) forget(mistake error) error {
	if !d.console.isTerminal {
		return mistake
	}
	if mistake != nil {
		d.sayf("  %v\n", mistake)
	}
	d.account.secret, d.account.secretFile = secret.Secret{}, ""
	if !d.again {
		d.before, d.account.id = d.account.id, ""
	}
	return nil
}

// offer says that the AppID of the try before need not be typed again.
func (d *dialog) offer() {
	if d.before != "" {
		d.sayf("  Enter keeps %s\n", d.before)
	}
}

// explain prints an objection, and what to do.
func (d *dialog) explain(why token.Explanation) {
	remedy := why.Remedy
	if d.Language == language.Chinese {
		remedy = why.RemedyZH
	}
	if why.Code != 0 {
		d.sayf("  errcode %d: %s\n    %s\n", why.Code, why.Reason, remedy)
		return
	}
	remedy = strings.TrimPrefix(remedy, ofServing.In(d.Language))
	d.sayf("  %s\n    %s\n", d.Language.Chain(why.Reason), remedy)
	d.sayf("    -proxy URL goes through a proxy; -unchecked writes the file without asking\n")
}

// fetch asks for a token, and returns what is objected to.
func fetch(ctx context.Context, cfg *config.Config) (*token.Explanation, error) {
	clients, err := service.NewClients(cfg)
	if err != nil {
		return nil, err
	}
	if client := clients.WeCom[name]; client != nil {
		return fetchOfWeCom(ctx, client, cfg.Accounts[0].AgentID), nil
	}
	client := clients.WeChat[name]
	client.API = wechat.Stable
	if _, err := client.Fetch(ctx); err != nil {
		why := wechat.Explain(err)
		return &why, nil
	}
	return nil, nil
}

// fetchOfWeCom does that at WeCom, where only a call shows whether the address is trusted.
func fetchOfWeCom(ctx context.Context, client *wecom.Client, agentID string) *token.Explanation {
	got, err := client.Fetch(ctx)
	if paused, ok := errors.AsType[*token.Paused](err); ok && paused.Asked {
		err = paused.Cause // the pause ends with this process
	}
	if err == nil {
		err = client.Try(ctx, got.Value, agentID)
	}
	if err == nil {
		return nil
	}
	why := wecom.Explain(err)
	if why.Code == notOpen {
		return nil
	}
	return &why
}

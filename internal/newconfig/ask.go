package newconfig

import (
	"cmp"
	"context"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// ask asks for what is not known of the account.
func (d *dialog) ask(ctx context.Context) error {
	err := d.askID(ctx)
	if err != nil || d.account.hasSecret() {
		return err
	}
	if d.Kind == config.WeCom && d.AgentID == "" && d.console.isTerminal && !d.again {
		err = d.askAgentID(ctx)
	}
	if err != nil {
		return err
	}
	if err = d.askSecret(ctx); err != nil || d.account.hasSecret() {
		return err
	}
	d.again, d.before, d.account.id = false, d.account.id, ""
	return d.ask(ctx)
}

func (d *dialog) askID(ctx context.Context) error {
	question, taken := language.Phrase("AppID (begins with wx; it is shown after Enter): "), "  AppID: %s\n"
	if d.Kind == config.WeCom {
		question, taken = "Corp id (begins with ww; it is shown after Enter): ", "  Corp id: %s\n"
	}
	given, isAsked := d.account.id, false
	err := d.untilGood(func() (err error) {
		if given == "" {
			d.offer()
			given, err = d.console.line(ctx, question)
			isAsked = true
		}
		d.account.id, given = cmp.Or(clean(given), d.before), ""
		return err
	}, d.account.checkID)
	if err == nil && isAsked && d.console.isTerminal {
		d.sayf(taken, d.account.id)
	}
	return err
}

func (d *dialog) askAgentID(ctx context.Context) error {
	err := d.untilGood(func() error {
		line, err := d.console.line(ctx, "AgentId (a number, shown after Enter; Enter alone, if the application has none): ")
		d.account.agentID = clean(line)
		return err
	}, d.account.checkAgentID)
	if err == nil && d.account.agentID != "" {
		d.sayf("  AgentId: %s\n", d.account.agentID)
	}
	return err
}

// askSecret asks for the secret. There is none after an answer without it when the AppID was
// not asked for: it may be that which is wrong.
func (d *dialog) askSecret(ctx context.Context) error {
	question := language.Phrase("AppSecret (it is not shown): ")
	if d.Kind == config.WeCom {
		question = "Secret of the application (it is not shown): "
	}
	return d.untilGood(func() error {
		if d.again {
			d.sayf("  it is of %s; Enter alone asks for that again, too\n", d.account.id)
		}
		line, err := d.console.line(ctx, question)
		d.account.secret = secret.New(clean(line))
		return err
	}, func() error {
		if d.again && d.account.secret.Empty() {
			return nil
		}
		return d.account.checkSecret()
	})
}

// untilGood repeats a question as long as the answer has a mistake. Who sent lines is not
// there to answer again.
func (d *dialog) untilGood(ask, check func() error) error {
	for range maxTries {
		if err := ask(); err != nil {
			return err
		}
		err := check()
		if err == nil || !d.console.isTerminal {
			return err
		}
		d.sayf("  %v\n", err)
	}
	return language.Phrase("there were too many tries")
}

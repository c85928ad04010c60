package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"wxproxy/config"
	"wxproxy/internal/service"
	"wxproxy/token/wechat"
)

var errMistakes = errors.New("the configuration has mistakes")

func runCheck(o options, t terminal) error {
	cfg, err := config.Load(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	if err != nil {
		fmt.Fprintln(t.err, err)
		return errMistakes
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintln(t.err, "warning:", warning)
	}
	if warning := service.CheckTracing(); warning != "" {
		fmt.Fprintln(t.err, "warning:", warning)
	}
	if err := service.Try(cfg); err != nil {
		fmt.Fprintln(t.err, err)
		return errMistakes
	}
	if err := tryStore(cfg, t); err != nil {
		fmt.Fprintln(t.err, err)
		return errMistakes
	}
	fmt.Fprint(t.out, cfg.Describe())
	if to := service.SpansTo(); to != "" {
		fmt.Fprintf(t.out, "%-10s%s\n", "spans", "go to "+to)
	}
	if o.live {
		return checkLive(cfg, t)
	}
	return nil
}

// notPermitted is the errcode for an account that may not use an API.
const notPermitted = 48001

// checkLive asks WeChat for a token of each account and prints its objections. It asks
// for stable tokens only: WeChat objects to the same, and a classic token would end
// the one that a running proxy uses.
func checkLive(cfg *config.Config, t terminal) error {
	clients, err := service.TokenClients(cfg)
	if err != nil {
		return err
	}
	objections := 0
	fmt.Fprintf(t.out, "\nasking %s for a token of each account:\n", cfg.Upstream.URL)
	for i, account := range cfg.Accounts {
		clients[i].API = wechat.Stable
		got, err := clients[i].Fetch(context.Background())
		if err == nil && account.TokenAPI == string(wechat.Classic) {
			fmt.Fprintf(t.out, "  %s: good; WeChat accepts the AppSecret (it was asked for a stable token, which leaves the classic one alone)\n", account.Name)
			continue
		}
		if err == nil {
			fmt.Fprintf(t.out, "  %s: good; WeChat issued a token for %v\n", account.Name, time.Until(got.Expires).Round(time.Second))
			continue
		}
		why := wechat.Explain(err)
		if why.Code == notPermitted && account.TokenAPI == string(wechat.Classic) {
			fmt.Fprintf(t.out, "  %s: WeChat does not open stable_token to it, and a classic token would end the one in use: nothing more can be said\n", account.Name)
			continue
		}
		objections++
		if why.Code != 0 {
			why.Reason = fmt.Sprintf("errcode %d: %s", why.Code, why.Reason)
		}
		fmt.Fprintf(t.out, "  %s: %s\n    %s\n    %s\n", account.Name, why.Reason, why.Remedy, why.RemedyZH)
	}
	if objections > 0 {
		return fmt.Errorf("no token for %d of %d accounts", objections, len(cfg.Accounts))
	}
	return nil
}

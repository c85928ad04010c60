package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
	"wxproxy/internal/service"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

var errMistakes = language.Phrase("the configuration has mistakes")

func runCheck(o options, t terminal) error {
	cfg, err := config.Load(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	if err != nil {
		return t.mistakes(err)
	}
	for _, remark := range cfg.Remarks() {
		t.sayf(t.err, "warning: %v\n", remark)
	}
	if warning := service.CheckTracing(); warning != nil {
		t.sayf(t.err, "warning: %v\n", warning)
	}
	if err := service.Try(cfg); err != nil {
		return t.mistakes(err)
	}
	if err := tryStore(cfg, t); err != nil {
		return t.mistakes(err)
	}
	fmt.Fprint(t.out, cfg.DescribeIn(t.language))
	if to := service.SpansTo(); to != "" {
		t.sayf(t.out, "spans     go to %s\n", to)
	}
	if o.live {
		return checkLive(cfg, t)
	}
	return nil
}

// notPermitted is the errcode for an account that may not use an API.
const notPermitted = 48001

// checkLive asks for a token of each account and prints the objections.
func checkLive(cfg *config.Config, t terminal) error {
	clients, err := service.NewClients(cfg)
	if err != nil {
		return err
	}
	found := [faultless]int{}
	for _, kind := range cfg.Kinds() {
		if len(cfg.Accounts) > 0 {
			t.sayf(t.out, "\nasking %s for a token of each account:\n", cfg.UpstreamOf(kind).URL)
		}
		for _, account := range cfg.Accounts {
			if account.Kind != kind {
				continue
			}
			if fault := checkAccount(account, clients, t); fault != faultless {
				found[fault]++
			}
		}
	}
	ofPlatforms := checkPlatforms(cfg, clients.Platforms, t)
	all := len(cfg.Accounts)
	switch {
	case found[tokenless] > 0:
		return language.Textf("no token for %d of %d accounts", found[tokenless], all)
	case found[callless] > 0:
		return language.Textf("WeCom refuses calls for %d of %d accounts", found[callless], all)
	case found[pushless] > 0:
		return language.Textf("WeChat has nowhere to push to for %d of %d accounts", found[pushless], all)
	}
	return ofPlatforms
}

// A fault is what is wrong with an account.
type fault int

// The faults, the worst first.
const (
	tokenless fault = iota
	callless        // calls are refused, although there is a token
	pushless        // pushes have nowhere to go
	faultless
)

// checkAccount asks for a token of an account and prints the objections.
func checkAccount(account config.Account, clients service.Clients, t terminal) fault {
	if account.Kind == config.WeCom {
		return checkApplication(account, clients.WeCom[account.Name], t)
	}
	client := clients.WeChat[account.Name]
	got, ok := checkApp(account, client, t)
	switch {
	case !ok:
		return tokenless
	case got.Value.Empty(), account.PushToken.Empty(), checkPushes(client, account, got.Value, t):
		return faultless
	}
	return pushless
}

// checkApp asks WeChat for a token, and returns it if there is one. It asks for stable
// tokens only: WeChat objects to the same, and a classic token would end the one that a
// running proxy uses.
func checkApp(account config.Account, client *wechat.Client, t terminal) (got token.Token, good bool) {
	client.API = wechat.Stable
	got, err := client.Fetch(context.Background())
	switch {
	case err != nil && isUnknown(account, err):
		t.sayf(t.out, "  %s: WeChat does not open stable_token to it, and a classic token would end the one in use: nothing more can be said\n", account.Name)
	case err != nil:
		t.explain(account.Name, wechat.Explain(err))
		return got, false
	case account.TokenAPI == string(wechat.Classic):
		t.sayf(t.out, "  %s: good; WeChat accepts the AppSecret (it was asked for a stable token, which leaves the classic one alone)\n", account.Name)
	default:
		t.sayf(t.out, "  %s: good; WeChat issued a token for %v\n", account.Name, time.Until(got.Expires).Round(time.Second))
	}
	return got, true
}

// checkApplication asks WeCom once for a token, which it repeats, and calls an API with it:
// only calls show whether the IP address is trusted.
func checkApplication(account config.Account, client *wecom.Client, t terminal) fault {
	got, err := client.Fetch(context.Background())
	if paused, ok := errors.AsType[*token.Paused](err); ok && paused.Asked {
		err = paused.Cause // the pause ends with this process
	}
	if err != nil {
		t.explain(account.Name, wecom.Explain(err))
		return tokenless
	}
	const forbidden = 48002 // to this kind of application
	text := language.Phrase("and a call went well, so that this machine's IP address is trusted")
	err = client.Try(context.Background(), got.Value, account.AgentID)
	switch {
	case err != nil && wecom.Explain(err).Code == forbidden:
		text = "but agent/get is not open to this application, so that nothing can be said of this machine's IP address"
	case err != nil:
		t.explain(account.Name, wecom.Explain(err))
		return callless
	case account.AgentID == "":
		text = "and a call went well, but of an API that may be open to every IP address: with agent_id more could be said"
	}
	t.sayf(t.out, "  %s: good; WeCom issued a token for %v, %s\n", account.Name, time.Until(got.Expires).Round(time.Second), text)
	return faultless
}

// isUnknown reports whether nothing can be said of an account, as stable_token is not
// open to it, without ending the token that it uses.
func isUnknown(account config.Account, err error) bool {
	return wechat.Explain(err).Code == notPermitted && account.TokenAPI == string(wechat.Classic)
}

// explain prints what WeChat objects to, and what to do.
func (t terminal) explain(name string, why token.Explanation) {
	if why.Code != 0 {
		why.Reason = fmt.Sprintf("errcode %d: %s", why.Code, why.Reason)
	} else {
		why.Reason = t.language.Chain(why.Reason)
	}
	if t.language == language.Chinese {
		fmt.Fprintf(t.out, "  %s：%s\n    %s\n", name, why.Reason, why.RemedyZH)
		return
	}
	fmt.Fprintf(t.out, "  %s: %s\n    %s\n    %s\n", name, why.Reason, why.Remedy, why.RemedyZH)
}

// checkPushes has WeChat look at where it pushes to for an account, prints what it sees,
// and reports whether it found something.
func checkPushes(client *wechat.Client, account config.Account, value secret.Secret, t terminal) bool {
	name := t.language.Sprintf("%s, pushes", account.Name)
	seen, err := client.CheckCallback(context.Background(), value)
	if err != nil {
		why := wechat.ExplainCallback(err)
		t.explain(name, why)
		return why.Code == notPermitted
	}
	if len(seen.Addresses) == 0 {
		t.sayf(t.out, "  %s: WeChat finds no address for the host of the URL that its console has\n    check the name in DNS\n    请检查该域名的 DNS 解析\n", name)
		return false
	}
	t.sayf(t.out, "  %s: WeChat finds the host of the URL that its console has at %s; it has to end with /push/%s\n", name, strings.Join(seen.Addresses, ", "), account.Name)
	for _, ping := range seen.Pings {
		t.sayf(t.out, "    ping %s: %s lost, %s (a host that answers no ping may be good all the same)\n", ping.Address, ping.Lost, cmp.Or(language.Phrase(ping.Time), "no time"))
	}
	return true
}

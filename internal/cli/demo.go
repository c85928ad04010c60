package cli

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"wxproxy/config"
	"wxproxy/internal/demo"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
)

// maxAccounts is how many accounts a demo has at most.
const maxAccounts = 1000

// runDemo runs the proxy before a simulated WeChat or WeCom, both on loopback.
func runDemo(o options, t terminal) error {
	s, err := o.demoSettings(t)
	if err != nil {
		return service.MistakeError{Err: language.Textf("wxproxy demo: %w", err)}
	}
	told := catchSignals(t, hangUp()...)
	d, err := demo.Start(s)
	if err != nil {
		return err
	}
	defer d.Stop()
	d.Explain(t.out)
	ctx, stop := context.WithCancel(told.ctx)
	var playing sync.WaitGroup
	defer playing.Wait()
	defer stop()
	playing.Go(func() { d.Fail(ctx) })
	if o.chaos {
		playing.Go(func() { d.Chaos(ctx) })
	}
	told.serve(d.Service())
	return d.Service().Run(told.ctx, told.reload)
}

// demoSettings returns what the flags ask for.
func (o options) demoSettings(t terminal) (demo.Settings, error) {
	s := demo.Settings{
		WeCom: o.wecom, Listen: o.listen, Address: o.wechat, Fail: o.fail, IsChinese: language.IsChinese(os.Getenv),
		Process: service.Process{Version: version(), Commit: commit(), Log: t.err},
	}
	if t.isWatched {
		s.Requests = t.out
	}
	if err := cmp.Or(checkDemoAddress("-listen", o.listen), checkDemoAddress("-wechat", o.wechat)); err != nil {
		return s, err
	}
	if o.fail != "" && !slices.Contains(demo.Failures[:], o.fail) {
		return s, language.Textf("-fail: unknown %q; take one of %s", o.fail, strings.Join(demo.Failures[:], ", "))
	}
	var err error
	if s.Accounts, err = strconv.Atoi(cmp.Or(o.accounts, "1")); err != nil || s.Accounts < 1 || s.Accounts > maxAccounts {
		return s, language.Textf("-accounts: %q is no number from 1 to %d", o.accounts, maxAccounts)
	}
	return s, nil
}

// checkDemoAddress says what is wrong with the address that a flag gives a demo, whose lines
// of curl name it.
func checkDemoAddress(flag, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case strings.HasPrefix(address, "unix:"):
		return language.Textf("%s: the demo listens on no Unix socket; take an address such as 127.0.0.1:9000", flag)
	case err != nil:
		return language.Textf("%s: %q is no address with a port; take one such as 127.0.0.1:9000", flag, address)
	case config.BeyondLoopback(address):
		return language.Textf("%s: the demo is for this machine alone; take an address such as 127.0.0.1:8080", flag)
	}
	return nil
}

// hangUp returns the signal that says that the terminal was closed, unless nohup has
// the demo go on.
func hangUp() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return nil
	}
	return []os.Signal{syscall.SIGHUP}
}

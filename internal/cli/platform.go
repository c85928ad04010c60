package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
	"wxproxy/token"
	"wxproxy/token/store"
	"wxproxy/token/store/seal"
	"wxproxy/token/wechat"
)

// runPlatform moves the refresh tokens of a platform into the token store, or out of it.
func runPlatform(o options, t terminal) error {
	if len(o.names) != 1 {
		return service.MistakeError{Err: language.Textf("wxproxy platform %s: name one file, or - for the standard input or output", o.word)}
	}
	cfg, err := config.Load(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	if err != nil {
		return t.mistakes(err)
	}
	of, err := platformNamed(cfg, o.platform)
	if err != nil {
		return err
	}
	s, sealer, err := openPlatformStore(cfg)
	if err != nil {
		return err
	}
	if closer, ok := s.(io.Closer); ok {
		defer closer.Close()
	}
	move := grantMove{store: s, platform: of, sealer: sealer, replaces: o.replace, file: o.names[0], terminal: t}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.word == "export" {
		return move.export(ctx)
	}
	if err := move.run(ctx); err != nil {
		return err
	}
	fmt.Fprintln(t.out, language.In(t.language, whenTaken(cfg, of)))
	return nil
}

// whenTaken says when a proxy that runs already serves what was imported.
func whenTaken(cfg *config.Config, of config.Platform) error {
	if strings.HasPrefix(cfg.Token.Store.Reveal(), "file:") {
		return language.Textf("a proxy that runs already takes them at its next start; those that WeChat's list has, also when it is read: POST /platforms/%s/recover", of.Name)
	}
	return language.Phrase("proxies that run already with this Redis have been told, and serve them from now on")
}

// openPlatformStore opens the token store, and what an export is encrypted with.
func openPlatformStore(cfg *config.Config) (token.PlatformStore, *seal.Sealer, error) {
	if cfg.Token.Store.Reveal() == "memory:" {
		return nil, nil, service.Mistake(cfg, "token.store", language.Phrase(`"memory:" is no place to import into or to export from: it ends with its process`))
	}
	sealer, err := seal.New(cfg.Token.EncryptionKey, cfg.Token.EncryptionKeyOld)
	if err != nil {
		return nil, nil, err
	}
	opened, err := store.Open(store.Config{
		Spec: cfg.Token.Store, KeyPrefix: cfg.Token.KeyPrefix, Key: cfg.Token.EncryptionKey, OldKey: cfg.Token.EncryptionKeyOld,
	})
	if err != nil {
		return nil, nil, service.Mistake(cfg, "token.store", err)
	}
	s, ok := opened.(token.PlatformStore)
	if !ok {
		panic("BUG: a store that keeps nothing of platforms")
	}
	return s, sealer, nil
}

// platformNamed returns the platform with this name, or the only one if it is empty.
func platformNamed(cfg *config.Config, name string) (config.Platform, error) {
	var names []string
	for _, p := range cfg.Platforms {
		if p.Name == name || name == "" && len(cfg.Platforms) == 1 {
			return p, nil
		}
		names = append(names, p.Name)
	}
	switch {
	case len(names) == 0:
		return config.Platform{}, language.Phrase("the configuration has no [[platform]]")
	case name == "":
		return config.Platform{}, service.MistakeError{Err: language.Textf("wxproxy platform: say which with -platform: %s", strings.Join(names, ", "))}
	}
	return config.Platform{}, service.MistakeError{Err: language.Textf("wxproxy platform: there is no platform %q; there is %s", name, strings.Join(names, ", "))}
}

// A grantMove moves refresh tokens.
type grantMove struct {
	store    token.PlatformStore
	platform config.Platform
	sealer   *seal.Sealer
	replaces bool // what the store has is overwritten
	file     string
	terminal terminal
}

// run imports a file: all of it, or nothing if it has a mistake.
func (m *grantMove) run(ctx context.Context) error {
	lines, mistakes, err := m.read()
	if err != nil {
		return err
	}
	m.tell(mistakes)
	if len(mistakes) > 0 {
		return language.Phrase("nothing was imported")
	}
	return m.put(ctx, lines)
}

func (m *grantMove) read() (lines []grantLine, mistakes []error, err error) {
	in := io.Reader(os.Stdin)
	if m.file != "-" {
		file, err := os.Open(m.file)
		if err != nil {
			return nil, nil, err
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0 {
			m.terminal.sayf(m.terminal.err, "warning: every user of this machine can read %s; remove it when all is imported\n", m.file)
		}
		in = file
	}
	lines, mistakes = readGrants(in, m.platform.AppID, m.sealer)
	return lines, mistakes, nil
}

// checkPlatforms has WeChat send each platform tickets, which it does anyway, prints its
// objections, and when the last ticket came. A component token would end the one in use.
func checkPlatforms(cfg *config.Config, clients []*wechat.Component, t terminal) error {
	if len(clients) == 0 {
		return nil
	}
	t.sayf(t.out, "\nasking %s for tickets of each platform:\n", cfg.Upstream.URL)
	objections := 0
	for i, of := range cfg.Platforms {
		if err := clients[i].StartTicketPush(context.Background()); err != nil {
			objections++
			t.explain(of.Name, wechat.NewComponentIssuer().Explain(err))
			continue
		}
		t.sayf(t.out, "  %s: good; WeChat accepts its AppSecret, and sends tickets to the authorization-event URL that the console has; it has to end with /push/%s\n",
			of.Name, of.Name)
		t.sayf(t.out, "    %s\n", lastTicket(cfg, of))
	}
	if objections > 0 {
		return language.Textf("WeChat refuses %d of %d platforms", objections, len(clients))
	}
	return nil
}

// lastTicket says when the last ticket came, as far as the store knows. It makes none.
func lastTicket(cfg *config.Config, of config.Platform) error {
	if dir, isFile := strings.CutPrefix(cfg.Token.Store.Reveal(), "file:"); isFile {
		if _, err := os.Stat(dir); err != nil {
			return language.Phrase("no ticket has come yet: the token store is not there")
		}
	}
	s, _, err := openPlatformStore(cfg)
	if err != nil {
		return language.Phrase("the token store, which has the tickets, is of its process alone, or cannot be opened")
	}
	if closer, ok := s.(io.Closer); ok {
		defer closer.Close()
	}
	r, err := s.Load(token.Key{Platform: of.AppID, AppID: of.AppID})
	switch {
	case err != nil && !errors.Is(err, token.ErrNotStored):
		return language.Textf("the token store, which has the tickets, cannot be read: %v", err)
	case r.Ticket.Empty():
		return language.Phrase("no ticket has come yet; WeChat sends the first within ten minutes")
	}
	return language.Textf("the last ticket came %v ago", time.Since(r.TicketArrived).Round(time.Second))
}

// Package demo runs the proxy before a simulated WeChat, or a simulated WeCom, on this
// machine alone, and says what to call.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"wxproxy/config"
	"wxproxy/internal/service"
	"wxproxy/internal/wechattest"
)

const (
	// ownAddress is where the simulated API listens, if nobody else does.
	ownAddress = "127.0.0.1:8082"

	// chaosEvery is how often Chaos ends a token.
	chaosEvery = 3 * time.Second
)

// A side is a simulated API: the side that the proxy calls, and that pushes.
type side interface {
	name() string

	// start serves the API, with wrap around it, until stop is called.
	start(wrap func(http.Handler) http.Handler) (stop func(), err error)

	// pages adds the pages where one can do what callers of the API cannot.
	pages(mux *http.ServeMux)

	// load returns a configuration with accounts of it; set are variables of the environment.
	load(set map[string]string) (*config.Config, error)

	// push has somebody say something to the account that is pushed to.
	push(ctx context.Context, url, said string) (wechattest.Delivery, error)

	// chaos ends tokens until ctx ends.
	chaos(ctx context.Context, ended func(event string))

	// text returns what to call. Before the arguments are the URLs of the proxy, of the admin
	// listener and of pushes.
	text() (format string, arguments []any)
}

// pushKeys are what pushes are signed and encrypted with.
type pushKeys struct{ token, aesKey string }

// A Demo is a service, the simulated API behind it, and a program that gets what that
// pushes.
type Demo struct {
	service *service.Service
	side    side
	stop    func() // ends the simulated API
	program *program
	keys    pushKeys
	pushed  string // the account that is pushed to
}

// Settings say what a demo is of.
type Settings struct {
	WeCom   bool   // in the place of WeChat
	Listen  string // the address for callers
	Process service.Process
}

// Start starts a demo, whose service listens and does not serve yet.
func Start(s Settings) (d *Demo, err error) {
	d = &Demo{keys: pushKeys{rand.Text(), (rand.Text() + rand.Text())[:43]}}
	if d.side = newWeChat(d.keys); s.WeCom {
		d.side = newWeCom(d.keys)
	}
	if d.stop, err = d.side.start(d.withPages); err != nil {
		return nil, fmt.Errorf("starting the simulated %s: %w", d.side.name(), err)
	}
	if d.program, err = startProgram(); err != nil {
		d.stop()
		return nil, err
	}
	if err := d.listen(s.Listen, s.Process); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}

// Stop ends all but the service.
func (d *Demo) Stop() {
	d.program.stop()
	d.stop()
}

// Service returns what calls the simulated API.
func (d *Demo) Service() *service.Service { return d.service }

// Chaos ends a token every few seconds, until ctx ends.
func (d *Demo) Chaos(ctx context.Context) {
	d.side.chaos(ctx, func(event string) {
		d.service.Log().Info("chaos: the simulated API ended a token", "event", event)
	})
}

// withPages returns the simulated API with the demo's own pages.
func (d *Demo) withPages(api http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc(says, d.hear)
	d.side.pages(mux)
	return mux
}

// listen opens the listeners. An address that is in use is replaced by a free one: a
// newcomer should not have to know what else runs here.
func (d *Demo) listen(listen string, process service.Process) error {
	adminListen := "127.0.0.1:8081"
	for range 3 {
		cfg, err := d.side.load(map[string]string{"WXPROXY_LISTEN": listen, "WXPROXY_ADMIN_LISTEN": adminListen})
		if err != nil {
			return service.MistakeError{Err: err}
		}
		d.takePushes(cfg)
		if d.service, err = service.New(cfg, process); err != nil {
			return err
		}
		err = d.service.Listen()
		var taken *net.OpError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &taken) || !errors.Is(err, syscall.EADDRINUSE):
			return err
		case taken.Addr.String() == listen:
			listen = "127.0.0.1:0"
		default:
			adminListen = "127.0.0.1:0"
		}
	}
	return errors.New("listening: no address is free")
}

// Explain writes what to call.
func (d *Demo) Explain(out io.Writer) {
	format, arguments := d.side.text()
	all := []any{"http://" + d.service.Address().String(), "http://" + d.service.AdminAddress().String(), d.pushURL()}
	fmt.Fprintf(out, format, append(all, arguments...)...)
}

// lookup returns an environment of these variables alone.
func lookup(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}

// Package demo runs the proxy before a simulated WeChat, or a simulated WeCom, on this
// machine alone, and says what to call.
package demo

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
	"wxproxy/internal/wechattest"
)

const (
	// ownAddress is where the simulated API listens, if nobody else does.
	ownAddress = "127.0.0.1:8082"

	anyPort = "127.0.0.1:0" // a port that is free

	// chaosEvery is how often Chaos ends a token.
	chaosEvery = 3 * time.Second
)

// A side is a simulated API: the side that the proxy calls, and that pushes.
type side interface {
	name() string

	// start serves the API on an address, or on a free port if that is in use, with wrap
	// around it. It returns the base URL.
	start(address string, wrap func(http.Handler) http.Handler) (server, string, error)

	// pages adds the pages where one can do what callers of the API cannot.
	pages(mux *http.ServeMux)

	// load returns a configuration with accounts of it; set are variables of the environment.
	load(set map[string]string) (*config.Config, error)

	// push has somebody say something to the account that is pushed to.
	push(ctx context.Context, url, said string) (wechattest.Delivery, error)

	// chaos ends tokens until ctx ends.
	chaos(ctx context.Context, ended func(event string))

	// endToken does what ends the first account's token while its programs call.
	endToken()

	// call is a request without an access_token, for the first account.
	call() string

	// accounts is the part of a configuration that has its accounts.
	accounts() string

	// text returns what to call. Before the arguments are the URLs of the proxy, of the admin
	// listener and of pushes.
	text() (english, chinese string, arguments []any)
}

// A server serves a simulated API.
type server interface {
	Close()
	Restart() error // on the same address
}

// pushKeys are what pushes are signed and encrypted with.
type pushKeys struct{ token, aesKey string }

// A Demo is a service, the simulated API behind it, and a program that gets what that
// pushes.
type Demo struct {
	settings Settings
	service  *service.Service
	side     side
	server   server // of the simulated API
	url      string // its base URL
	program  *program
	keys     pushKeys
	pushed   string // the account that is pushed to
}

// Settings say what a demo is of.
type Settings struct {
	WeCom     bool      // in the place of WeChat
	Accounts  int       // how many
	Listen    string    // the address for callers; empty: 127.0.0.1:8080, or a free port
	Address   string    // of the simulated API; empty: 127.0.0.1:8082, or a free port
	Fail      string    // one of Failures; empty: nothing fails
	IsChinese bool      // what is said
	Requests  io.Writer // where each request that the simulated API gets is shown; nil: nowhere
	Process   service.Process
}

// Start starts a demo, whose service listens and does not serve yet.
func Start(s Settings) (d *Demo, err error) {
	d = &Demo{settings: s, keys: pushKeys{rand.Text(), (rand.Text() + rand.Text())[:43]}}
	if d.side = newWeChat(s, d.keys); s.WeCom {
		d.side = newWeCom(s, d.keys)
	}
	d.server, d.url, err = d.side.start(cmp.Or(s.Address, ownAddress), d.withPages)
	if err != nil {
		return nil, fmt.Errorf("starting the simulated %s: %w", d.side.name(), err)
	}
	if err := d.checkAddress(); err != nil {
		d.server.Close()
		return nil, err
	}
	if d.program, err = startProgram(); err != nil {
		d.server.Close()
		return nil, err
	}
	if err := d.listen(); err != nil {
		d.Stop()
		return nil, err
	}
	return d, nil
}

// checkAddress returns an error if the simulated API listens elsewhere than at the address
// that was asked for.
func (d *Demo) checkAddress() error {
	_, port, err := net.SplitHostPort(d.settings.Address)
	if err != nil || port == "0" || strings.HasSuffix(d.url, ":"+port) {
		return nil // nobody asked, or any port will do
	}
	return fmt.Errorf("starting the simulated %s: %s is in use", d.side.name(), d.settings.Address)
}

// Stop ends all but the service.
func (d *Demo) Stop() {
	d.program.stop()
	d.server.Close()
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
	if d.settings.Requests != nil {
		api = newWitness(d.settings, api)
	}
	mux.Handle("/", api)
	mux.HandleFunc(says, d.hear)
	d.side.pages(mux)
	return mux
}

// listen opens the listeners. An address that is in use is replaced by a free one: a
// newcomer should not have to know what else runs here. One that the user named is not.
func (d *Demo) listen() error {
	listen, adminListen := cmp.Or(d.settings.Listen, "127.0.0.1:8080"), "127.0.0.1:8081"
	if d.settings.Address != "" { // a process of the user's own will have these
		listen, adminListen = cmp.Or(d.settings.Listen, anyPort), anyPort
	}
	if listen == adminListen {
		adminListen = anyPort
	}
	for range 3 {
		cfg, err := d.side.load(map[string]string{"WXPROXY_LISTEN": listen, "WXPROXY_ADMIN_LISTEN": adminListen})
		if err != nil {
			return service.MistakeError{Err: ofFlag(err)}
		}
		d.takePushes(cfg)
		if d.service, err = service.New(cfg, d.settings.Process); err != nil {
			return err
		}
		err = d.service.Listen()
		var taken *net.OpError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &taken) || !errors.Is(err, syscall.EADDRINUSE):
			return err
		case taken.Addr.String() == adminListen:
			adminListen = anyPort
		case d.settings.Listen != "":
			return language.Textf("%s: %s is in use; take another one, or leave %s out", "-listen", listen, "-listen")
		default:
			listen = anyPort
		}
	}
	return errors.New("listening: no address is free")
}

package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"wxproxy/config"
	"wxproxy/internal/service"
	"wxproxy/internal/wechattest"
)

// demoAppID is the app_id of the demo's account.
const demoAppID = "wxdemo0123456789ab"

// chaosEvery is how often -chaos makes the simulated WeChat end a token.
const chaosEvery = 3 * time.Second

// runDemo runs the proxy before a simulated WeChat, both on loopback.
func runDemo(o options, t terminal) error {
	if config.BeyondLoopback(o.listen) {
		return service.MistakeError{Err: errors.New("wxproxy demo: -listen: the demo is for this machine alone; take an address such as 127.0.0.1:8080")}
	}
	told := catchSignals(t, hangUp()...)
	d := demo{wechat: wechattest.New(), secret: rand.Text()}
	simulated, err := d.simulate()
	if err != nil {
		return err
	}
	defer simulated.Close()
	if d.program, err = startProgram(); err != nil {
		return err
	}
	defer d.program.stop()
	if err := d.start(o.listen, t); err != nil {
		return err
	}
	d.explain(t)
	ctx, stop := context.WithCancel(told.ctx)
	var playing sync.WaitGroup
	defer playing.Wait()
	defer stop()
	if o.chaos {
		playing.Go(func() {
			d.wechat.Chaos(ctx, chaosEvery, func(event, _ string) {
				d.service.Log().Info("chaos: the simulated WeChat ended the token", "event", event)
			})
		})
	}
	told.serve(d.service)
	return d.service.Run(told.ctx, told.reload)
}

// hangUp returns the signal that says that the terminal was closed, unless nohup has
// the demo go on.
func hangUp() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return nil
	}
	return []os.Signal{syscall.SIGHUP}
}

// A demo is a service, the simulated WeChat behind it, and a program that gets what that
// pushes.
type demo struct {
	service  *service.Service
	wechat   *wechattest.WeChat
	url      string // of the simulated WeChat
	secret   string
	callback wechattest.Callback // without its URL
	program  *demoProgram
}

// simulate starts the simulated WeChat, where one can also be a user.
func (d *demo) simulate() (*wechattest.Server, error) {
	d.wechat.AddApp(wechattest.App{ID: demoAppID, Secret: d.secret})
	d.callback = wechattest.Callback{AppID: demoAppID, Token: rand.Text(), AESKey: (rand.Text() + rand.Text())[:43], Mode: wechattest.Safe}
	simulated, err := d.wechat.StartAt("127.0.0.1:8082", func(s *http.Server) {
		api := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == demoSays {
				d.hear(w, r)
				return
			}
			api.ServeHTTP(w, r)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("starting the simulated WeChat: %w", err)
	}
	d.url = simulated.URL
	return simulated, nil
}

// start opens the listeners. An address that is in use is replaced by a free
// one: a newcomer should not have to know what else runs here.
func (d *demo) start(listen string, t terminal) error {
	adminListen := "127.0.0.1:8081"
	for range 3 {
		cfg, err := config.Load("", d.environment(listen, adminListen))
		if err != nil {
			return service.MistakeError{Err: err}
		}
		d.takePushes(cfg)
		if d.service, err = service.New(cfg, service.Process{Version: version(), Commit: commit(), Log: t.err}); err != nil {
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

// environment returns the variables that a user without a file would set.
func (d *demo) environment(listen, adminListen string) func(string) (string, bool) {
	set := map[string]string{
		"WXPROXY_APP_ID":       demoAppID,
		"WXPROXY_SECRET":       d.secret,
		"WXPROXY_UPSTREAM_URL": d.url,
		"WXPROXY_LISTEN":       listen,
		"WXPROXY_ADMIN_LISTEN": adminListen,
	}
	return func(name string) (string, bool) {
		value, ok := set[name]
		return value, ok
	}
}

const demoText = `
wxproxy demo: a simulated WeChat, and wxproxy before it on %[1]s
Paste these into another terminal. None of them has an access_token.

  curl '%[1]s/cgi-bin/user/info?openid=OPENID'
  curl -d '{"touser":"OPENID","msgtype":"text","text":{"content":"hello"}}' %[1]s/cgi-bin/message/custom/send

Now be the colleague who refreshes the same token behind wxproxy's back, and call again:
Wxproxy-Attempts says 2, and the answer is as good as before.

  curl -d '{"grant_type":"client_credential","appid":"%[3]s","secret":"%[4]s","force_refresh":true}' %[5]s/cgi-bin/stable_token
  curl -i '%[1]s/cgi-bin/user/info?openid=OPENID'

WeChat also calls. Be a user who writes to the account: the simulated WeChat pushes that, encrypted,
to %[6]s; wxproxy passes it in the clear to a small
program of the demo's, and encrypts what that answers.

  curl -d 'hello' %[5]s/say

  curl %[2]s/status

The same as a page, which refreshes itself: %[2]s/

Ctrl-C ends the demo.

`

func (d *demo) explain(t terminal) {
	proxyURL := "http://" + d.service.Address().String()
	adminURL := "http://" + d.service.AdminAddress().String()
	fmt.Fprintf(t.out, demoText, proxyURL, adminURL, demoAppID, d.secret, d.url, d.pushURL())
}

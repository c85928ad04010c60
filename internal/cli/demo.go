package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"wxproxy/config"
	"wxproxy/internal/demo"
	"wxproxy/internal/service"
)

// runDemo runs the proxy before a simulated WeChat or WeCom, both on loopback.
func runDemo(o options, t terminal) error {
	if config.BeyondLoopback(o.listen) {
		return service.MistakeError{Err: errors.New("wxproxy demo: -listen: the demo is for this machine alone; take an address such as 127.0.0.1:8080")}
	}
	told := catchSignals(t, hangUp()...)
	d, err := demo.Start(demo.Settings{WeCom: o.wecom, Listen: o.listen, Process: service.Process{Version: version(), Commit: commit(), Log: t.err}})
	if err != nil {
		return err
	}
	defer d.Stop()
	d.Explain(t.out)
	ctx, stop := context.WithCancel(told.ctx)
	var playing sync.WaitGroup
	defer playing.Wait()
	defer stop()
	if o.chaos {
		playing.Go(func() { d.Chaos(ctx) })
	}
	told.serve(d.Service())
	return d.Service().Run(told.ctx, told.reload)
}

// hangUp returns the signal that says that the terminal was closed, unless nohup has
// the demo go on.
func hangUp() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return nil
	}
	return []os.Signal{syscall.SIGHUP}
}

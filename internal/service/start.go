package service

import (
	"context"
	"fmt"
	"time"

	"wxproxy/config"
)

// startPatience is how long the configuration and the store may take to be read.
// Most files have a limit of their own, which is shorter.
const startPatience = time.Minute

// Start builds a service of the configuration that load returns, and opens its
// listeners. It returns nil without an error if ctx ends before. Reading may hang on
// a disk, and an address on DNS: Start waits for startPatience at most.
func Start(ctx context.Context, load func() (*config.Config, error), in Process) (*Service, error) {
	var s *Service
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var cfg *config.Config
		if cfg, err = load(); err != nil {
			err = MistakeError{err}
			return
		}
		if s, err = New(cfg, in); err == nil {
			s.load = load
			err = s.Listen()
		}
	}()
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-done:
		if err != nil {
			return nil, err
		}
		return s, nil
	case <-patience.C:
		return nil, fmt.Errorf("starting: the configuration, the folder of the store or the names of addresses could not be read within %v; "+
			"are they on a disk that hangs, or does DNS not answer?", startPatience)
	case <-ctx.Done():
		return nil, nil
	}
}

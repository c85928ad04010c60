package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"wxproxy/config"
)

// startPatience is how long the configuration and the store may take to be read.
// Most files have a limit of their own, which is shorter.
const startPatience = time.Minute

func runServe(o options, t terminal) error {
	told := catchSignals(t)
	files := config.NewFiles()
	load := func() (*config.Config, error) {
		return files.Load(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	}
	s, err := startService(told.ctx, load, t)
	if s == nil && err == nil {
		told.log.Load().Info("ending before the start was complete", "signal", told.ending())
	}
	if s == nil {
		return err
	}
	if s.admin != nil {
		record := newAdminRecord(s.settled.File)
		record.write(s.operators[0].Addr())
		defer record.remove()
	}
	return s.run(told)
}

// startService builds a service of what load returns, and opens its listeners. If
// ctx ends before, there is none: what is read may be on a disk that hangs, or a
// name of an address not be found. That is waited for startPatience at most.
func startService(ctx context.Context, load func() (*config.Config, error), t terminal) (*service, error) {
	var s *service
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var cfg *config.Config
		if cfg, err = load(); err != nil {
			err = mistakeError{err}
			return
		}
		if s, err = newService(cfg, t); err == nil {
			s.load = load
			err = s.listen()
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

// newLog returns the log that the configuration asks for, text for people at a
// terminal, JSON for machines, and its level, which may be set.
func newLog(c config.Log, t terminal, secrets *knownSecrets) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && isTerminal(t) {
		return slog.New(redactedLog{slog.NewTextHandler(t.err, options), secrets}), level
	}
	return slog.New(redactedLog{slog.NewJSONHandler(t.err, options), secrets}), level
}

func isTerminal(t terminal) bool {
	out := t.err
	if queue, ok := out.(*logQueue); ok {
		out = queue.out
	}
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

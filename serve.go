package main

import (
	"log/slog"
	"os"

	"wxproxy/config"
)

func runServe(o options, t terminal) error {
	load := func() (*config.Config, error) {
		return config.Load(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	}
	cfg, err := load()
	if err != nil {
		return mistakeError{err}
	}
	s, err := newService(cfg, t)
	if err != nil {
		return err
	}
	s.load = load
	ctx, stop := untilSignal(s)
	defer stop()
	if err := s.listen(); err != nil {
		return err
	}
	return s.run(ctx)
}

// newLog returns the log that the configuration asks for, text for people at a
// terminal, JSON for machines, and its level, which may be set.
func newLog(c config.Log, t terminal) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || c.Format == "auto" && isTerminal(t) {
		return slog.New(slog.NewTextHandler(t.err, options)), level
	}
	return slog.New(slog.NewJSONHandler(t.err, options)), level
}

func isTerminal(t terminal) bool {
	file, ok := t.err.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

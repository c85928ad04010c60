package main

import (
	"flag"
	"log/slog"
	"os"

	"wxproxy/config"
)

func runServe(args []string, t terminal) error {
	path := ""
	err := parseFlags("serve", args, t, func(f *flag.FlagSet) { f.StringVar(&path, "config", "", "") })
	if err != nil {
		return err
	}
	cfg, err := config.Load(config.Find(path, os.LookupEnv), os.LookupEnv)
	if err != nil {
		return mistakeError{err}
	}
	log := newLog(cfg.Log, t)
	for _, warning := range cfg.Warnings {
		log.Warn("configuration", "warning", warning)
	}
	ctx, stop := untilSignal(log)
	defer stop()
	return serve(ctx, cfg, log)
}

// newLog returns the log that the configuration asks for: text for people at a
// terminal, JSON for machines.
func newLog(c config.Log, t terminal) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "text" || c.Format == "auto" && isTerminal(t) {
		return slog.New(slog.NewTextHandler(t.err, options))
	}
	return slog.New(slog.NewJSONHandler(t.err, options))
}

func isTerminal(t terminal) bool {
	file, ok := t.err.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

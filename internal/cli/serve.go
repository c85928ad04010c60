package cli

import (
	"bytes"
	"io"
	"os"

	"wxproxy/config"
	"wxproxy/internal/service"
)

func runServe(o options, t terminal) error {
	told := catchSignals(t)
	files := config.NewFiles()
	load := func() (*config.Config, error) {
		return files.LoadToServe(config.Find(o.config, os.LookupEnv), os.LookupEnv)
	}
	s, err := service.Start(told.ctx, load, service.Process{Version: version(), Commit: commit(), Log: t.err})
	if s == nil && err == nil {
		told.log.Load().Info("ending before the start was complete", "signal", told.ending())
	}
	if s == nil {
		return err
	}
	if open := s.AdminAddress(); open != nil {
		record := newAdminRecord(s.ConfigFile())
		record.write(open)
		defer record.remove()
	}
	told.serve(s)
	return s.Run(told.ctx, told.reload)
}

// An unquoting writes lines of packages that have no logger of ours without what they
// quote: package http quotes what a server or a program has sent, which may be a token or
// a message.
type unquoting struct{ out io.Writer }

// Write implements [io.Writer]. Package log calls it with one line.
func (u unquoting) Write(line []byte) (int, error) {
	before, _, isQuoting := bytes.Cut(line, []byte(`"`))
	if !isQuoting {
		return u.out.Write(line)
	}
	if _, err := u.out.Write(append(bytes.Clone(before), "...\n"...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

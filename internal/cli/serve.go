package cli

import (
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

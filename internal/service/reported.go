package service

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"wxproxy/admin"
	"wxproxy/config"
)

// maxNames is how many names of each kind a line of the log has.
const maxNames = 20

// reportReload writes what a reload, which began at a time, has changed since before,
// and returns it.
func (s *Service) reportReload(before *config.Config, began time.Time) admin.Changes {
	now := s.now.Load()
	for _, warning := range now.cfg.Warnings {
		s.log.Warn("configuration", "warning", warning)
	}
	diff := before.ChangesTo(now.cfg)
	changes := admin.Changes{Added: diff.Added, Removed: diff.Removed, Changed: diff.Changed, AtNextStart: s.atStart.AtNextStart(now.cfg)}
	if len(changes.AtNextStart) > 0 {
		s.log.Warn("some settings take effect only at the next start", "settings", strings.Join(changes.AtNextStart, ", "))
	}
	attributes := []any{"accounts", len(now.cfg.Accounts), "clients", len(now.cfg.Clients), "config_hash", now.hash()}
	for _, kind := range []struct {
		name  string
		names []string
	}{{"added", changes.Added}, {"removed", changes.Removed}, {"changed", changes.Changed}} {
		if len(kind.names) > 0 {
			attributes = append(attributes, kind.name, firstOf(kind.names))
		}
	}
	s.log.Info("configuration reloaded", append(attributes, "duration", time.Since(began).Round(time.Millisecond).String())...)
	return changes
}

// firstOf returns the names as a list that is not too long for a line.
func firstOf(names []string) string {
	if more := len(names) - maxNames; more > 0 {
		return strings.Join(names[:maxNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// A loaded says how the configuration was read last. The zero value says nothing.
type loaded struct {
	mu    sync.Mutex // guards state
	state admin.Loaded
}

// note keeps that the configuration was read, well or not.
func (l *loaded) note(well bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.state.Tried, l.state.Successful = now, well
	if well {
		l.state.At = now
	}
}

// last returns how it was.
func (l *loaded) last() admin.Loaded {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	for _, warning := range now.cfg.Warnings() {
		s.log.Warn("configuration", "warning", warning)
	}
	diff := before.ChangesTo(now.cfg)
	changes := admin.Changes{Added: diff.Added, Removed: diff.Removed, Changed: diff.Changed, AtNextStart: s.atStart.AtNextStart(now.cfg), Warnings: now.cfg.Warnings()}
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

// note keeps that the configuration was read, and that it was refused if err is not nil.
func (l *loaded) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.state.Tried, l.state.Successful, l.state.Mistakes = now, err == nil, placesOf(err)
	if err == nil {
		l.state.At = now
	}
}

// placesOf returns where the mistakes are that err tells of, each place once.
func placesOf(err error) (places []string) {
	problems, _ := errors.AsType[config.Problems](err)
	if one, ok := errors.AsType[config.Problem](err); ok {
		problems = append(problems, one)
	}
	for _, p := range problems {
		place := p.Where
		if p.Key != "" {
			place += ": " + p.Key
		}
		if !slices.Contains(places, place) && len(places) < maxNames {
			places = append(places, place)
		}
	}
	return places
}

// last returns how it was.
func (l *loaded) last() admin.Loaded {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// remindOfCertificates has the log say every day which certificates should be renewed,
// as it did when the configuration was read, until ctx ends.
func (s *Service) remindOfCertificates(ctx context.Context) {
	daily := time.NewTicker(24 * time.Hour)
	defer daily.Stop()
	for {
		select {
		case now := <-daily.C:
			for _, c := range s.now.Load().cfg.Certificates {
				if remark := c.Remark(now); remark != "" {
					s.log.Warn("configuration", "warning", remark)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

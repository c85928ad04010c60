package service

import (
	"wxproxy/config"
	"wxproxy/internal/audit"
	"wxproxy/internal/origin"
)

// auditFor returns where a setup writes who did what; nil: nowhere.
func (s *Service) auditFor(of *setup) *audit.Log {
	if !of.cfg.Log.Audit {
		return nil
	}
	return s.audit
}

// noteReload writes that a reload was asked for by a signal or, as by says, by
// something else of this machine.
func (s *Service) noteReload(by string, err error) {
	outcome := audit.Done
	if err != nil {
		outcome = audit.Failed
	}
	s.auditFor(s.now.Load()).Did(audit.Entry{Action: audit.Reload, Address: by, Outcome: outcome})
}

// trusted returns the web servers that say where requests come from.
func trusted(cfg *config.Config) origin.Trusted {
	var t origin.Trusted
	for _, text := range cfg.Proxy.TrustedProxies {
		_ = t.Add(text) // it was checked with the configuration
	}
	return t
}

package service

import (
	"math"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/proxy"
)

// otherFiles is how many files may be open besides connections of callers, of
// operators and to WeChat, and bodies: of stores, listeners and the log, and
// connections to the token API.
const otherFiles = 128

// An openFiles says what the files are for that the process may have open, so that
// neither callers nor requests use up those of operators, the store and the log.
type openFiles struct {
	limit     int // 0: it is not known
	callers   int // with those that are refused or on their way out
	upstream  int
	operators int
}

// share shares out as many files as the process may have open. What there is for
// WeChat besides a quarter, callers get first: most of them rest.
func share(limit int, cfg *config.Config) openFiles {
	if limit == 0 {
		return openFiles{upstream: math.MaxInt, operators: admin.MaxConnections}
	}
	other := min(otherFiles+admin.MaxConnections, 16+limit/8) + limit/proxy.BodyFilesShare
	callers := min(cfg.Proxy.MaxConnections+proxy.SpareConnections, limit-other-min(cfg.Upstream.MaxConnections, limit/4))
	return openFiles{
		limit: limit, callers: max(1, callers), upstream: max(1, limit-other-callers),
		operators: min(admin.MaxConnections, 4+limit/16),
	}
}

// warnOfFewFiles has the log say that connections cannot all be there that the
// settings allow.
func (s *Service) warnOfFewFiles(limits proxy.Limits) {
	callers, upstream := limits.MaxConnections, s.settled.Upstream.MaxConnections
	if limits.Callers() >= callers && s.files.upstream >= upstream {
		return
	}
	needed := callers + proxy.SpareConnections + upstream + admin.MaxConnections + otherFiles
	needed += needed/(proxy.BodyFilesShare-1) + 1
	s.log.Warn("the limit of open files is lower than what the settings need; raise it (LimitNOFILE= of systemd, ulimit -n of a shell), or lower these",
		"limit", s.files.limit, "needed", needed, "callers", callers, "callers_at_most", limits.Callers(),
		"upstream", upstream, "upstream_at_most", min(upstream, s.files.upstream))
}

package main

import "wxproxy/admin"

// otherFiles is how many files may be open besides connections of callers and to
// WeChat: of stores, listeners and the log, and connections to the token API.
const otherFiles = 128

// warnOfFewFiles has the log say that connections cannot all be there that the
// settings allow: those above the limit would be closed unserved.
func (s *service) warnOfFewFiles(limit int) {
	callers, upstream := s.settled.Proxy.MaxConnections, s.settled.Upstream.MaxConnections
	needed := callers + upstream + admin.MaxConnections + otherFiles
	if limit == 0 || limit >= needed {
		return
	}
	s.log.Warn("the limit of open files is lower than what the settings need; raise it (LimitNOFILE= of systemd, ulimit -n of a shell), or lower these",
		"limit", limit, "needed", needed, "callers", callers, "upstream", upstream)
}

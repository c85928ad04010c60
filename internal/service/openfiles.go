package service

import (
	"math"

	"wxproxy/admin"
	"wxproxy/config"
	"wxproxy/proxy"
	"wxproxy/proxy/front"
)

// otherFiles is how many files may be open for stores, listeners, the log and
// connections to the token API: what is neither a body nor a connection of a caller,
// of an operator or to WeChat.
const otherFiles = 128

// openFiles are the shares of the files that the process may have open, so that
// callers and requests leave enough for operators, the store and the log.
type openFiles struct {
	limit     int // 0: it is not known
	callers   int // with connections that are being refused or closed
	upstream  int
	operators int
	pushes    int
}

// shareFiles shares out the files that the process may have open. Connections to
// WeChat are sure of a quarter; the callers come first beyond that, since most of
// their connections are idle.
func shareFiles(limit int, cfg *config.Config) openFiles {
	if limit == 0 {
		return openFiles{upstream: math.MaxInt, operators: admin.MaxConnections, pushes: cfg.Push.MaxConnections}
	}
	pushes := pushFiles(limit, cfg)
	other := min(otherFiles+admin.MaxConnections, 16+limit/8) + limit/proxy.BodyFilesShare + 2*pushes
	callers := min(cfg.Proxy.MaxConnections+front.SpareConnections, limit-other-min(upstreamConnections(cfg), limit/4))
	return openFiles{
		limit: limit, callers: max(1, callers), upstream: max(1, limit-other-callers),
		operators: min(admin.MaxConnections, 4+limit/16), pushes: pushes,
	}
}

// upstreamConnections returns how many connections there may be to the hosts of all kinds.
func upstreamConnections(cfg *config.Config) (sum int) {
	for _, kind := range cfg.Kinds() {
		sum += cfg.UpstreamOf(kind).MaxConnections
	}
	return sum
}

// toHosts returns how many connections the files suffice for to the hosts of a kind, which
// share them with the others as they would like to have them.
func (f openFiles) toHosts(cfg *config.Config, kind config.Kind) int {
	own, all := cfg.UpstreamOf(kind).MaxConnections, upstreamConnections(cfg)
	if f.upstream >= all {
		return own
	}
	return max(1, int(float64(f.upstream)*float64(own)/float64(all)))
}

// warnOfFewFiles has the log say that there cannot be as many connections as the
// settings allow.
func (s *Service) warnOfFewFiles(limits front.Limits) {
	callers, upstream := limits.MaxConnections, upstreamConnections(s.atStart)
	pushes := 0
	if s.atStart.Push.Listen != "" {
		pushes = s.atStart.Push.MaxConnections
	}
	if limits.Callers() >= callers && s.files.upstream >= upstream && s.files.pushes >= pushes {
		return
	}
	needed := max(callers+front.SpareConnections+upstream+admin.MaxConnections+otherFiles+2*pushes, pushFilesShare*pushes)
	needed += needed/(proxy.BodyFilesShare-1) + 1
	s.log.Warn("the limit of open files is lower than what the settings need; raise it (LimitNOFILE= of systemd, ulimit -n of a shell), or lower these",
		"limit", s.files.limit, "needed", needed, "callers", callers, "callers_at_most", limits.Callers(),
		"upstream", upstream, "upstream_at_most", min(upstream, s.files.upstream), "pushes", pushes, "pushes_at_most", min(pushes, s.files.pushes))
}

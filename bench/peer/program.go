//go:build linux

package peer

// Program returns a peer with a command line of its own. prepare writes what it needs into
// s.Dir, and returns the command line of a process that stays in the foreground and
// listens on addr.
func Program(name string, prepare func(s Site, addr string) (argv []string, err error)) *Peer {
	return &Peer{Name: name, prepare: prepare}
}

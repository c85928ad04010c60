//go:build !unix

package accept

// shed closes nothing: here, connections that wait are served when there are descriptors
// again.
func (l *Listener) shed() int { return 0 }

//go:build !linux

package front

// dropSYNs cannot filter packets here: who connects at the moment in which
// the listener closes is reset.
func dropSYNs(uintptr) {}

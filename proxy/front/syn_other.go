//go:build !linux

package front

// dropSYNs cannot filter packets here: callers that connect at the moment in which the
// listener closes are reset.
func dropSYNs(uintptr) {}

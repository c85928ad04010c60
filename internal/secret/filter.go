package secret

import (
	"math"
	"sync/atomic"
)

// Shortest is the length of the shortest credential that answers are searched for.
// WeChat's have 32 characters and more; one of a few letters would be found in ordinary
// words.
const Shortest = 6

// A Filter quickly tells of most texts that they hold no credential of an account: one
// holds one only if it has Least bytes in a row of those that credentials consist of
// ([MayHold]).
type Filter struct{ least atomic.Int32 }

// Start adds the credentials that known, which may be nil, appends to a slice.
func (f *Filter) Start(known func(dst []string) []string) {
	f.least.Store(math.MaxInt32)
	if known == nil {
		return
	}
	for _, value := range known(nil) {
		f.Add(value)
	}
}

// Add adds a credential.
func (f *Filter) Add(value string) {
	least := int32(Least(value))
	for known := f.least.Load(); len(value) >= Shortest && least < known; known = f.least.Load() {
		if f.least.CompareAndSwap(known, least) {
			return
		}
	}
}

// Least returns how many such bytes in a row a text needs to hold a credential.
func (f *Filter) Least() int { return int(f.least.Load()) }

// MayHold reports whether text may hold a credential.
func (f *Filter) MayHold(text []byte) bool { return MayHold(text, f.Least()) }

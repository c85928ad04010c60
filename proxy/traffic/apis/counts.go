// Package apis counts calls by the API that they are for, and keeps the last ones that
// failed. It knows paths, numbers and times, and of a request nothing else.
package apis

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxOthers is how many paths of a kind have counts of their own besides the documented
	// ones.
	maxOthers = 100

	// maxPath is how long the path of such an API may be.
	maxPath = 100

	// Other stands for all paths that have no counts of their own.
	Other = "other"
)

// Counts are what proxies count of the APIs of all kinds of accounts. One Counts can serve
// the proxies of one configuration after another. Only what was called takes memory: at
// most 6 KiB for each path, see [API].
type Counts struct {
	failed failedCalls

	mu     sync.Mutex // guards what follows; no call takes it
	kinds  map[string]*Kind
	ended  int              // how many slots have ended since the start; modulo slotsKept, the next place in the rings
	starts [slotsKept]int64 // when those in the rings began, in slots since 1970
	day    int64            // Beijing's, of which the counts of today are
}

// New returns Counts that have counted nothing.
func New() *Counts {
	return &Counts{kinds: map[string]*Kind{}, day: dayOf(time.Now())}
}

// A Kind has the counts of the APIs of one kind of accounts.
type Kind struct {
	name       string
	documented map[string]*atomic.Pointer[API] // by path; a nil one was not called so far. The map never changes
	others     atomic.Pointer[map[string]*API] // by path; replaced as a whole
	rest       *API                            // of all other paths

	mu      sync.Mutex // guards changes of others
	entered uint64     // how many paths have ever been among them
}

// Kind returns the counts of a kind, with the paths of whose documented APIs it begins. A nil
// Counts has none.
func (c *Counts) Kind(name string, documented []string) *Kind {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.kinds[name]
	if k == nil {
		k = &Kind{name: name, documented: make(map[string]*atomic.Pointer[API], len(documented)), rest: &API{path: Other}}
		for _, path := range documented {
			k.documented[path] = new(atomic.Pointer[API])
		}
		k.others.Store(&map[string]*API{})
		k.rest.gone.Store(true) // a path that is counted there is looked for each time
		c.kinds[name] = k
	}
	return k
}

// Name returns what the kind is called.
func (k *Kind) Name() string { return k.name }

// Find returns the counts of the API at a path. One that is not documented has counts of its
// own from the first call on that WeChat takes, if it is shown: if it holds nothing that looks
// like a secret.
func (k *Kind) Find(path []byte, isTaken bool, isShown func(path []byte) bool) *API {
	a := k.of(path)
	if a == nil && isTaken && isPlain(path) && isShown(path) {
		a = k.enter(path)
	}
	if a == nil {
		a = k.rest
	}
	return a
}

// IsDocumented reports whether a path is that of a documented API, spelled as it is there.
func (k *Kind) IsDocumented(path []byte) bool { return k != nil && k.documented[string(path)] != nil }

// of returns the counts of the API at a path, nil if the path has none of its own.
func (k *Kind) of(path []byte) *API {
	place := k.documented[string(path)]
	if place == nil {
		return (*k.others.Load())[string(path)]
	}
	if a := place.Load(); a != nil {
		return a
	}
	place.CompareAndSwap(nil, &API{path: string(path), documented: true})
	return place.Load()
}

// enter gives a path counts of its own, and returns them. If there are [maxOthers] already,
// the path that was called least gives way, and what was counted of it is counted among the
// rest: paths that somebody makes up take the place of each other, and of no documented one. A
// call that is counted at that very moment may be lost.
func (k *Kind) enter(path []byte) *API {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := *k.others.Load()
	if a := known[string(path)]; a != nil {
		return a
	}
	others := maps.Clone(known)
	if len(others) >= maxOthers {
		least := leastCalled(others)
		delete(others, least.path)
		least.gone.Store(true)
		k.rest.absorb(least)
	}
	k.entered++
	a := &API{path: string(path), entered: k.entered}
	others[a.path] = a
	k.others.Store(&others)
	return a
}

// leastCalled returns the API that was called least, of several the one that came first.
func leastCalled(apis map[string]*API) (least *API) {
	fewest := uint64(0)
	for _, a := range apis {
		calls := a.read().sum()
		if least == nil || calls < fewest || calls == fewest && a.entered < least.entered {
			least, fewest = a, calls
		}
	}
	return least
}

// longestWord is how long a word of such a path may be: an AppSecret has 32 characters.
const longestWord = 31

// isPlain reports whether path consists of what paths of APIs consist of.
func isPlain(path []byte) bool {
	word := 0
	for _, c := range path {
		switch {
		case c == '/' || c == '.':
			word = 0
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-':
			word++
		default:
			return false
		}
		if word > longestWord {
			return false
		}
	}
	return len(path) > 1 && len(path) <= maxPath && path[0] == '/'
}

// each calls do for every API of the kind that has counts. The caller holds k.mu.
func (k *Kind) each(do func(*API)) {
	for _, place := range k.documented {
		if a := place.Load(); a != nil {
			do(a)
		}
	}
	for _, a := range *k.others.Load() {
		do(a)
	}
	do(k.rest)
}

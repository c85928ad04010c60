package platform

import (
	"sync"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/token"
)

const (
	// codeLife is for how long it is known what a code yielded.
	codeLife = 24 * time.Hour

	maxCodes       = 16      // that are remembered of one account
	maxPermissions = 2 << 10 // bytes of what the account granted with them
)

// redemptions are the codes that are being redeemed, or were within the last day.
type redemptions struct {
	mu       sync.Mutex // guards what follows
	known    map[string]redeemed
	underWay map[string]*redemption
	doubted  map[string]time.Time // codes that WeChat says were used, though nobody here has heard of it
}

// redeemed is what a code yielded.
type redeemed struct {
	appID string
	at    time.Time
}

// A redemption is one that is under way.
type redemption struct {
	done  chan struct{} // closed when the rest is known
	appID string
	err   error
}

func (r *redemptions) begin() {
	r.known, r.underWay, r.doubted = map[string]redeemed{}, map[string]*redemption{}, map[string]time.Time{}
}

// add notes what the code of this hash has yielded.
func (r *redemptions) add(hash, appID string, at time.Time) {
	if time.Since(at) >= codeLife {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[hash] = redeemed{appID, at}
}

// of returns the account that the code of this hash was for; empty if that is not known.
func (r *redemptions) of(hash string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[hash].appID
}

// doubt notes that the code of this hash was used by nobody who is known, and reports whether
// that is new, and one of not too many.
func (r *redemptions) doubt(hash string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, isKnown := r.doubted[hash]
	if isKnown || len(r.doubted) >= mostDoubts {
		return false
	}
	r.doubted[hash] = time.Now()
	return true
}

// join returns the redemption of the code of this hash, which begin runs if there is none
// under way.
func (r *redemptions) join(hash string, begin func(*redemption)) *redemption {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.underWay[hash]
	if one == nil {
		one = &redemption{done: make(chan struct{})}
		r.underWay[hash] = one
		begin(one)
	}
	return one
}

// end ends a redemption.
func (r *redemptions) end(hash string, one *redemption) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.underWay, hash)
	close(one.done)
}

// forget forgets what is older than a day.
func (r *redemptions) forget(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, one := range r.known {
		if now.Sub(one.at) >= codeLife {
			delete(r.known, hash)
		}
	}
	for hash, at := range r.doubted {
		if now.Sub(at) >= codeLife {
			delete(r.doubted, hash)
		}
	}
}

// remember notes in a record that a code was redeemed. What the account granted with earlier
// ones is forgotten first: a record has to be one that a store takes.
func remember(r *token.Record, one token.Redeemed) {
	one.At = one.At.Truncate(time.Second)
	codes, room := []token.Redeemed{one}, maxPermissions-len(one.Permissions)
	for _, c := range r.Codes {
		if c.Hash != one.Hash && one.At.Sub(c.At) < codeLife && len(codes) < maxCodes {
			if room -= len(c.Permissions); room < 0 {
				c.Permissions = ""
			}
			codes = append(codes, c)
		}
	}
	r.Codes = codes
}

// Permissions returns what an account granted with a code that was redeemed within a day, for
// [wechat.FuncInfo]; empty: that is not known.
func (p *Platform) Permissions(appID string, code secret.Secret) string {
	r, err := p.options.Store.Load(p.key(appID))
	if err != nil {
		return ""
	}
	hash := event.Hash([]byte(code.Reveal()))
	for _, c := range r.Codes {
		if c.Hash == hash && time.Since(c.At) < codeLife {
			return c.Permissions
		}
	}
	return ""
}

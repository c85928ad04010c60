package wecomtest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Fault is something that goes wrong with requests. Errcode, or Status with Body, replace
// WeCom's own answer, and then the answer is delayed or lost.
type Fault struct {
	// Path is the path of the requests that the fault strikes: exactly this one, every one
	// that begins so if it ends in '*', or every one if it is empty.
	Path string

	// The first Skip requests for Path pass, then Times of them are struck; 0 means all,
	// until the fault is cleared.
	Skip, Times int

	// Errcode is the error of the answer; the request has no effect.
	Errcode int

	// Status is the status of the answer; the request has no effect. Body is its body,
	// with status 200 if it stands alone.
	Status int
	Body   []byte

	// Delay is how long the answer is held back after the request was executed.
	Delay time.Duration

	// CloseBefore closes the connection before the body is read, CloseAfter when the
	// request was executed.
	CloseBefore, CloseAfter bool
}

// An injected is a Fault with the number of requests that it has seen.
type injected struct {
	Fault
	seen int
}

// Inject has f strike from now on, until it has struck often enough or is cleared. Where
// several faults match a request, the one injected first strikes.
func (w *WeCom) Inject(f Fault) (clear func()) {
	if f.Status == 0 && f.Body != nil {
		f.Status = http.StatusOK
	}
	i := &injected{Fault: f}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, i)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = slices.DeleteFunc(w.faults, func(other *injected) bool { return other == i })
	}
}

// strikes counts a matching request and reports whether it is struck.
func (i *injected) strikes() bool {
	if i.Times > 0 && i.seen == i.Skip+i.Times {
		return false
	}
	i.seen++
	return i.seen > i.Skip
}

// matches reports whether path is pattern, begins with it if it ends in '*', or pattern is
// empty.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == "" || pattern == path
}

// Chaos ends a token of some application every so often, in its time or before, until ctx
// ends. After each, ended is called.
func (w *WeCom) Chaos(ctx context.Context, every time.Duration, ended func(event string)) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			event := [...]string{"expired", "revoked"}[rand.IntN(2)]
			w.mu.Lock()
			w.apps[rand.IntN(len(w.apps))].end(event == "revoked")
			w.mu.Unlock()
			ended(event)
		case <-ctx.Done():
			return
		}
	}
}

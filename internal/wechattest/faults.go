package wechattest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Fault is something that goes wrong with requests. Its effects may be combined:
// Errcode, Empty, or Status with Header and Body replace WeChat's own answer, and then
// the answer is delayed, cut or lost.
type Fault struct {
	// Path is the path of the requests that the fault strikes: exactly this one,
	// every one that begins so if it ends in '*', or every one if it is empty.
	Path string

	// The first Skip requests for Path pass, then Times of them are struck; 0
	// means all, until the fault is cleared.
	Skip, Times int

	// Flap strikes only every second request: the first passes, the second is struck.
	// Without another effect, a request that is struck gets 40001 although its token is good.
	Flap bool

	// Errcode is the WeChat error of the answer; the request has no effect.
	Errcode int

	// Empty makes the answer 200 without a body; the request has no effect.
	Empty bool

	// Status is the status of the answer; the request has no effect. Header and Body
	// belong to that answer, whose status is 200 if they stand without a Status.
	Status int
	Header http.Header
	Body   []byte

	// Delay is how long the answer is held back after the request was executed.
	Delay time.Duration

	// CloseBefore closes the connection before the body is read, CloseAfter when the
	// request was executed.
	CloseBefore, CloseAfter bool

	// Truncate is after how many bytes of the body the connection is closed, although
	// the header announces the whole body. A negative number stands for no byte; 0 is no fault.
	Truncate int
}

// An injected is a Fault with the number of requests that it has seen.
type injected struct {
	Fault
	seen, struck int
}

// Inject has f strike from now on, until it has struck often enough or is
// cleared. Where several faults match a request, the one injected first strikes.
func (w *WeChat) Inject(f Fault) (clear func()) {
	if f.Status == 0 && (f.Header != nil || f.Body != nil) {
		f.Status = http.StatusOK
	}
	if f.Flap && !f.hasEffect() {
		f.Errcode = 40001
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

func (f Fault) hasEffect() bool {
	return f.Errcode != 0 || f.Empty || f.Status != 0 || f.Delay != 0 ||
		f.CloseBefore || f.CloseAfter || f.Truncate != 0
}

// arrive counts c and returns the fault that strikes it, or one without effect.
func (w *WeChat) arrive(c *call) Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[c.path]++
	for _, i := range w.faults {
		if matches(i.Path, c.path) && i.strikes() {
			return i.Fault
		}
	}
	return Fault{}
}

// matches reports whether path is pattern, begins with it if it ends in '*', or
// pattern is empty.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == "" || pattern == path
}

// strikes counts a matching request and reports whether it is struck.
func (i *injected) strikes() bool {
	if i.Times > 0 && i.struck == i.Times {
		return false
	}
	i.seen++
	turn := i.seen - i.Skip
	if turn <= 0 || i.Flap && turn%2 == 1 {
		return false
	}
	i.struck++
	return true
}

// faulty returns the answer that f has in the place of WeChat's own, if it has one.
func (w *WeChat) faulty(c *call, f Fault) (a answer, instead bool) {
	switch {
	case f.Errcode != 0:
		return w.refuse(c, f.Errcode), true
	case f.Empty:
		return c.document(nil), true
	case f.Status != 0:
		label := "text/html"
		if f.Status == http.StatusOK {
			label = typeJSON
		}
		a := answer{status: f.Status, header: contentType(label), body: f.Body}
		for name, values := range f.Header {
			a.header[http.CanonicalHeaderKey(name)] = values
		}
		return a, true
	}
	return answer{}, false
}

// truncate cuts a as f says.
func (f Fault) truncate(a answer) answer {
	if f.Truncate != 0 {
		kept := min(max(f.Truncate, 0), len(a.body))
		a.lost = len(a.body) - kept
		a.body = a.body[:kept]
	}
	return a
}

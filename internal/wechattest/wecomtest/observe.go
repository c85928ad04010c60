package wecomtest

import (
	"slices"

	"wxproxy/internal/wechattest"
)

// A Message is what one request has done that must not be done twice.
type Message struct {
	App  *Application // nil: a robot
	Path string
	Body []byte
}

// A caller is who called what.
type caller struct {
	path, from string
	app        *Application // nil: unknown
}

// observations are what WeCom keeps for tests.
type observations struct {
	recording bool
	requests  []wechattest.Request
	sent      []Message
	uploads   [][]byte
	calls     map[caller]int
	answers   map[int]int // by errcode
	doubled   int         // requests that showed several tokens
}

// Sent returns what was sent, in order: messages, and every other thing that was posted
// and is not an upload. What was sent twice is there twice.
func (w *WeCom) Sent() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// Uploads returns the files that were uploaded, in order.
func (w *WeCom) Uploads() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.uploads)
}

// Record has WeCom keep the requests that arrive from now on.
func (w *WeCom) Record() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recording = true
}

// Requests returns the requests that arrived since Record, in the order in which they were
// complete. A request that CloseBefore struck has no body.
func (w *WeCom) Requests() []wechattest.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Calls returns how many requests arrived for path, which may end in '*' to mean every path
// that begins so; empty: for any. All are counted, also those that a Fault struck.
func (w *WeCom) Calls(path string) int {
	return w.countCalls(func(c caller) bool { return matches(path, c.path) })
}

// CallsFrom returns how many of the requests that Calls counts came from an address.
func (w *WeCom) CallsFrom(ip, path string) int {
	return w.countCalls(func(c caller) bool { return c.from == ip && matches(path, c.path) })
}

// Calls returns how many of the requests that [WeCom.Calls] counts showed the
// application's secret or one of its tokens, good or not.
func (a *Application) Calls(path string) int {
	return a.wecom.countCalls(func(c caller) bool { return c.app == a && matches(path, c.path) })
}

func (w *WeCom) countCalls(is func(caller) bool) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for c, times := range w.calls {
		if is(c) {
			n += times
		}
	}
	return n
}

// Answers returns how many answers had this errcode.
func (w *WeCom) Answers(errcode int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers[errcode]
}

// Doubled returns how many requests showed more than one token.
func (w *WeCom) Doubled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doubled
}

func (w *WeCom) record(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.recording {
		return
	}
	r := c.Request
	r.Header = r.Header.Clone()
	w.requests = append(w.requests, r)
}

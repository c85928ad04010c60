package wechattest

import (
	"net/http"
	"slices"
)

// Fetches counts an app's calls of the token APIs that WeChat itself answered. Calls
// counts those as well that a Fault struck.
type Fetches struct {
	Classic, Stable int // answered with a token
	Forced          int // how many of Stable asked for force_refresh, whether WeChat granted that or not
	Refused         int // answered with an error, and the app was known
}

// A Request is a request as it arrived.
type Request struct {
	Method string
	Target string // path and query, byte for byte
	Host   string
	Header http.Header
	Body   []byte

	Chunked bool   // the body came without Content-Length, which gets 412
	From    string // the caller's address, without port
}

// A Message is what one call of a message API has sent.
type Message struct {
	AppID string
	Path  string
	Body  []byte
}

// observations are what WeChat keeps for tests.
type observations struct {
	recording bool
	requests  []Request
	sent      []Message
	calls     map[string]int // by path
	doubled   int            // requests that showed several tokens

	deliveries []Delivery // of pushes
}

// Fetches returns how often the app fetched tokens.
func (w *WeChat) Fetches(appID string) Fetches {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mustApp(appID).fetches
}

// Sent returns the messages that were sent, in order. A message that was sent twice is
// there twice.
func (w *WeChat) Sent() []Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// Record has WeChat keep the requests that arrive from now on.
func (w *WeChat) Record() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recording = true
}

// Requests returns the requests that arrived since Record, in the order in which
// they were complete. A request that CloseBefore struck has no body.
func (w *WeChat) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Calls returns how many requests arrived for path, which may end in '*' to
// mean every path that begins so. All are counted, also those that a Fault
// struck.
func (w *WeChat) Calls(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for called, times := range w.calls {
		if matches(path, called) {
			n += times
		}
	}
	return n
}

// Doubled returns how many requests showed more than one access_token.
func (w *WeChat) Doubled() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.doubled
}

// Tokens returns the app's tokens that are good now: first the classic ones, then the
// stable ones, each with the newest last.
func (w *WeChat) Tokens(appID string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var good []string
	keep := func(t *accessToken) {
		if w.now().Before(t.until) && !t.dead {
			good = append(good, t.value)
		}
	}
	a := w.mustApp(appID)
	a.classic.each(keep)
	a.stable.each(keep)
	return good
}

func (w *WeChat) record(c *call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.recording {
		return
	}
	r := c.Request
	r.Header = r.Header.Clone()
	w.requests = append(w.requests, r)
}

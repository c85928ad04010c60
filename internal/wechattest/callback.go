package wechattest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Mode is how pushes are encrypted.
type Mode int

// The modes that WeChat's console offers. In compatible mode the message stands in the
// clear beside what is encrypted.
const (
	Plain Mode = iota
	Compatible
	Safe
)

// A Format is what pushes are written in.
type Format int

// The formats that WeChat's console offers.
const (
	XML Format = iota
	JSON
)

// A Callback is what WeChat's console keeps about where an app's messages and events are
// pushed to. It is a value: with another Token or AESKey it pushes as a stranger does, or
// as WeChat does while the key is being changed.
type Callback struct {
	AppID  string // behind the message in what is encrypted
	URL    string
	Token  string
	AESKey string // EncodingAESKey, which Plain does not need
	Mode   Mode
	Format Format

	UserName string // the original ID by which messages call the account; empty: one made of AppID

	// AllEvents makes it the authorization-event URL of a third-party platform: what is
	// encrypted stands beside AppId, and any answer but "success" is a fault after which
	// WeChat pushes again.
	AllEvents bool

	// Timeout is for how long WeChat waits for an answer, and Tries how often it pushes in
	// all; 0 means 5 s, and three times.
	Timeout time.Duration
	Tries   int

	// SameBytes makes repetitions the bytes of the first try. Else only what is encrypted
	// is the same, with another timestamp, nonce and cipher text.
	SameBytes bool

	// Tamper changes a request before it is sent.
	Tamper func(*http.Request)

	// Transport sends requests; nil: [http.DefaultTransport]. Redirects are not followed.
	Transport http.RoundTripper
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 2 << 20

// SetCallback does what submitting a callback in the console does: if the URL check
// passes, it is that of its app from now on.
func (w *WeChat) SetCallback(ctx context.Context, c Callback) error {
	if err := c.Check(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mustApp(c.AppID).callback = &c
	return nil
}

// Push pushes m to the app's callback, and keeps what became of it.
func (w *WeChat) Push(ctx context.Context, appID string, m Pushed) Delivery {
	w.mu.Lock()
	callback := w.mustApp(appID).callback
	w.mu.Unlock()
	if callback == nil {
		panic("BUG: no callback is set for " + appID)
	}
	d := callback.Push(ctx, m)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliveries = append(w.deliveries, d)
	return d
}

// Deliveries returns what became of each push, in order.
func (w *WeChat) Deliveries() []Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.deliveries)
}

// Check is the URL check, which the console makes before it takes a callback. It is never
// encrypted.
func (c Callback) Check(ctx context.Context) error {
	echo := strconv.FormatUint(randomNumber(), 10)
	timestamp, nonce := stamp()
	query := "signature=" + pushSignature(c.Token, timestamp, nonce) + "&echostr=" + echo + "&timestamp=" + timestamp + "&nonce=" + nonce
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.target(query), nil)
	if err != nil {
		return fmt.Errorf("the console takes no such URL: %w", err)
	}
	t := c.send(request, nil)
	switch {
	case t.Err != nil:
		return fmt.Errorf("the URL did not answer: %w", t.Err)
	case t.Status != http.StatusOK || string(t.Answer) != echo:
		return fmt.Errorf("%w: status %d and %q; want %s", errCheck, t.Status, t.Answer, echo)
	}
	return nil
}

var errCheck = errors.New("the URL check failed")

// target returns the URL with query after its own.
func (c Callback) target(query string) string {
	separator := "?"
	if strings.Contains(c.URL, "?") {
		separator = "&"
	}
	return c.URL + separator + query
}

// send sends a request once, and reads the answer.
func (c Callback) send(request *http.Request, body []byte) Try {
	began := time.Now()
	ctx, cancel := context.WithTimeout(request.Context(), cmp.Or(c.Timeout, 5*time.Second))
	defer cancel()
	request = request.WithContext(ctx)
	request.Header.Set("User-Agent", "Mozilla/4.0")
	if c.Tamper != nil {
		c.Tamper(request)
	}
	t := Try{URL: request.URL, Body: body}
	response, err := cmp.Or(c.Transport, http.DefaultTransport).RoundTrip(request)
	if err == nil {
		defer response.Body.Close()
		t.Status, t.Header = response.StatusCode, maps.Clone(response.Header)
		t.Answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	t.Err, t.Took = err, time.Since(began)
	return t
}

// stamp returns the timestamp and the nonce of a push.
func stamp() (timestamp, nonce string) {
	return strconv.FormatInt(time.Now().Unix(), 10), strconv.FormatUint(randomNumber()%1e9, 10)
}

// randomNumber returns a number as long as a MsgId.
func randomNumber() uint64 { return rand.Uint64() >> 1 }

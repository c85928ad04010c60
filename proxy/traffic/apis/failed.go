package apis

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// maxFailed is how many of the last calls that failed are kept.
const maxFailed = 100

// A FailedCall is one that failed. It has names, a path and numbers, and nothing of what the
// caller sent or WeChat answered.
type FailedCall struct {
	At              time.Time
	Kind            string
	Account, Client string // Client is empty without any [[client]]
	Path            string // without whatever in it could be a secret
	Failure
	HTTP      int    // the status that the caller got
	Reason    string // why the proxy answered in WeChat's place, as its error's slug; empty: WeChat answered
	Rid       string // by which WeChat knows the call; empty: its answer has none
	RequestID string // empty: the request has none
}

// failedCalls are the last calls that failed.
type failedCalls struct {
	mu    sync.Mutex // guards what follows; no call takes it unless it failed
	ring  [maxFailed]FailedCall
	noted int // how many were ever; modulo maxFailed, the next place
}

// maxFailedPath is how many bytes of a path are kept.
const maxFailedPath = 200

// Failed counts that a call, which was counted, has failed, and keeps it in the place of the
// oldest. Its path is as a log shows it, its status is known where it has no errcode.
func (c *Counts) Failed(of *API, f FailedCall) {
	f.At = time.Now()
	if of.documented {
		f.Path = of.path // however it was spelled
	}
	f.Path = strings.ToValidUTF8(f.Path[:min(len(f.Path), maxFailedPath)], "?")
	if f.Errcode == 0 {
		f.Status = f.HTTP
	}
	of.fail(f.Failure)
	c.failed.mu.Lock()
	defer c.failed.mu.Unlock()
	c.failed.ring[c.failed.noted%maxFailed] = f
	c.failed.noted++
}

// LastFailed returns the last calls that failed, the latest first.
func (c *Counts) LastFailed() []FailedCall {
	c.failed.mu.Lock()
	defer c.failed.mu.Unlock()
	n := min(c.failed.noted, maxFailed)
	last := make([]FailedCall, 0, n)
	for i := range n {
		last = append(last, c.failed.ring[(c.failed.noted-1-i)%maxFailed])
	}
	return last
}

// The length of a rid, which WeChat writes as 655d9278-1a2b3c4d-5e6f7a8b.
const shortestRid, longestRid = 10, 48

// IsRid reports whether text is written as WeChat writes the id of a call: three groups of
// hexadecimal digits. No credential is.
func IsRid(text string) bool {
	groups := strings.Split(text, "-")
	for _, group := range groups {
		if group == "" || strings.Trim(group, "0123456789abcdef") != "" {
			return false
		}
	}
	return len(groups) == 3 && shortestRid <= len(text) && len(text) <= longestRid
}

// RidIn returns the rid that an answer of WeChat's has in its errmsg, as in "invalid code rid:
// 655d9278-1a2b3c4d-5e6f7a8b"; empty: it has none.
func RidIn(answer []byte) string {
	for {
		_, rest, found := bytes.Cut(answer, []byte("rid:"))
		if !found {
			return ""
		}
		word := bytes.TrimLeft(rest, " ")
		length := 0
		for length < min(len(word), longestRid+1) && isOfRid(word[length]) {
			length++
		}
		if rid := string(word[:length]); IsRid(rid) {
			return rid
		}
		answer = rest
	}
}

func isOfRid(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || c == '-'
}

//go:build linux

// Package load is the callers' side: wrk for as many requests as a proxy can
// answer, a generator of its own for a constant rate, which wrk does not have, and
// idle callers.
package load

import (
	"crypto/tls"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Call is one of the requests that callers send in turn.
type Call struct {
	Path string
	Key  string // of a client; shown in Authorization. NoKey: there is none
}

// NoKey has a Call show no key: its path has a virtual token.
const NoKey = "-"

// A Target is a proxy and the calls that it gets, each with the same body.
type Target struct {
	Addr  string
	Calls []Call
	Body  []byte
	TLS   *tls.Config // of callers that speak it; nil: in the clear
}

// A Result is what the callers saw.
type Result struct {
	Requests       int
	Failed         int // answered with a status other than 200, or not answered
	Elapsed        time.Duration
	P50, P99, P999 time.Duration
}

// bytes returns a complete request.
func (c Call) bytes(host string, body []byte) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n", c.Path, host, c.Key)
	fmt.Fprintf(&b, "Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: bench\r\nContent-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	return []byte(b.String())
}

// Body returns a JSON object of so many bytes.
func Body(length int) []byte {
	const begin, end = `{"touser":"oBench","msgtype":"text","text":{"content":"`, `"}}`
	return []byte(begin + strings.Repeat("x", max(0, length-len(begin)-len(end))) + end)
}

// Percentile returns the smallest of the sorted values that at least the given share
// of them does not exceed; 0 if there are none.
func Percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(share * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// summarize sorts latencies and adds their percentiles to r.
func (r *Result) summarize(latencies []time.Duration) {
	slices.Sort(latencies)
	r.P50, r.P99, r.P999 = Percentile(latencies, 0.5), Percentile(latencies, 0.99), Percentile(latencies, 0.999)
}

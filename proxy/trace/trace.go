// Package trace says how a request is followed through several programs: the header
// traceparent, as the W3C has it, and what a span tells of a request.
package trace

import "time"

// A Tracer makes a span of each request. Many call it at once, and it never has them
// wait.
type Tracer interface {
	// Begin begins the span of a request that came at that time. It belongs to what the
	// caller's headers name, or begins a trace if they name nothing.
	Begin(from Headers, at time.Time) Span
}

// A Span is the part of a trace that is about one request.
type Span interface {
	// Headers name the span to whom the request is sent on.
	Headers() Headers

	// IsRecorded reports whether anybody will see the span. Another one need not end.
	IsRecorded() bool

	// End ends the span with what it is to tell.
	End(Request)
}

// Headers name a span to another program.
type Headers struct {
	Traceparent string // empty: none is named
	Tracestate  string // may be empty
}

// TraceID returns the id of the trace; empty if no span is named.
func (h Headers) TraceID() string {
	if h.Traceparent == "" {
		return ""
	}
	return h.Traceparent[idStart:idEnd]
}

// A Request is what a span tells of a request, none of which is a secret.
type Request struct {
	Account, Client string // as the configuration calls them; empty: unknown
	Method          string // "?" for one that WeChat's API does not use
	Path            string // as a log may show it
	IsKnown         bool   // Path is none that a stranger made up
	Status          int
	Errcode         int           // 0: none
	Attempts        int           // how often it was sent to WeChat
	TokenWait       time.Duration // for a token or a ticket
	AtWeChat        time.Duration // from the first byte sent to the answer's last, or where its body streams, to its header's end
	Refusal         string        // what the proxy's own error is called; empty: WeChat answered
}

package logged

import "log/slog"

// A Request is what the access log says of a request, in the order of its line.
type Request struct {
	Account, Client string
	Method          string // a known one
	Path            string
	Parameters      []string // what the function Names returned
	Status          int
	Errcode         int
	Attempts        int
	Duration        string
	RequestID       string // empty: it has none
	TraceID         string // likewise
}

// Attributes returns the line for slog.
func (r *Request) Attributes() []slog.Attr {
	attributes := []slog.Attr{
		slog.String("account", r.Account),
		slog.String("client", r.Client),
		slog.String("method", r.Method),
		slog.String("path", r.Path),
		slog.Any("parameters", r.Parameters),
		slog.Int("status", r.Status),
		slog.Int("errcode", r.Errcode),
		slog.Int("attempts", r.Attempts),
		slog.String("duration", r.Duration),
	}
	if r.RequestID != "" {
		attributes = append(attributes, slog.String("request_id", r.RequestID))
	}
	if r.TraceID != "" {
		attributes = append(attributes, slog.String("trace_id", r.TraceID))
	}
	return attributes
}

// Request adds the same to a line.
func (l *Line) Request(r *Request) {
	l.Text("account", r.Account)
	l.Text("client", r.Client)
	l.Plain("method", r.Method)
	l.Text("path", r.Path)
	l.Names("parameters", r.Parameters)
	l.Number("status", r.Status)
	l.Number("errcode", r.Errcode)
	l.Number("attempts", r.Attempts)
	l.Plain("duration", r.Duration)
	if r.RequestID != "" {
		l.Text("request_id", r.RequestID)
	}
	if r.TraceID != "" {
		l.Plain("trace_id", r.TraceID)
	}
}

package service

import (
	"fmt"
	"log/slog"

	"wxproxy/internal/tracing"
)

// newTracer returns the tracer that the variables of OpenTelemetry ask for, nil if they ask
// for none. They are often set for all programs of a host: what is wrong with them is no
// reason not to serve.
func newTracer(version string, secrets *knownSecrets, log *slog.Logger) *tracing.Tracer {
	t, err := tracing.New(version, log)
	if err != nil {
		log.Warn("configuration", "warning", tracingOff(err))
	}
	if t == nil {
		return nil
	}
	for _, secret := range t.Secrets() {
		secrets.redact(secret)
	}
	return t
}

// CheckTracing returns a warning about the variables of OpenTelemetry; empty: there is none.
func CheckTracing() string {
	if err := tracing.Check(); err != nil {
		return tracingOff(err)
	}
	return ""
}

// SpansTo returns where the variables of OpenTelemetry have spans sent; empty: nowhere.
func SpansTo() string { return tracing.Endpoint() }

func tracingOff(err error) string { return fmt.Sprintf("environment: no spans are sent: %v", err) }

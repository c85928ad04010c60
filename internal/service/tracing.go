package service

import (
	"log/slog"

	"wxproxy/internal/language"
	"wxproxy/internal/tracing"
)

// newTracer returns the tracer that the variables of OpenTelemetry ask for, nil if they ask
// for none. They are often set for all programs of a host: what is wrong with them is no
// reason not to serve.
func newTracer(version string, secrets *knownSecrets, log *slog.Logger) *tracing.Tracer {
	t, err := tracing.New(version, log)
	if err != nil {
		log.Warn("configuration", "warning", tracingOff(err).Error())
	}
	if t == nil {
		return nil
	}
	for _, secret := range t.Secrets() {
		secrets.redact(secret)
	}
	return t
}

// CheckTracing returns a warning about the variables of OpenTelemetry, if there is one.
func CheckTracing() error {
	if err := tracing.Check(); err != nil {
		return tracingOff(err)
	}
	return nil
}

// SpansTo returns where the variables of OpenTelemetry have spans sent; empty: nowhere.
func SpansTo() string { return tracing.Endpoint() }

func tracingOff(err error) error { return language.Textf("environment: no spans are sent: %v", err) }

package tracing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// checkSampler checks what OpenTelemetry would replace by its default.
func (l lookup) checkSampler(*settings) error {
	_, sampler := l.get("OTEL_TRACES_SAMPLER")
	samplers := []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
	if sampler = strings.ToLower(sampler); sampler != "" && !slices.Contains(samplers, sampler) {
		return fmt.Errorf("OTEL_TRACES_SAMPLER is %q; it has to be one of %s", sampler, strings.Join(samplers, ", "))
	}
	_, arg := l.get("OTEL_TRACES_SAMPLER_ARG")
	if !strings.HasSuffix(sampler, "traceidratio") || arg == "" {
		return nil
	}
	if ratio, err := strconv.ParseFloat(arg, 64); err != nil || ratio < 0 || ratio > 1 || ratio != ratio {
		return fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q; it has to be a number from 0 to 1", arg)
	}
	return nil
}

package metrics

import (
	"net/url"

	"wxproxy/proxy/upstream"
)

// hosts tells which hosts are up, and how often each failed. Two URLs may lead to one host.
func (s text) hosts(states []upstream.HostState) {
	values, failures := map[string]float64{}, map[string]upstream.Failures{}
	for _, state := range states {
		name := state.URL
		if u, err := url.Parse(state.URL); err == nil {
			name = u.Host
		}
		if !state.Down {
			values[name] = 1
		} else {
			values[name] += 0
		}
		sum := failures[name]
		for reason, n := range state.Failures {
			sum[reason] += n
		}
		failures[name] = sum
	}
	for name, value := range values {
		s.gauge(up, value, name)
		for reason, n := range failures[name] {
			s.counter(hostFailures, n, name, upstream.FailureReason(reason).String())
		}
	}
}

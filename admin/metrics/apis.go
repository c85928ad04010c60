package metrics

import (
	"wxproxy/proxy/traffic/apis"
)

// apis tells of the documented APIs that were called. The other paths, which callers can make
// up, are together.
func (s text) apis(rows []apis.Row) {
	others := map[string]*apiCounts{} // by kind
	for i := range rows {
		row := &rows[i]
		if row.Documented {
			counted := apiCounts{}
			counted.add(row)
			s.api(row.Kind, row.Path, counted)
			s.quantiles(row)
			continue
		}
		if others[row.Kind] == nil {
			others[row.Kind] = new(apiCounts)
		}
		others[row.Kind].add(row)
	}
	for kind, counted := range others {
		s.api(kind, apis.Other, *counted)
	}
}

// apiCounts are the calls of one API, or of several together, since the start.
type apiCounts struct {
	calls  uint64
	failed map[string]uint64 // by the name of the failure
}

func (c *apiCounts) add(row *apis.Row) {
	if c.failed == nil {
		c.failed = map[string]uint64{}
	}
	c.calls += row.Calls
	for _, f := range row.Failures {
		c.failed[f.Name()] += f.N
	}
}

func (s text) api(kind, path string, c apiCounts) {
	s.counter(apiRequests, c.calls, kind, path)
	for errcode, n := range c.failed {
		s.counter(apiFailures, n, errcode, kind, path)
	}
}

// quantiles tells how long the calls of the last hour took, if there were any.
func (s text) quantiles(row *apis.Row) {
	if row.Hour.Calls > 0 {
		s.gauge(apiMedian, row.Hour.P50.Seconds(), row.Kind, row.Path)
		s.gauge(apiMost, row.Hour.P95.Seconds(), row.Kind, row.Path)
	}
}

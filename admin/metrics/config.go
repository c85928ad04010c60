package metrics

import (
	"runtime"
	"strconv"
	"time"
)

// A Build says what the program was built from.
type Build struct{ Version, Commit string }

// Loaded says how the configuration was read last.
type Loaded struct {
	At         time.Time // when that in force was read
	Successful bool      // the last time
}

// config tells which program runs with which configuration.
func (s text) config(c Sources) {
	s.gauge(build, 1, c.Build.Commit, runtime.Version(), c.Build.Version)
	short := c.ConfigHash()
	hash, _ := strconv.ParseUint(short, 16, 64)
	s.gauge(configHash, float64(hash), short)
	last, successful := c.Loaded(), 0.0
	if last.Successful {
		successful = 1
	}
	s.gauge(configSuccessful, successful)
	s.gauge(configLoaded, float64(last.At.UnixMilli())/1000)
}

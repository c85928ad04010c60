package upstream

import "time"

// One setting, Timeout, bounds all waits for WeChat. Each of them has a name here.

// answerTime is how long the header of an answer may take, from the last byte of the
// request.
func (c *HostsConfig) answerTime() time.Duration { return c.Timeout }

// writeTime is how long WeChat may take to accept one part of a request.
func (c *HostsConfig) writeTime() time.Duration { return c.Timeout }

// partTime is how long the next part of an answer's body may take.
func (c *HostsConfig) partTime() time.Duration { return c.Timeout }

// wholeTime is how long all of an answer's body may take, if the caller gets nothing of
// it before all of it was read.
func (c *HostsConfig) wholeTime() time.Duration { return c.Timeout }

// queueTime is how long a request waits for others to end. It is shorter than most
// callers wait, so that they are told why.
func (c *HostsConfig) queueTime() time.Duration { return min(c.Timeout, 10*time.Second) }

// probeTime is how long a host that was unresponsive may take to answer a probe once it
// is connected: as long as connecting may take.
func (c *HostsConfig) probeTime() time.Duration { return min(c.ConnectTimeout, c.Timeout) }

package upstream

import "time"

// How patient the proxy is with WeChat is one setting, Timeout. These are the waits
// that it bounds, each by its own name.

// answerTime is how long the header of an answer may take, from the last byte of the
// request.
func (c *HostsConfig) answerTime() time.Duration { return c.Timeout }

// writeTime is how long WeChat may take to accept one part of a request.
func (c *HostsConfig) writeTime() time.Duration { return c.Timeout }

// partTime is how long the next part of an answer's body may take.
func (c *HostsConfig) partTime() time.Duration { return c.Timeout }

// heldTime is how long all of an answer's body may take that is searched before the
// caller gets any of it.
func (c *HostsConfig) heldTime() time.Duration { return c.Timeout }

// queueTime is how long a request waits for others to end: less long than most
// callers do, so that they are told and do not just leave.
func (c *HostsConfig) queueTime() time.Duration { return min(c.Timeout, 10*time.Second) }

// probeTime is how long a host that was mute may take to answer a probe, on a
// connection that is there: as long as connecting may take.
func (c *HostsConfig) probeTime() time.Duration { return min(c.ConnectTimeout, c.Timeout) }

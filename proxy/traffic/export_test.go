package traffic

import "time"

// EndMinute does what happens when the minute that began at start has ended.
func (c *Counts) EndMinute(start time.Time) { c.endMinute(start) }

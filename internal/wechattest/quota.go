package wechattest

import "time"

// clearsPerMonth is how often an app may have its quotas cleared.
const clearsPerMonth = 10

// usage is what an app has used of its quotas.
type usage struct {
	minute, day, month       int64 // to which the counts below belong
	classic, stable, forced  int
	stableThisMinute, clears int
}

// turn drops the counts of a minute, day or month that is over. A day ends at
// midnight in Beijing.
func (u *usage) turn(now time.Time) {
	beijing := now.UTC().Add(8 * time.Hour)
	if minute := now.Unix() / 60; minute != u.minute {
		u.minute, u.stableThisMinute = minute, 0
	}
	if day := beijing.Unix() / (24 * 60 * 60); day != u.day {
		u.day, u.classic, u.stable, u.forced = day, 0, 0, 0
	}
	if month := int64(beijing.Year()*12 + int(beijing.Month())); month != u.month {
		u.month, u.clears = month, 0
	}
}

// clearQuota answers /cgi-bin/clear_quota, which needs a token.
func (w *WeChat) clearQuota(c *call) answer {
	var ask struct {
		AppID string `json:"appid"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	if ask.AppID != c.app.ID {
		return w.refuse(c, 40013)
	}
	return w.clear(c)
}

// clearQuotaBySecret answers /cgi-bin/clear_quota/v2, for apps that have used up their
// quota of tokens.
func (w *WeChat) clearQuotaBySecret(c *call) answer {
	if errcode := w.admit(c, c.params.Get("appid"), c.params.Get("appsecret")); errcode != 0 {
		return w.refuse(c, errcode)
	}
	return w.clear(c)
}

// clear resets the calls of the day. Refreshes by force do not count as calls.
func (w *WeChat) clear(c *call) answer {
	u := &c.app.usage
	u.turn(w.now())
	if u.clears >= clearsPerMonth {
		return w.refuse(c, 48006)
	}
	u.clears++
	u.classic, u.stable = 0, 0
	return c.success(done())
}

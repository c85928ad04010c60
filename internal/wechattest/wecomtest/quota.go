package wecomtest

import "time"

// A window counts what happens in a minute or an hour. What is beyond a limit is refused
// for as long.
type window struct {
	since, blocked time.Time // blocked: until then
	n              int
}

// limits are windows, by what they count.
type limits map[string]*window

// exceeds counts what key stands for, and reports whether that is more than limit.
func (l limits) exceeds(key string, limit int, per time.Duration, now time.Time) bool {
	key += " " + per.String()
	w := l[key]
	if w == nil {
		w = &window{}
		l[key] = w
	}
	if now.Before(w.blocked) {
		return true
	}
	if now.Sub(w.since) >= per {
		w.since, w.n = now, 0
	}
	w.n++
	if w.n <= limit {
		return false
	}
	w.blocked, w.n = now.Add(per), 0
	return true
}

// usageProblem returns why there are too many requests like c; 0: there are not.
func (w *WeCom) usageProblem(c *call, _ route) (errcode int) {
	if c.app != nil && w.flying[c.app.CorpID+" "+c.path] > w.rules.Concurrent {
		return 45033
	}
	if w.rules.Unlimited {
		return 0
	}
	who, now := "ip "+c.From, w.now()
	over := w.limits.exceeds(who+c.path, 20_000, time.Minute, now) || w.limits.exceeds(who+c.path, 600_000, time.Hour, now)
	if c.app != nil {
		who = "corp " + c.app.CorpID
		over = over || w.limits.exceeds(who+c.path, 10_000, time.Minute, now) || w.limits.exceeds(who+c.path, 150_000, time.Hour, now)
	}
	if c.params.Get("debug") == "1" {
		over = over || w.limits.exceeds(who+" debug", 5, time.Minute, now)
	}
	if over {
		return 45009
	}
	return 0
}

package wechattest

import "time"

// maxIncidents and maxQuote bound what is kept for rid/get.
const (
	maxIncidents = 1024
	maxQuote     = 2048
)

// incidents are the latest refused requests, by the request ID that the caller
// got.
type incidents struct {
	byRID map[string]incident
	rids  []string // the oldest first
}

type incident struct {
	app                      *app
	at                       time.Time
	target, body, said, from string
}

func (w *WeChat) remember(rid string, c *call, a answer) {
	if len(w.rids) == maxIncidents {
		delete(w.byRID, w.rids[0])
		w.rids = w.rids[1:]
	}
	w.rids = append(w.rids, rid)
	w.byRID[rid] = incident{
		app:    c.app,
		at:     w.now(),
		target: c.Target,
		body:   string(c.Body[:min(len(c.Body), maxQuote)]),
		said:   string(a.body),
		from:   c.From,
	}
}

// ridGet answers with one of the app's own requests of the last 7 days. The URL that it
// quotes holds the token of that request.
func (w *WeChat) ridGet(c *call) answer {
	var ask struct {
		RID string `json:"rid"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	found, ok := w.byRID[ask.RID]
	if !ok || found.app != c.app || w.now().Sub(found.at) >= 7*24*time.Hour {
		return w.refuse(c, 76001)
	}
	type request struct {
		InvokeTime   int64  `json:"invoke_time"`
		CostInMs     int    `json:"cost_in_ms"`
		RequestURL   string `json:"request_url"`
		RequestBody  string `json:"request_body"`
		ResponseBody string `json:"response_body"`
		ClientIP     string `json:"client_ip"`
	}
	return c.success(struct {
		outcome
		Request request `json:"request"`
	}{done(), request{
		InvokeTime:   found.at.Unix(),
		CostInMs:     30,
		RequestURL:   "https://api.weixin.qq.com" + found.target,
		RequestBody:  found.body,
		ResponseBody: found.said,
		ClientIP:     found.from,
	}})
}

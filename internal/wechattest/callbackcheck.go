package wechattest

import (
	"net"
	"net/url"
	"slices"
)

// callbackCheck answers callback/check: what WeChat sees of the app's callback. Nothing is
// asked on a network: with [WeChat.Inject] a test has it see what it wants.
func (w *WeChat) callbackCheck(c *call) answer {
	var ask struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	switch {
	case c.app.callback == nil:
		return w.refuse(c, 40201)
	case !slices.Contains([]string{"dns", "ping", "all"}, ask.Action):
		return w.refuse(c, 40202)
	case !slices.Contains([]string{"CHINANET", "UNICOM", "CAP", "DEFAULT"}, ask.Operator):
		return w.refuse(c, 40203)
	}
	type resolved struct {
		IP       string `json:"ip"`
		Operator string `json:"real_operator"`
	}
	type pinged struct {
		IP       string `json:"ip"`
		Operator string `json:"from_operator"`
		Loss     string `json:"package_loss"`
		Time     string `json:"time"`
	}
	ip := c.app.callback.ip()
	result := make(map[string]any)
	if ask.Action != "ping" {
		result["dns"] = []resolved{{ip, "UNICOM"}}
	}
	if ask.Action != "dns" {
		result["ping"] = []pinged{{ip, "UNICOM", "0%", "23.079ms"}}
	}
	return c.success(result)
}

// ip returns the address of the URL's host.
func (c Callback) ip() string {
	if u, err := url.Parse(c.URL); err == nil && net.ParseIP(u.Hostname()) != nil {
		return u.Hostname()
	}
	return "203.0.113.10"
}

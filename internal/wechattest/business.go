package wechattest

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"
)

// The nicknames of the openids "control" and "broken-utf8" in user/info. The JSON holds
// them without escapes: control bytes, and bytes that are not UTF-8.
const (
	ControlNickname = "ring \x07 and \x14 ring"
	BrokenNickname  = "half \xe5\xbc and \xff\xfe"
)

// send answers message/custom/send.
func (w *WeChat) send(c *call) answer {
	w.sent = append(w.sent, Message{AppID: c.app.ID, Path: c.path, Body: c.Body})
	return c.success(done())
}

// sendTemplate answers message/template/send and message/subscribe/send.
func (w *WeChat) sendTemplate(c *call) answer {
	w.send(c)
	return c.success(struct {
		outcome
		MsgID int `json:"msgid"`
	}{done(), len(w.sent)})
}

func (w *WeChat) userInfo(c *call) answer {
	openid := c.params.Get("openid")
	nickname := "a follower"
	switch openid {
	case "":
		return w.refuse(c, 41009)
	case "control":
		nickname = ControlNickname
	case "broken-utf8":
		nickname = BrokenNickname
	}
	return c.document([]byte(`{"subscribe":1,"openid":` + string(encode(openid)) +
		`,"nickname":"` + nickname + `","language":"zh_CN","subscribe_time":1434093047,"remark":"","groupid":0}`))
}

func (w *WeChat) userGet(c *call) answer {
	return c.document([]byte(`{"total":2,"count":2,"data":{"openid":["OPENID1","OPENID2"]},"next_openid":"OPENID2"}`))
}

func (w *WeChat) menuCreate(c *call) answer {
	c.app.menu = c.Body
	return c.success(done())
}

func (w *WeChat) menuGet(c *call) answer {
	if c.app.menu == nil {
		return w.refuse(c, 46003)
	}
	return c.success(map[string]json.RawMessage{"menu": c.app.menu})
}

// addresses answers getcallbackip and get_api_domain_ip.
func (w *WeChat) addresses(c *call) answer {
	return c.success(map[string][]string{"ip_list": {"101.226.103.0/25", "101.89.47.18"}})
}

// ticketLife is the lifetime of a ticket.
const ticketLife = 7200 * time.Second

type ticket struct {
	value string
	until time.Time
}

// qrCreate answers with the ticket of a QR code. Nothing draws the code itself.
func (w *WeChat) qrCreate(c *call) answer {
	var ask struct {
		ExpireSeconds int    `json:"expire_seconds"`
		ActionName    string `json:"action_name"`
	}
	if !c.decode(&ask) || ask.ActionName == "" {
		return w.refuse(c, 47001)
	}
	return c.success(struct {
		Ticket        string `json:"ticket"`
		ExpireSeconds int    `json:"expire_seconds"`
		URL           string `json:"url"`
	}{rand.Text(), ask.ExpireSeconds, "http://weixin.qq.com/q/" + rand.Text()})
}

// getTicket answers with the same ticket for all its life, and says each time, as WeChat
// does, that all its life is left.
func (w *WeChat) getTicket(c *call) answer {
	kind := c.params.Get("type")
	if kind != "jsapi" && kind != "wx_card" {
		return w.refuse(c, 40097)
	}
	t, ok := c.app.tickets[kind]
	if !ok || !w.now().Before(t.until) {
		t = ticket{"ticket-" + rand.Text() + rand.Text(), w.now().Add(ticketLife)}
		c.app.tickets[kind] = t
	}
	return c.success(struct {
		outcome
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"`
	}{done(), t.value, int(ticketLife / time.Second)})
}

// orders answers express/business/order/batchget: each order has its own errcode, and
// the answer as a whole has none. An order_id that begins with "bad-" gets 40001, which
// has nothing to do with tokens there.
func (w *WeChat) orders(c *call) answer {
	type order struct {
		ID string `json:"order_id"`
	}
	var ask struct {
		Orders []order `json:"order_list"`
	}
	if !c.decode(&ask) {
		return w.refuse(c, 47001)
	}
	type result struct {
		outcome
		order
	}
	results := make([]result, 0, len(ask.Orders))
	for _, o := range ask.Orders {
		r := result{done(), o}
		if strings.HasPrefix(o.ID, "bad-") {
			r.outcome = outcome{40001, "invalid order"}
		}
		results = append(results, r)
	}
	return c.success(map[string][]result{"order_list": results})
}

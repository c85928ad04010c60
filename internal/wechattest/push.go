package wechattest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Pushed is a message or an event.
type Pushed struct {
	Content []byte // XML or JSON, as the callback's Format says
	OpenID  string // of the user who sent it; empty: nobody did
}

// A Delivery is what became of a push.
type Delivery struct {
	Tries []Try
	Reply []byte // what the user gets, decrypted; empty: nothing

	// Fault says why the user sees "该公众号提供的服务出现故障" ("the service of this
	// account is out of order"); empty: that is not so. When no user has sent what was
	// pushed, nobody sees it.
	Fault string
}

// A Try is a request for a push or a URL check, and its answer.
type Try struct {
	URL  *url.URL
	Body []byte

	Status int
	Header http.Header
	Answer []byte
	Err    error // why there is no answer
	Took   time.Duration
}

// Text returns the message of a user who sends content.
func (c Callback) Text(openID, content string) Pushed {
	now, id := strconv.FormatInt(time.Now().Unix(), 10), strconv.FormatUint(randomNumber(), 10)
	return Pushed{OpenID: openID, Content: c.write([]member{
		{"ToUserName", c.account()}, {"FromUserName", openID}, {"CreateTime", number(now)},
		{"MsgType", "text"}, {"Content", content}, {"MsgId", number(id)},
	})}
}

// Event returns an event that a user has caused, as "subscribe".
func (c Callback) Event(openID, name string) Pushed {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	return Pushed{OpenID: openID, Content: c.write([]member{
		{"ToUserName", c.account()}, {"FromUserName", openID}, {"CreateTime", number(now)},
		{"MsgType", "event"}, {"Event", name},
	})}
}

// account returns the original ID of the app, by which messages call it.
func (c Callback) account() string {
	return cmp.Or(c.UserName, "gh_"+fmt.Sprintf("%.12s", c.AppID+"000000000000"))
}

// Push pushes m until it is answered, as often as WeChat does: what gets no answer in
// time, or another status than 200, is pushed again. It waits for nothing between tries.
func (c Callback) Push(ctx context.Context, m Pushed) Delivery {
	var d Delivery
	var query string
	var body []byte
	for n := range cmp.Or(c.Tries, 3) {
		if n == 0 || !c.SameBytes {
			query, body = c.encode(m)
		}
		t := c.post(ctx, query, body)
		d.Tries = append(d.Tries, t)
		if t.Err == nil && t.Status == http.StatusOK {
			if d.Reply, d.Fault = c.judge(t.Answer); d.Fault == "" || !c.AllEvents {
				return d
			}
		} else {
			d.Fault = t.problem()
		}
		if ctx.Err() != nil {
			break
		}
	}
	return d
}

// problem says why t has no answer to read.
func (t Try) problem() string {
	if t.Err != nil {
		return "no answer: " + t.Err.Error()
	}
	return fmt.Sprintf("status %d", t.Status)
}

// encode returns the query and the body of a request that pushes m.
func (c Callback) encode(m Pushed) (query string, body []byte) {
	timestamp, nonce := stamp()
	query = "signature=" + pushSignature(c.Token, timestamp, nonce) + "&timestamp=" + timestamp + "&nonce=" + nonce
	if m.OpenID != "" {
		query += "&openid=" + url.QueryEscape(m.OpenID)
	}
	if c.Mode == Plain {
		return query, m.Content
	}
	encrypted := pushEncrypt(c.AESKey, m.Content, c.AppID)
	query += "&encrypt_type=aes&msg_signature=" + pushSignature(c.Token, timestamp, nonce, encrypted)
	switch {
	case c.AllEvents:
		return query, c.write([]member{{"AppId", c.AppID}, {"Encrypt", encrypted}})
	case c.Mode == Safe:
		return query, c.write([]member{{"ToUserName", c.account()}, {"Encrypt", encrypted}})
	}
	// Compatible mode: one more member, before the end of the document.
	end, one := "</xml>", "<Encrypt><![CDATA["+encrypted+"]]></Encrypt>"
	if c.Format == JSON {
		end, one = "}", `,"Encrypt":"`+encrypted+`"`
	}
	inside := bytes.TrimSuffix(bytes.TrimSpace(m.Content), []byte(end))
	return query, []byte(string(inside) + one + end)
}

// post pushes once.
func (c Callback) post(ctx context.Context, query string, body []byte) Try {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target(query), bytes.NewReader(body))
	if err != nil {
		return Try{Err: err}
	}
	request.Header.Set("Content-Type", "text/xml")
	if c.Format == JSON {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.send(request, body)
}

package platformtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wxproxy/internal/wechattest"
)

// testAccounts are the accounts that WeChat checks platforms with before they are
// published, with their original IDs.
var testAccounts = map[string]string{
	"wx570bc396a51b8ff8": "gh_3c884a361561",
	"wx9252c5e0bb1836fc": "gh_c0f28a78b318",
	"wx8e1097c5bc82cde9": "gh_3f222ed8d140",
	"wx14550af28c71a144": "gh_26128078e9ab",
	"wxa35b9c23cfe664eb": "gh_2b3713f184a6",
	"wxd101a85aa106f53e": "gh_8dad206e9538",
	"wxc39235c15087f6f3": "gh_905ae9d01059",
	"wx7720d01d4b2a4500": "gh_393666f1fdf4",
	"wx05d483572dcd5d8b": "gh_39abb5d4e1b7",
	"wx5910277cae6fd970": "gh_7818dcb60240",
}

// TestAccounts returns the accounts that WeChat checks platforms with.
func TestAccounts() []string {
	var ids []string
	for id := range testAccounts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// A PublishCheck is WeChat's automatic check (全网发布接入检测) of one test account.
type PublishCheck struct {
	AppID string

	// Announce pushes the authorization before it, so that the code may be spent when the
	// check names it. Whether WeChat does so is unknown.
	Announce bool

	// Wait is for how long the message is awaited that follows a code; 0: 5 s.
	Wait time.Duration
}

// A Step is one of the check, with what is wrong; an empty Problem passes.
type Step struct{ Name, Problem string }

// The member and the texts that the check is made of.
const (
	checkOpenID  = "ozy4qt1eDxSxzCr0aNT0mXCWfrDE"
	checkText    = "TESTCOMPONENT_MSG_TYPE_TEXT"
	checkCode    = "QUERY_AUTH_CODE:"
	checkEvent   = "LOCATION"
	messageSends = "/cgi-bin/message/custom/send"
)

// Check checks the platform as WeChat does before it is published.
func (p *Platform) Check(ctx context.Context, check PublishCheck) []Step {
	if check.Wait == 0 {
		check.Wait = 5 * time.Second
	}
	grant := p.Grant(check.AppID)
	steps := []Step{{"the ticket", p.PushTicket(ctx).Fault}}
	if check.Announce {
		steps = append(steps, Step{"the authorization", p.Push(ctx, grant.Event).Fault})
	}
	c := p.Messages(check.AppID)
	text := c.Push(ctx, c.Text(checkOpenID, checkText))
	event := c.Push(ctx, c.Event(checkOpenID, checkEvent))
	code := c.Push(ctx, c.Text(checkOpenID, checkCode+grant.Code))
	return append(steps,
		Step{"a text", replyProblem(c, text, checkText+"_callback")},
		Step{"an event", replyProblem(c, event, checkEvent+"from_callback")},
		Step{"a code", emptyProblem(code)},
		Step{"the message after a code", p.awaitMessage(ctx, check, grant.Code+"_from_api")},
	)
}

// replyProblem says what is wrong with the answer to a message that wants a text.
func replyProblem(c wechattest.Callback, d wechattest.Delivery, want string) string {
	if d.Fault != "" {
		return d.Fault
	}
	got, err := wechattest.Members(d.Reply)
	switch {
	case err != nil:
		return fmt.Sprintf("the reply %.200q: %v", d.Reply, err)
	case got["Content"] != want, got["MsgType"] != "text":
		return fmt.Sprintf("got the reply %.200q; want the text %s", d.Reply, want)
	case got["ToUserName"] != checkOpenID, got["FromUserName"] != c.UserName, got["CreateTime"] == "":
		return fmt.Sprintf("the reply %.200q is from or for somebody else, or of no time", d.Reply)
	}
	return ""
}

// emptyProblem says what is wrong with the answer to a message that wants none.
func emptyProblem(d wechattest.Delivery) string {
	if d.Fault == "" && len(d.Reply) > 0 {
		return fmt.Sprintf("got the reply %.200q; want none", d.Reply)
	}
	return d.Fault
}

// awaitMessage waits for the message that an account sends once.
func (p *Platform) awaitMessage(ctx context.Context, check PublishCheck, want string) string {
	ctx, cancel := context.WithTimeout(ctx, check.Wait)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if p.sent(check.AppID, want) {
			return ""
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return "the message did not come"
		}
	}
}

// sent reports whether an account has sent a text to the user of the check.
func (p *Platform) sent(appID, want string) bool {
	return slices.ContainsFunc(p.wechat.Sent(), func(m wechattest.Message) bool {
		var got struct {
			To   string `json:"touser"`
			Type string `json:"msgtype"`
			Text struct {
				Content string `json:"content"`
			} `json:"text"`
		}
		return m.AppID == appID && m.Path == messageSends && json.Unmarshal(m.Body, &got) == nil &&
			got.To == checkOpenID && got.Type == "text" && got.Text.Content == want
	})
}

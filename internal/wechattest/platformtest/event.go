package platformtest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/wechattest"
)

// An Event is what is pushed to the authorization-event URL. Pushed again it is the same,
// but for what encrypts and signs it.
type Event struct {
	InfoType string
	AppID    string // of the authorizer; empty: of none
	Created  time.Time
	Content  []byte // XML
}

// A Delivery is what became of an event that was pushed to a URL.
type Delivery struct {
	Event Event
	URL   string
	wechattest.Delivery
}

// A field is a member of an event: a string, or something else as package fmt writes it.
type field struct {
	name  string
	value any
}

// event writes an event that happened at created.
func (p *Platform) event(infoType, appID string, created time.Time, fields []field) Event {
	e := Event{InfoType: infoType, AppID: appID, Created: created}
	all := append([]field{{"AppId", p.settings.AppID}, {"CreateTime", created.Unix()}, {"InfoType", infoType}}, fields...)
	var b strings.Builder
	b.WriteString("<xml>")
	for _, f := range all {
		value, isText := f.value.(string)
		switch {
		case !isText:
			value = fmt.Sprint(f.value)
		case !p.settings.Malformed:
			value = "<![CDATA[" + value + "]]>"
		}
		end := "</" + f.name + ">"
		if p.settings.Malformed && f.name == "appid" {
			end = "<appid>" // so the sample of notify_third_fasteregister
		}
		b.WriteString("<" + f.name + ">" + value + end + "\n")
	}
	b.WriteString(p.endOf(infoType))
	e.Content = []byte(b.String())
	return e
}

// endOf returns how an event ends: the samples of three end with the wrong tag.
func (p *Platform) endOf(infoType string) string {
	if p.settings.Malformed && strings.HasSuffix(infoType, "authorized") {
		return "<xml>"
	}
	return "</xml>"
}

// expiredTime returns when a code ends that is given out at now, in one of the two ways
// that were seen.
func (p *Platform) expiredTime(now time.Time) string {
	if p.settings.Relative {
		return strconv.Itoa(seconds(p.settings.CodeLife))
	}
	return strconv.FormatInt(now.Add(p.settings.CodeLife).Unix(), 10)
}

// Push pushes an event, as often as WeChat does until it is answered with success, and
// keeps what became of it.
func (p *Platform) Push(ctx context.Context, e Event) wechattest.Delivery {
	settings := p.Settings()
	d := p.pushTo(ctx, settings.EventURL, e)
	if settings.AlsoURL != "" {
		p.pushTo(ctx, settings.AlsoURL, e)
	}
	return d
}

func (p *Platform) pushTo(ctx context.Context, url string, e Event) wechattest.Delivery {
	c := p.Settings().callback(url)
	c.AllEvents = true
	d := c.Push(ctx, wechattest.Pushed{Content: e.Content})
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	p.pushed = append(p.pushed, Delivery{e, url, d})
	return d
}

// callback returns what pushes to url.
func (s Settings) callback(url string) *wechattest.Callback {
	return &wechattest.Callback{
		AppID: s.AppID, URL: url, Token: s.Token, AESKey: s.AESKey, Mode: wechattest.Safe,
		Timeout: s.Timeout, Tries: s.Tries, Transport: s.Transport,
	}
}

// Messages returns what pushes an account's messages and events to the platform, which may
// be changed.
func (p *Platform) Messages(appID string) wechattest.Callback {
	s := p.Settings()
	c := s.callback(strings.ReplaceAll(s.MessageURL, "$APPID$", appID))
	c.UserName = userName(appID)
	return *c
}

// userName returns the original ID of an account.
func userName(appID string) string {
	if id, ok := testAccounts[appID]; ok {
		return id
	}
	return "gh_" + fmt.Sprintf("%.12s", strings.TrimPrefix(appID, "wx")+"000000000000")
}

// Authorize has an account authorize the platform, and pushes the event.
func (p *Platform) Authorize(ctx context.Context, appID string) (Authorization, wechattest.Delivery) {
	a := p.Grant(appID)
	return a, p.Push(ctx, a.Event)
}

// Cancel has an account cancel its authorization, and pushes the event.
func (p *Platform) Cancel(ctx context.Context, appID string) wechattest.Delivery {
	return p.Push(ctx, p.Revoke(appID))
}

// markup is a member that has members.
type markup string

// company is what an event says of a company that was registered.
const company markup = "<name><![CDATA[a company]]></name><code>123</code><code_type>1</code_type>" +
	"<legal_persona_wechat><![CDATA[somebody]]></legal_persona_wechat>"

// Register has WeChat register a mini program for a company (fastregisterweapp), which then
// authorizes the platform. Nothing is pushed. The event's member auth_code has the code.
func (p *Platform) Register(appID string) Authorization {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	a := p.grant(appID, "", now)
	a.Event = p.event("notify_third_fasteregister", appID, now, []field{
		{"appid", appID}, {"status", 0}, {"auth_code", a.Code}, {"msg", "OK"}, {"info", company},
	})
	return a
}

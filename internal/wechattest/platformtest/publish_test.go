package platformtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A checked is a program that passes the check, but for what is spoilt.
type checked struct {
	*saas
	spoilt, component string
}

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.saas.RoundTrip(r)
	switch content := c.latest("Content"); {
	case c.latest("InfoType") != "":
		return response, err
	case strings.HasPrefix(content, checkCode):
		if c.spoilt != "no message" {
			go c.send(strings.TrimPrefix(content, checkCode))
		}
		return c.reply("")
	case c.latest("Event") != "":
		return c.reply(checkEvent + "from_callback")
	default:
		return c.reply(content + "_callback")
	}
}

func (c *checked) reply(text string) (*http.Response, error) {
	w := httptest.NewRecorder()
	to, from := c.latest("FromUserName"), c.latest("ToUserName")
	switch c.spoilt {
	case "a reply to a code":
	case "a reply for somebody else":
		to = "somebody"
	case "a reply from somebody else":
		from = "somebody"
	case "another text":
		text += "!"
	case "no reply":
		text = ""
	}
	if text != "" || c.spoilt == "a reply to a code" {
		w.Write(c.Messages(c.appID()).Seal([]byte("<xml><ToUserName>" + to + "</ToUserName><FromUserName>" + from + "</FromUserName>" +
			"<CreateTime>1</CreateTime><MsgType>text</MsgType><Content>" + text + "</Content></xml>")))
	} else {
		io.WriteString(w, "success")
	}
	return w.Result(), nil
}

func (c *checked) appID() string { return TestAccounts()[0] }

// send redeems the code, and sends what the check awaits.
func (c *checked) send(code string) {
	token, _ := c.redeem(c.component, code)
	c.call("/cgi-bin/message/custom/send?access_token="+token, `{"touser":"`+checkOpenID+`","msgtype":"text","text":{"content":"`+code+`_from_api"}}`)
}

func TestTheCheckBeforePublishing(t *testing.T) {
	for spoilt, want := range map[string][]string{
		"":                           nil,
		"no message":                 {"the message after a code"},
		"no reply":                   {"a text", "an event"},
		"another text":               {"a text", "an event", "a code"},
		"a reply to a code":          {"a code"},
		"a reply for somebody else":  {"a text", "an event"},
		"a reply from somebody else": {"a text", "an event"},
	} {
		t.Run(spoilt, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, component := started(t)
				c := &checked{s, spoilt, component}
				s.Change(func(settings *Settings) { settings.Transport = c })
				began := time.Now()
				var failed []string
				for _, step := range s.Check(t.Context(), PublishCheck{AppID: c.appID(), Announce: true}) {
					if step.Problem != "" {
						failed = append(failed, step.Name)
					}
				}
				if !slices.Equal(failed, want) {
					t.Errorf("got %v failed; want %v", failed, want)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v; want 5 s at most", took)
				}
			})
		})
	}
}

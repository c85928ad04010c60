package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
)

// checkers are the accounts that WeChat checks a platform with before it is published:
// https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/operation/thirdparty/releases_instructions.html
var checkers = map[string]bool{
	"wx570bc396a51b8ff8": true, "wx9252c5e0bb1836fc": true, "wx8e1097c5bc82cde9": true, "wx14550af28c71a144": true, "wxa35b9c23cfe664eb": true,
	"wxd101a85aa106f53e": true, "wxc39235c15087f6f3": true, "wx7720d01d4b2a4500": true, "wx05d483572dcd5d8b": true, "wx5910277cae6fd970": true,
}

const (
	checkText = "TESTCOMPONENT_MSG_TYPE_TEXT"
	checkCode = "QUERY_AUTH_CODE:"

	checkTries = 3 // to send the message: WeChat was seen to fail during its own check
	checkTime  = 10 * time.Second
)

// Check answers a message on the URL of an account's messages if it is of WeChat's check
// before a platform is published, and reports whether it is. The reply is in the clear,
// and empty for "success".
func (p *Platform) Check(appID string, plain []byte) (reply []byte, isCheck bool) {
	if !p.options.PublishCheck || !checkers[appID] {
		return nil, false
	}
	m, ok := event.ReadMessage(plain)
	code, hasCode := strings.CutPrefix(m.Content, checkCode)
	switch {
	case !ok:
		return nil, false
	case m.Type == "event" && m.Event != "":
		return replyTo(m, m.Event+"from_callback"), true
	case m.Type == "text" && m.Content == checkText:
		return replyTo(m, checkText+"_callback"), true
	case m.Type == "text" && hasCode:
		p.background(func() { p.answerCode(appID, m.From, code) })
		return nil, true
	}
	return nil, false
}

// replyTo returns a text as the reply to a message.
func replyTo(m event.Message, text string) []byte {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	var reply bytes.Buffer
	reply.WriteString("<xml>")
	for _, member := range [...][2]string{
		{"ToUserName", m.From}, {"FromUserName", m.To}, {"CreateTime", strconv.FormatInt(time.Now().Unix(), 10)}, {"MsgType", "text"}, {"Content", text},
	} {
		reply.WriteString("<" + member[0] + ">" + escape.Replace(member[1]) + "</" + member[0] + ">")
	}
	reply.WriteString("</xml>")
	return reply.Bytes()
}

// answerCode redeems the code that WeChat's check shows, and has the account send what the
// check waits for. A code that is spent already has yielded the token that is stored.
func (p *Platform) answerCode(appID, openID, code string) {
	_, err := p.redeem(p.ctx, secret.New(code), time.Time{})
	if err != nil && !isSpent(err) {
		p.log().Warn("the code of WeChat's check before a platform is published was not redeemed", "account", appID, "errmsg", p.Explain(err).Reason)
	}
	for try := range checkTries {
		if try > 0 && !sleep(p.ctx, time.Second) {
			return
		}
		if err = p.sendText(appID, openID, code+"_from_api"); err == nil {
			p.log().Info("WeChat's check before a platform is published was answered", "account", appID)
			return
		}
	}
	p.log().Warn("WeChat's check before a platform is published was not answered", "account", appID, "errmsg", p.Explain(err).Reason)
}

// sendText sends a text from an account to a user.
func (p *Platform) sendText(appID, openID, text string) error {
	a, isKnown := p.Authorizer(appID)
	if !isKnown {
		return &NotAuthorized{Platform: p.name(), AppID: appID}
	}
	value, err := a.Token(checkTime)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"touser": openID, "msgtype": "text", "text": map[string]string{"content": text}}); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	ctx, cancel := context.WithTimeout(p.ctx, checkTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.options.URL+"/cgi-bin/message/custom/send?access_token="+url.QueryEscape(value), &body)
	if err != nil {
		return fmt.Errorf("asking WeChat to send a message: %s", secret.Quote("upstream.url cannot be used"))
	}
	request.Header.Set("Content-Type", "application/json")
	return p.ask(request)
}

// ask sends a request of which only the errcode of the answer counts. Errors do not hold
// its URL, which has a token.
func (p *Platform) ask(request *http.Request) error {
	response, err := p.options.HTTP.Do(request)
	if err != nil {
		if wrapped, ok := err.(*url.Error); ok { //nolint:errorlint // net/http returns it as it is
			err = wrapped.Err
		}
		return fmt.Errorf("asking WeChat to send a message: %w", err)
	}
	defer response.Body.Close()
	const enough = 4 << 10
	var answer struct {
		Code int `json:"errcode"`
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || answer.Code != 0 || response.StatusCode != http.StatusOK {
		return fmt.Errorf("WeChat does not send a message: HTTP status %d, errcode %d", response.StatusCode, answer.Code)
	}
	return nil
}

package wecomtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/wechattest"
)

// A Callback is what the console keeps about where an application's messages and events
// are pushed to. They are always encrypted. It is a value: with another Token or AESKey it
// pushes as a stranger does.
type Callback struct {
	CorpID  string // behind the message in what is encrypted: the receiveid of corps' own applications
	AgentID string
	URL     string
	Token   string
	AESKey  string // EncodingAESKey

	// ReceiveID is the receiveid if it is another than CorpID.
	ReceiveID string

	// CheckTimeout is for how long the URL check waits for an answer, Timeout for how long
	// a push does, and Tries how often it is made in all; 0 means 1 s, 5 s and three times.
	CheckTimeout, Timeout time.Duration
	Tries                 int

	// Tamper changes a request before it is sent.
	Tamper func(*http.Request)

	// Transport sends requests; nil: [http.DefaultTransport]. Redirects are not followed.
	Transport http.RoundTripper
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 2 << 20

var errCheck = errors.New("the URL check failed")

// Check is the URL check, which the console makes before it takes a callback: the answer
// is what was encrypted, and nothing around it.
func (c Callback) Check(ctx context.Context) error {
	echo := strconv.FormatUint(rand.Uint64()>>1, 10)
	sealed := wechattest.Encrypt(c.AESKey, []byte(echo), c.receiveID())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.target(sealed, "&echostr="+url.QueryEscape(sealed)), nil)
	if err != nil {
		return fmt.Errorf("the console takes no such URL: %w", err)
	}
	t := c.send(request, cmp.Or(c.CheckTimeout, time.Second))
	switch {
	case t.Err != nil:
		return fmt.Errorf("the URL did not answer: %w", t.Err)
	case t.Status != http.StatusOK || string(t.Answer) != echo:
		return fmt.Errorf("%w: status %d and %q; want %s", errCheck, t.Status, t.Answer, echo)
	}
	return nil
}

// Text returns the message of a member who writes content.
func (c Callback) Text(userID, content string) []byte {
	return c.message(userID, "text", [2]string{"Content", content}, [2]string{"MsgId", strconv.FormatUint(rand.Uint64()>>1, 10)})
}

// Event returns an event that a member has caused, as "enter_agent".
func (c Callback) Event(userID, name string) []byte {
	return c.message(userID, "event", [2]string{"Event", name})
}

// message returns a message with these members behind those that all have.
func (c Callback) message(userID, kind string, members ...[2]string) []byte {
	var b strings.Builder
	now := strconv.FormatInt(time.Now().Unix(), 10)
	fmt.Fprintf(&b, "<xml><ToUserName>%s</ToUserName><FromUserName>%s</FromUserName><CreateTime>%s</CreateTime><MsgType>%s</MsgType>",
		data(c.CorpID), data(userID), now, data(kind))
	for _, m := range members {
		fmt.Fprintf(&b, "<%s>%s</%s>", m[0], data(m[1]), m[0])
	}
	return []byte(b.String() + "<AgentID>" + c.AgentID + "</AgentID></xml>")
}

func data(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// Push pushes message until it is answered, as often as WeCom does: what gets no answer in
// time, or another status than 200, is pushed again. It waits for nothing between tries.
func (c Callback) Push(ctx context.Context, message []byte) wechattest.Delivery {
	var d wechattest.Delivery
	for range cmp.Or(c.Tries, 3) {
		t := c.post(ctx, message)
		d.Tries = append(d.Tries, t)
		switch {
		case t.Err != nil:
			d.Fault = "no answer: " + t.Err.Error()
		case t.Status != http.StatusOK:
			d.Fault = fmt.Sprintf("status %d", t.Status)
		default:
			d.Reply, d.Fault = c.judge(t.Answer)
			return d
		}
		if ctx.Err() != nil {
			break
		}
	}
	return d
}

// post pushes message once, encrypted anew.
func (c Callback) post(ctx context.Context, message []byte) wechattest.Try {
	sealed := wechattest.Encrypt(c.AESKey, message, c.receiveID())
	body := []byte("<xml><ToUserName>" + data(c.CorpID) + "</ToUserName><Encrypt>" + data(sealed) + "</Encrypt><AgentID>" + data(c.AgentID) + "</AgentID></xml>")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target(sealed, ""), bytes.NewReader(body))
	if err != nil {
		return wechattest.Try{Err: err}
	}
	request.Header.Set("Content-Type", "text/xml")
	t := c.send(request, cmp.Or(c.Timeout, 5*time.Second))
	t.Body = body
	return t
}

func (c Callback) receiveID() string { return cmp.Or(c.ReceiveID, c.CorpID) }

// target returns the URL with what signs sealed, and rest, after its own query.
func (c Callback) target(sealed, rest string) string {
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), strconv.Itoa(rand.IntN(1e9))
	separator := "?"
	if strings.Contains(c.URL, "?") {
		separator = "&"
	}
	return c.URL + separator + "msg_signature=" + wechattest.Sign(c.Token, timestamp, nonce, sealed) +
		"&timestamp=" + timestamp + "&nonce=" + nonce + rest
}

// send sends a request once, and reads the answer.
func (c Callback) send(request *http.Request, timeout time.Duration) wechattest.Try {
	began := time.Now()
	ctx, cancel := context.WithTimeout(request.Context(), timeout)
	defer cancel()
	request = request.WithContext(ctx)
	request.Header.Set("User-Agent", "Mozilla/4.0")
	if c.Tamper != nil {
		c.Tamper(request)
	}
	t := wechattest.Try{URL: request.URL}
	response, err := cmp.Or(c.Transport, http.DefaultTransport).RoundTrip(request)
	if err == nil {
		defer response.Body.Close()
		t.Status, t.Header = response.StatusCode, maps.Clone(response.Header)
		t.Answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	t.Err, t.Took = err, time.Since(began)
	return t
}

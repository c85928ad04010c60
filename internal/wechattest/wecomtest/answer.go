package wecomtest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// errmsgs are WeCom's words for its error codes, as far as they were seen; the others are
// short for the manual's.
var errmsgs = map[int]string{
	-1:      "system busy",
	40001:   "invalid credential",
	40003:   "invalid userid",
	40004:   "invalid media type",
	40005:   "invalid type",
	40006:   "invalid media size",
	40007:   "invalid media_id",
	40008:   "invalid message type",
	40013:   "invalid corpid",
	40014:   "invalid access_token",
	40029:   "invalid code",
	40056:   "invalid agentid",
	40058:   "invalid argument",
	40063:   "some parameters are empty",
	40091:   "secret is invalid",
	41001:   "access_token missing",
	41002:   "corpid missing",
	41004:   "corpsecret missing",
	41006:   "media_id missing",
	41008:   "missing auth code",
	41009:   "userid missing",
	41011:   "missing agentid",
	41022:   "suite_access_token missing",
	42001:   "access_token expired",
	44001:   "empty media data",
	45009:   "api freq out of limit",
	45033:   "api concurrent out of limit",
	48002:   "api forbidden",
	48009:   "api forbidden for contact sync assistant from new ip",
	50003:   "app disabled",
	60011:   "no privilege to access/modify contact/party/agent",
	60020:   "not allow to access from your ip",
	60111:   "userid not found",
	91040:   "invalid ticket type",
	93000:   "invalid webhook url",
	130101:  "send too fast",
	301002:  "not allow operate another agent with this accesstoken",
	2000002: "corp not exist",
}

// An answer is what WeCom answers to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// An outcome has the members that nearly every answer of WeCom has.
type outcome struct {
	Errcode int    `json:"errcode"`
	Errmsg  string `json:"errmsg"`
}

func done() outcome { return outcome{0, "ok"} }

// success returns an answer with v in JSON.
func (w *WeCom) success(v any) answer { return w.document(done(), v) }

// document returns an answer with v in JSON, which says what o does.
func (w *WeCom) document(o outcome, v any) answer {
	w.answers[o.Errcode]++
	header := http.Header{"Content-Type": {"application/json; charset=UTF-8"}}
	if !w.rules.NoHeaders {
		header.Set("Error-Code", strconv.Itoa(o.Errcode))
		header.Set("Error-Msg", o.Errmsg)
	}
	body := encode(v)
	if w.rules.Warns {
		body = append(bytes.TrimSuffix(body, []byte("}")), warning...)
	}
	return answer{status: http.StatusOK, header: header, body: body}
}

// warning is the end of an answer, as callers with an old version of TLS were seen to get it.
const warning = `,"warning_msg":"you are using TLS v1 which is deprecated, please use TLS v1.2 or higher."}`

// refuse returns an answer with an error: status 200, with the code in the body.
func (w *WeCom) refuse(c *call, errcode int) answer {
	return w.complain(c, errcode, "")
}

// complain refuses c with a remark behind the error's words.
func (w *WeCom) complain(c *call, errcode int, remark string) answer {
	from := c.From
	if w.rules.HideIP {
		from = ""
	}
	o := outcome{errcode, fmt.Sprintf("%s, hint: [%d_%d_%032x], from ip: %s, more info at https://open.work.weixin.qq.com/devtool/query?e=%d%s",
		cmp.Or(errmsgs[errcode], "error"), w.now().Unix(), rand.IntN(1000), rand.Uint64(), from, errcode, remark)}
	switch c.path {
	case pathGetToken: // whose refusals were seen to end the connection
		a := w.document(o, o)
		a.header.Set("Connection", "close")
		return a
	case "/cgi-bin/get_api_domain_ip", "/cgi-bin/getcallbackip": // whose errcode does not come first
		return w.document(o, struct {
			IPs []string `json:"ip_list"`
			outcome
		}{[]string{}, o})
	}
	return w.document(o, o)
}

// encode returns v in JSON as WeCom writes it: without HTML escapes.
func encode(v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: WeCom's answer is not JSON: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// write sends a over a socket.
func (a answer) write(rw http.ResponseWriter) {
	maps.Copy(rw.Header(), a.header)
	rw.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	rw.WriteHeader(a.status)
	_, _ = rw.Write(a.body) // an error means that the caller has gone
}

// response returns a as the answer to a request made in memory.
func (a answer) response(r *http.Request) *http.Response {
	header := maps.Clone(a.header)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		ContentLength: int64(len(a.body)),
		Body:          io.NopCloser(bytes.NewReader(a.body)),
		Request:       r,
	}
}

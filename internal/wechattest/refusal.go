package wechattest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// errmsgs are WeChat's words for its error codes. They are followed by a
// request ID; {ip} is the caller's address.
var errmsgs = map[int]string{
	-1:    "system error",
	-1000: "system error",
	40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
	40002: "invalid grant_type",
	40003: "invalid openid",
	40004: "invalid media type",
	40006: "invalid media size",
	40007: "invalid media_id",
	40013: "invalid appid",
	40014: "invalid access_token",
	40029: "invalid code",
	40030: "invalid refresh_token",
	40066: "invalid url",
	40094: "invalid component credential",
	40097: "invalid args",
	40125: "invalid appsecret",
	40129: "invalid scene",
	40163: "code been used",
	40164: "invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist",
	40170: "args count exceed count limit",
	40201: "invalid url",
	40202: "invalid action",
	40203: "invalid check_operator",
	40243: "appsecret is frozen",
	41001: "access_token missing",
	41002: "appid missing",
	41004: "appsecret missing",
	41005: "media data missing",
	41008: "missing code",
	41009: "missing openid",
	41018: "missing component_appid",
	41021: "missing component_access_token",
	42001: "access_token expired",
	43002: "require POST method",
	44002: "empty post data",
	45009: "reach max api daily quota limit",
	45011: "api minute-quota reach limit must slower retry next minute",
	46003: "menu no exist",
	47001: "data format error",
	48001: "api unauthorized",
	48006: "forbid to clear quota because of reaching the limit",
	50002: "user limited",
	50004: "user not allow to use accesstoken, maybe for punishment",
	61003: "component is not authorized by this account",
	61004: "access clientip is not registered requestIP: {ip}",
	61005: "component ticket is expired",
	61006: "component ticket is invalid",
	61009: "code is invalid",
	61010: "code is expired",
	61011: "invalid component",
	61014: "must use component token for component api",
	61015: "must use business account token",
	61023: "refresh_token is invalid",
	61024: "must use api(api_component_token) to get token for component acct",
	76001: "rid not found",
	89503: "this ip needs the confirmation of the admin",
}

// refuse returns an answer with a WeChat error: status 200, with the code in the body and
// in LogicRet.
func (w *WeChat) refuse(c *call, errcode int) answer {
	text := strings.ReplaceAll(cmp.Or(errmsgs[errcode], "error"), "{ip}", c.From)
	rid := w.newRID()
	a := c.success(outcome{errcode, text + " rid: " + rid})
	a.header.Set("LogicRet", strconv.Itoa(errcode))
	a.header.Set("RetKey", "11")
	w.remember(rid, c, a)
	return a
}

// An outcome has the members that nearly every answer of WeChat begins with.
type outcome struct {
	Errcode int    `json:"errcode"`
	Errmsg  string `json:"errmsg"`
}

func done() outcome { return outcome{0, "ok"} }

func (w *WeChat) newRID() string {
	return fmt.Sprintf("%08x-%08x-%08x", w.now().Unix(), rand.Uint32(), rand.Uint32())
}

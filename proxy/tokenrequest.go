package proxy

import (
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// A tokenRequest is what SDKs send to get a token: in the query, as a form or as
// JSON.
type tokenRequest struct{ grantType, appID, secret statement }

// tokenMembers are the names of what it has.
var tokenMembers = []string{"grant_type", "appid", "secret"}

func (r *tokenRequest) hear(name, value string) {
	switch name {
	case "grant_type":
		r.grantType.hear(value)
	case "appid":
		r.appID.hear(value)
	case "secret":
		r.secret.hear(value)
	}
}

// readTokenRequest reads what the caller asks, and refuses what WeChat refuses.
func (x *exchange) readTokenRequest() (ask tokenRequest, err error) {
	body, err := io.ReadAll(x.body.Reader())
	if err != nil {
		return ask, err
	}
	target.EachNamed(x.target.Query, tokenMembers, ask.hear)
	_, err = members.Rewrite(body, tokenMembers, func(name, value string) (string, bool) {
		ask.hear(name, value)
		return "", false
	})
	if err != nil || x.fields.packed && len(body) > 0 {
		return ask, refuseAsWeChat(47001, "data format error (wxproxy: the body is neither a JSON object nor a form)")
	}
	isPOST := string(x.message.Method) == fasthttp.MethodPost
	switch {
	case !isPOST && (string(x.target.Policy) == "/cgi-bin/stable_token" || string(x.message.Method) != fasthttp.MethodGet):
		return ask, refuseAsWeChat(43002, "require POST method")
	case ask.grantType.text != "client_credential" || ask.grantType.disputed:
		return ask, refuseAsWeChat(40002, "invalid grant_type")
	case ask.appID.text == "":
		return ask, refuseAsWeChat(41002, "appid missing")
	case ask.appID.disputed:
		return ask, refuseAsWeChat(40013, "invalid appid (wxproxy: the request gives two different ones; leave one of them out)")
	}
	return ask, nil
}

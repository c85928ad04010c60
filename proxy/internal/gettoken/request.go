// Package gettoken reads requests for an access token, as SDKs send them, and decides for
// which application of a corp they are. It answers them in the API's form.
package gettoken

import (
	"encoding/json"
	"net/http"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/target"
)

// A Request is what SDKs send to get a token: in the query, as a form or as JSON.
type Request struct{ Grant, AppID, Secret members.Value }

// Read reads a query and a body by the names in table. It reports false if the body is
// neither JSON nor a form.
func (r *Request) Read(table *accountkind.TokenRequest, query, body []byte) bool {
	add := func(name, value string) {
		switch name {
		case table.GrantName:
			r.Grant.Add(value)
		case table.AppIDName:
			r.AppID.Add(value)
		case table.SecretName:
			r.Secret.Add(value)
		}
	}
	names := []string{table.AppIDName, table.SecretName}
	if table.GrantName != "" {
		names = append(names, table.GrantName)
	}
	target.EachNamed(query, names, add)
	_, err := members.Rewrite(body, names, func(name, value string) (string, bool) {
		add(name, value)
		return "", false
	})
	return err == nil
}

// Refusal returns the errcode and errmsg of a request that the API would refuse, and 0 for
// another one.
func (r *Request) Refusal(table *accountkind.TokenRequest, method, path string) (errcode int, errmsg string) {
	name := "appid"
	if table.OfCorp {
		name = "corpid"
	}
	switch {
	case !takes(table, method, path) && table.OfCorp:
		return table.NotPOST, "require GET method"
	case !takes(table, method, path):
		return table.NotPOST, "require POST method"
	case r.Grant.Text != table.Grant || r.Grant.Conflicts:
		return table.BadGrant, "invalid grant_type"
	case r.AppID.Text == "":
		return table.NoAppID, name + " missing"
	case r.AppID.Conflicts:
		return table.BadAppID, "invalid " + name + " (wxproxy: the request gives two different ones; leave one of them out)"
	}
	return 0, ""
}

// takes reports whether a token may be asked for with a method.
func takes(table *accountkind.TokenRequest, method, path string) bool {
	switch method {
	case http.MethodPost:
		return true
	case http.MethodGet:
		return path != table.POSTPath
	}
	return method == http.MethodHead && table.OfCorp
}

// Answer returns the answer that has a token, which lives so many seconds. Those of a corp say
// besides that all went well.
func Answer(table *accountkind.TokenRequest, token string, seconds int64) ([]byte, error) {
	type answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if !table.OfCorp {
		return json.Marshal(answer{token, seconds})
	}
	return json.Marshal(struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
		answer
	}{0, "ok", answer{token, seconds}})
}

// Problem returns the errmsg of a wrong secret, which WeChat has words for and a corp one
// phrase, whatever is wrong.
func Problem(table *accountkind.TokenRequest, ofWeChat string) string {
	if table.OfCorp {
		return "invalid credential"
	}
	return ofWeChat
}

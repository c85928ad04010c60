package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// A Callback is what WeChat sees of the host that an account's pushes go to.
type Callback struct {
	Addresses []string // that DNS has for it
	Pings     []Ping
}

// A Ping is how an address answered WeChat's ping, which many hosts do not.
type Ping struct {
	Address string
	Lost    string // as "0%"
	Time    string // as "23.079ms"
}

// maxSeen is how many addresses of a host are told.
const maxSeen = 8

// CheckCallback has WeChat look at the URL that the account's pushes go to:
// https://developers.weixin.qq.com/doc/service/api/base/api_callbackcheck
// The error is a [*token.Refusal] if it does not.
func (c *Client) CheckCallback(ctx context.Context, t secret.Secret) (Callback, error) {
	const ask = `{"action":"all","check_operator":"DEFAULT"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/cgi-bin/callback/check?access_token="+url.QueryEscape(t.Reveal()), bytes.NewReader([]byte(ask)))
	if err != nil {
		return Callback{}, asking.Failed(issuerName, "look at the URL of pushes", asking.NotSent(err), t)
	}
	req.Header.Set("Content-Type", "application/json")
	asking.Repeatable(req)
	body, err := c.send(req)
	if err != nil {
		return Callback{}, asking.Failed(issuerName, "look at the URL of pushes", err, t)
	}
	return readCallback(body, t)
}

// readCallback returns what body says, without the token, and not more than fits into
// some lines.
func readCallback(body []byte, t secret.Secret) (seen Callback, err error) {
	var a struct {
		asking.Answer
		DNS []struct {
			IP       string `json:"ip"`
			Operator string `json:"real_operator"`
		} `json:"dns"`
		Ping []struct {
			IP   string `json:"ip"`
			Lost string `json:"package_loss"`
			Time string `json:"time"`
		} `json:"ping"`
	}
	if err := json.Unmarshal(asking.WithoutControls(body), &a); err != nil {
		return seen, asking.Bad("WeChat's answer is not the JSON it documents")
	}
	if code := int(a.Errcode); code != 0 {
		return seen, &token.Refusal{Code: code, Reason: secret.Quote(a.Errmsg, t)}
	}
	for _, one := range a.DNS[:min(len(a.DNS), maxSeen)] {
		address := secret.Quote(one.IP, t)
		if one.Operator != "" {
			address += " (" + secret.Quote(one.Operator, t) + ")"
		}
		seen.Addresses = append(seen.Addresses, address)
	}
	for _, one := range a.Ping[:min(len(a.Ping), maxSeen)] {
		seen.Pings = append(seen.Pings, Ping{secret.Quote(one.IP, t), secret.Quote(one.Lost, t), secret.Quote(one.Time, t)})
	}
	return seen, nil
}

// ExplainCallback says what the failure of CheckCallback means and what to do about it.
func ExplainCallback(err error) token.Explanation {
	e := Explain(err)
	refusal, isRefusal := errors.AsType[*token.Refusal](err)
	if !isRefusal {
		return e
	}
	if row, ok := meanings.WeChat.Find(refusal.Code, meanings.Callback); ok {
		e.Class, e.Remedy, e.RemedyZH = token.Class(row.Class), row.Remedy, row.RemedyZH
	}
	return e
}

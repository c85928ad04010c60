package wechat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// maxQuoted is how long WeChat's answer about a call may be, which quotes the call and its
// answer as a whole.
const maxQuoted = 256 << 10

// How many characters of a URL and of a body are told.
const (
	maxQuotedURL  = 1000
	maxQuotedBody = 4000
)

// maxCost is how long a call may have taken, in milliseconds: no call takes more than a day.
const maxCost = 24 * 60 * 60 * 1000

// A Quoter asks WeChat what it knows of a call by its rid, for 7 days:
// https://developers.weixin.qq.com/doc/service/api/apimanage/api_getridinfo
type Quoter struct {
	HTTP   *http.Client
	URL    string // scheme and host of WeChat
	Tokens interface {
		Token(wait time.Duration) (string, error)
		Replace(refused string, wait time.Duration) (string, error)
	} // of the account that made the call
	Known func([]string) []string // appends the credentials that the account has, and had last
}

// A Quotation is what WeChat knows of a call, without credentials.
type Quotation struct {
	At       time.Time // zero if WeChat does not say it
	Cost     time.Duration
	URL      string // without the values of its parameters
	Body     string
	Answer   string
	ClientIP string // from where WeChat got it
}

// Quote returns what WeChat knows of the call with this rid. The error is a [*token.Refusal],
// if WeChat declined.
func (q *Quoter) Quote(ctx context.Context, rid string) (Quotation, error) {
	value, err := q.Tokens.Token(patience(ctx))
	if err != nil {
		return Quotation{}, err
	}
	quoted, err := q.ask(ctx, rid, value)
	refusal, isRefused := errors.AsType[*token.Refusal](err)
	if !isRefused || ofToken(refusal.Code) != token.Dead {
		return quoted, err
	}
	other, failed := q.Tokens.Replace(value, patience(ctx))
	if failed != nil || other == value {
		return Quotation{}, cmp.Or(failed, err)
	}
	return q.ask(ctx, rid, other)
}

// ask asks with a token.
func (q *Quoter) ask(ctx context.Context, rid, value string) (Quotation, error) {
	const asked = "call by its rid"
	body, err := json.Marshal(map[string]string{"rid": rid})
	var req *http.Request
	if err == nil {
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, q.URL+"/cgi-bin/openapi/rid/get?access_token="+url.QueryEscape(value), bytes.NewReader(body))
	}
	if err != nil {
		return Quotation{}, asking.Failed(issuerName, asked, asking.NotSent(err), secret.New(value))
	}
	req.Header.Set("Content-Type", "application/json")
	asking.Repeatable(req)
	answered, err := asking.Send(issuerName, q.HTTP, req, maxQuoted)
	if err != nil {
		return Quotation{}, asking.Failed(issuerName, asked, err, secret.New(value))
	}
	secrets := []secret.Secret{secret.New(value)}
	for _, known := range q.Known(nil) {
		secrets = append(secrets, secret.New(known))
	}
	return readQuotation(answered, secrets)
}

// readQuotation returns what body tells, or the [*token.Refusal] that it is.
func readQuotation(body []byte, secrets []secret.Secret) (Quotation, error) {
	var a struct {
		Errcode asking.Number `json:"errcode"`
		Errmsg  string        `json:"errmsg"`
		Request *struct {
			At       asking.Number `json:"invoke_time"`
			Cost     asking.Number `json:"cost_in_ms"`
			URL      string        `json:"request_url"`
			Body     string        `json:"request_body"`
			Answer   string        `json:"response_body"`
			ClientIP string        `json:"client_ip"`
		} `json:"request"`
	}
	if json.Unmarshal(asking.WithoutControls(body), &a) != nil || a.Errcode == 0 && a.Request == nil {
		return Quotation{}, asking.Bad("WeChat's answer is not the JSON it documents, or longer than 256 KiB") // the error may quote a token
	}
	if a.Errcode != 0 {
		return Quotation{}, &token.Refusal{Code: int(a.Errcode), Reason: cmp.Or(secret.Quote(a.Errmsg, secrets...), "no errmsg")}
	}
	r := a.Request
	return Quotation{
		At: momentOf(r.At), Cost: time.Duration(min(max(r.Cost, 0), maxCost)) * time.Millisecond,
		URL:  secret.Excerpt(withoutValues(r.URL), maxQuotedURL, secrets...),
		Body: secret.Excerpt(withoutCredentials(r.Body), maxQuotedBody, secrets...), Answer: secret.Excerpt(withoutCredentials(r.Answer), maxQuotedBody, secrets...),
		ClientIP: secret.Excerpt(r.ClientIP, secret.MaxQuote, secrets...),
	}, nil
}

// momentOf returns the moment of so many seconds, or milliseconds, since 1970: WeChat's
// numbers elsewhere are either. What is no moment is zero.
func momentOf(since asking.Number) time.Time {
	const milliseconds = 1e11 // in seconds, that is the year 5138
	switch {
	case since >= milliseconds && since < 1000*milliseconds:
		return time.UnixMilli(int64(since))
	case since >= 1 && since < milliseconds:
		return time.Unix(int64(since), 0)
	}
	return time.Time{}
}

// ExplainQuote says what err, with which Quote has ended, means and what to do about it.
func ExplainQuote(err error) token.Explanation {
	refusal, isRefused := errors.AsType[*token.Refusal](err)
	if !isRefused {
		return explainUnquoted(err)
	}
	row, known := meanings.WeChat.Find(refusal.Code, meanings.Anywhere)
	if !known {
		row = meanings.Row{Remedy: "the errmsg is all that WeChat says", RemedyZH: "微信只返回了上面的 errmsg"}
	}
	reason := secret.Quote(refusal.Reason)
	row = row.About(meanings.AddressIn(reason, thisMachine), meanings.AddressIn(reason, thisMachineZH))
	return token.Explanation{Code: refusal.Code, Reason: reason, Remedy: row.Remedy, RemedyZH: row.RemedyZH}
}

// explainUnquoted explains why there is no answer. Nobody asks again by itself then, unless what
// is missing is the token.
func explainUnquoted(err error) token.Explanation {
	e := Explain(err)
	_, isToken := errors.AsType[*token.Unavailable](err)
	if row, ok := unquoted[asking.TroubleOf(err)]; ok && !isToken {
		e.Remedy, e.RemedyZH = row.en, row.zh
	}
	return e
}

package proxy

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/internal/secret"
	"wxproxy/proxy/internal/errcode"
	"wxproxy/proxy/internal/wire"
)

// quotesRequest is the path of the API that tells what became of an earlier
// request, its URL included, with the token or AppSecret that was in it. That may
// be one that nobody knows any more.
const quotesRequest = "/cgi-bin/openapi/rid/get"

const (
	// maxSearched bounds the body of an answer that is passed on only after it was
	// searched for credentials. Errors have some hundred bytes.
	maxSearched = 64 << 10

	// maxQuoted is the same for an answer that quotes a request and its answer.
	maxQuoted = 256 << 10

	// maxPackings is how many times a body that is searched may be packed.
	maxPackings = 3
)

// Reasons for which a body cannot be searched.
var (
	errAnswerLong   = errors.New("WeChat's answer may hold credentials and is longer than what can be searched for them")
	errAnswerRoom   = errors.New("WeChat's answer may hold credentials, and there is no room to search it for them: the bodies under way take it all")
	errAnswerPacked = errors.New("WeChat's answer may hold credentials and cannot be unpacked to be searched for them")
)

// redactBody takes the credentials out that the body of WeChat's answer quotes, if
// that is here as a whole; and sees to it that it is where a quote is likely: in
// errors, which may repeat the URL, and where an AppSecret was sent. What cannot be
// searched there is not passed on.
func (p *Proxy) redactBody(x *exchange) error {
	resp := &x.ctx.Response
	if string(x.target.Policy) == quotesRequest {
		return p.redactWhole(x, maxQuoted, secret.Redact)
	}
	if resp.StatusCode() >= fasthttp.StatusMultipleChoices || x.route.Credential == accountkind.CredentialSecret {
		return p.redactWhole(x, maxSearched, x.replaced)
	}
	if resp.IsBodyStream() {
		return nil
	}
	body := resp.Body()
	if errcode.IsPacked(body) || len(resp.Header.ContentEncoding()) > 0 {
		// One that cannot be unpacked may not be packed at all, whatever its header says.
		if plain, err := unpacked(body, string(resp.Header.ContentEncoding()), maxSearched); err == nil {
			body = plain
		}
	}
	if secret.MayHold(body, x.account.sought.least()) {
		p.redact(x, body, x.replaced)
	}
	return nil
}

// A redaction returns text with mask in the place of credentials.
type redaction func(text []byte, mask string, values []string) []byte

func (x *exchange) replaced(text []byte, mask string, values []string) []byte {
	text, _ = x.searcher.Replace(text, mask, values)
	return text
}

// redact has the caller get the body, which was unpacked to plain, as it is, or if
// it holds credentials plain without them.
func (p *Proxy) redact(x *exchange, plain []byte, redact redaction) {
	redacted := redact(plain, masked, x.credentials())
	if !bytes.Equal(redacted, plain) {
		x.ctx.Response.Header.SetContentEncoding("")
		x.ctx.Response.SetBody(redacted)
		p.warnOfQuote(x, "body")
	}
}

// redactWhole does the same to a body of at most that many bytes, which it waits for.
func (p *Proxy) redactWhole(x *exchange, most int64, redact redaction) error {
	resp := &x.ctx.Response
	if resp.SkipBody || !wire.MayHaveBody(resp.StatusCode()) {
		return nil
	}
	taken, err := p.hold(resp, most)
	var plain []byte
	if err == nil && len(resp.Body()) > 0 {
		plain, err = unpacked(resp.Body(), string(resp.Header.ContentEncoding()), most)
	}
	if err == nil {
		p.redact(x, plain, redact)
		p.charge(resp, taken)
		return nil
	}
	p.door.bodies.ReleaseAnswer(taken)
	switch {
	case !errors.Is(err, errAnswerLong) && !errors.Is(err, errAnswerPacked) && !errors.Is(err, errAnswerRoom):
		return err
	case resp.StatusCode() < fasthttp.StatusMultipleChoices:
		return refuse(upstreamUnreachable, err.Error())
	}
	p.withhold(x, err)
	return nil
}

// withhold has the caller get an error of WeChat's, whose status says enough, without
// its body.
func (p *Proxy) withhold(x *exchange, why error) {
	resp := &x.ctx.Response
	resp.Header.SetContentEncoding("")
	resp.SetBody(nil)
	account, path := x.account.Name, p.loggedPath(x.target.Path)
	if unsaid, ok := p.door.quotes.allows(strings.Join([]string{"withheld", account, path}, "\n"), time.Now()); ok {
		p.config.Log.Warn("the body of WeChat's answer is withheld from the caller",
			"account", account, "path", path, "status", resp.StatusCode(), "err", why, "unsaid", unsaid)
	}
}

// unpacked returns the body as it was before it was packed with gzip, which nobody
// asked for: as often as coding says, and once more if that is not the whole truth.
func unpacked(body []byte, coding string, most int64) ([]byte, error) {
	packings := 0 // that coding says
	for one := range strings.SplitSeq(strings.ToLower(coding), ",") {
		switch strings.TrimSpace(one) {
		case "", "identity":
		case "gzip", "x-gzip":
			packings++
		default:
			return nil, errAnswerPacked
		}
	}
	for done := 0; done < packings || errcode.IsPacked(body); done++ {
		if body = errcode.Gunzip(body, most); body == nil || done == maxPackings {
			return nil, errAnswerPacked
		}
		if int64(len(body)) > most {
			return nil, errAnswerLong
		}
	}
	return body, nil
}

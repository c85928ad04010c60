package sending

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
)

// request returns the request that takes p to the program, signed now.
func (s *Sender) request(ctx context.Context, p *Push) *http.Request {
	query, body := s.sign(p)
	target := *s.target
	if target.RawQuery != "" {
		query = target.RawQuery + "&" + query
	}
	target.RawQuery = query
	return (&http.Request{
		Method:        http.MethodPost,
		URL:           &target,
		Host:          target.Host,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        p.header(),
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
	}).WithContext(ctx)
}

// sign returns the query that proves a push to the program, and the body that it proves:
// what WeChat would send of it now.
func (s *Sender) sign(p *Push) (query string, body []byte) {
	token := s.token
	if token.Empty() {
		token = p.Token
	}
	timestamp, nonce := Stamp()
	query = "signature=" + envelope.Signature(token, timestamp, nonce) + "&timestamp=" + timestamp + "&nonce=" + nonce
	if p.OpenID != "" {
		query += "&openid=" + url.QueryEscape(p.OpenID)
	}
	if s.key == nil {
		return query, p.Plain
	}
	encrypt := s.key.Seal(p.Plain, p.Inside)
	query += "&encrypt_type=aes&msg_signature=" + envelope.Signature(token, timestamp, nonce, encrypt)
	switch {
	case p.IsEvent && p.Message.Format == message.XML:
		return query, message.WriteEventEnvelope(p.Inside, encrypt)
	case p.IsWeCom:
		return query, message.WriteAgentEnvelope(p.Message.Format, p.Message.ToUserName, message.AgentOf(p.Plain), encrypt)
	}
	return query, message.WriteEnvelope(p.Message.Format, p.Message.ToUserName, encrypt)
}

// Stamp returns a timestamp of now, and a nonce.
func Stamp() (timestamp, nonce string) {
	const tenDigits = 10_000_000_000
	return strconv.FormatInt(time.Now().Unix(), 10), strconv.FormatUint(rand.Uint64N(tenDigits), 10)
}

// header returns the header of the request, none of whose lines comes from outside.
func (p *Push) header() http.Header {
	contentType := p.ContentType
	if contentType == "" {
		contentType = p.Message.Format.ContentType()
	}
	return http.Header{
		"Content-Type":         {contentType},
		"User-Agent":           {"wxproxy"},
		"Wxproxy-Account":      {p.Account},
		"Wxproxy-App-Id":       {p.AppID},
		"Wxproxy-Push-Id":      {p.ID},
		"Wxproxy-Push-Attempt": {strconv.Itoa(p.Attempt)},
		"X-Request-Id":         {p.RequestID},
	}
}

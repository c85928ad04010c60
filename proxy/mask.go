package proxy

import (
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/valyala/fasthttp"
)

// quotesRequest is the path of the API that tells what became of an earlier
// request, its URL included, with the token or AppSecret that was in it.
const quotesRequest = "/cgi-bin/openapi/rid/get"

// credentialValue matches a credential in a quoted URL or body, whether its
// separator is escaped or not.
const credentialValue = `(?i)((?:access_token|secret)(?:=|%3d|\\u003d|\\?"\s*:\s*\\?"))[^&"\\%\s]+`

// quoteSize bounds an answer that quotes a request.
const quoteSize = 16 << 20

// Why an answer that quotes a request is not passed on.
const (
	quoteTooLong = "WeChat's answer may hold credentials and is longer than the 16 MiB that can be searched for them"
	quotePacked  = "WeChat's answer may hold credentials and cannot be unpacked to be searched for them"
)

// maskCredentials hides the values of credentials in the answer. One that cannot
// be read cannot be passed on.
func maskCredentials(resp *fasthttp.Response) error {
	if stream := resp.BodyStream(); stream != nil {
		packed, err := io.ReadAll(io.LimitReader(stream, quoteSize+1))
		if err != nil {
			return ErrBroken
		}
		if len(packed) > quoteSize {
			return refuse(upstreamUnreachable, quoteTooLong)
		}
		resp.SetBody(packed)
	}
	body, err := unpacked(resp)
	if err != nil {
		return err
	}
	credential := regexp.MustCompile(credentialValue) // compiled here: hardly anybody asks
	resp.Header.SetContentEncoding("")
	resp.SetBody(credential.ReplaceAll(body, []byte("${1}***")))
	return nil
}

// unpacked returns the answer's body as it was before it was packed, in any of the
// ways that fasthttp knows.
func unpacked(resp *fasthttp.Response) ([]byte, error) {
	switch coding := strings.ToLower(string(resp.Header.ContentEncoding())); coding {
	case "identity":
		resp.Header.SetContentEncoding("")
	case "x-gzip":
		resp.Header.SetContentEncoding("gzip")
	default:
		resp.Header.SetContentEncoding(coding)
	}
	body, err := resp.BodyUncompressedWithLimit(quoteSize)
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return nil, refuse(upstreamUnreachable, quoteTooLong)
	case err != nil:
		return nil, refuse(upstreamUnreachable, quotePacked)
	}
	return body, nil
}

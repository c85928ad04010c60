package proxy

import (
	"io"
	"regexp"

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

// maskCredentials hides the values of credentials in the answer. One that cannot
// be read cannot be passed on.
func maskCredentials(resp *fasthttp.Response) error {
	if stream := resp.BodyStream(); stream != nil {
		packed, err := io.ReadAll(io.LimitReader(stream, quoteSize+1))
		if err != nil || len(packed) > quoteSize {
			return ErrBroken
		}
		resp.SetBody(packed)
	}
	body, err := resp.BodyUncompressedWithLimit(quoteSize)
	if err != nil {
		return ErrBroken
	}
	credential := regexp.MustCompile(credentialValue) // compiled here: hardly anybody asks
	resp.Header.SetContentEncoding("")
	resp.SetBody(credential.ReplaceAll(body, []byte("${1}***")))
	return nil
}

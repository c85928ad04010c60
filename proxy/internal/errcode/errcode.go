// Package errcode finds out whether an answer of WeChat's is an error.
package errcode

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/wire"
)

// MaxRejection is the length of the longest body that can be WeChat's refusal
// of a token. Real ones have some 200 bytes.
const MaxRejection = 4096

// Of returns the errcode by which WeChat says in resp that something went
// wrong, 0 if it does not: the top-level one of a short JSON object with HTTP
// 200. The content type says nothing: WeChat sends JSON as text/plain and more.
func Of(resp *fasthttp.Response) int {
	if resp.StatusCode() != fasthttp.StatusOK || resp.IsBodyStream() {
		return 0
	}
	body := resp.Body()
	if wire.IsFold(resp.Header.ContentEncoding(), "gzip") {
		body = Gunzip(body, MaxRejection)
	}
	if len(body) > MaxRejection || !mayFail(body) {
		return 0
	}
	errcode, ok := topLevelErrcode(body)
	if !ok {
		return 0
	}
	return errcode
}

// MaxPacked bounds how long a refusal can be that is packed with gzip.
const MaxPacked = 2 * MaxRejection

// LongestRefusal returns how long the body of resp may be for resp to be WeChat's
// refusal of a token: -1 if it is none whatever its body says.
func LongestRefusal(resp *fasthttp.Response) int {
	switch {
	case resp.StatusCode() != fasthttp.StatusOK:
		return -1
	case wire.IsFold(resp.Header.ContentEncoding(), "gzip"):
		return MaxPacked
	}
	return MaxRejection
}

// BeginsJSON reports whether a body that begins with start may be JSON, an object or
// an array, as far as it can be seen, or that packed with gzip.
func BeginsJSON(start []byte) bool {
	if len(start) < len(members.ByteOrderMark) && strings.HasPrefix(members.ByteOrderMark, string(start)) {
		return true
	}
	start = members.SkipBlank(bytes.TrimPrefix(start, []byte(members.ByteOrderMark)))
	return len(start) == 0 || start[0] == '{' || start[0] == '[' || start[0] == packedMark[0]
}

// topLevelErrcode returns the errcode of a JSON object: the value of that key
// at the top level, a number or a numeric string. It minds nothing else: WeChat
// sends raw control bytes and broken UTF-8 inside strings, which encoding/json
// refuses. Of a repeated key the last one counts, as JSON parsers have it.
func topLevelErrcode(body []byte) (errcode int, ok bool) {
	body = members.SkipBlank(body)
	if len(body) == 0 || body[0] != '{' {
		return 0, false
	}
	s := members.NewScanner(body)
	for {
		key, more := s.NextKey()
		if !more {
			return errcode, ok && s.IsClosed()
		}
		if value := s.Value(); isErrcode(key) {
			errcode, ok = parseErrcode(value)
		}
	}
}

// mayFail rules most bodies out at the speed of bytes.Index: those without the key
// errcode, which is spelled out or written with \u escapes, and those in which the
// only one has the value 0, wherever that is.
func mayFail(body []byte) bool {
	_, value, found := bytes.Cut(body, []byte(`errcode"`))
	isZero := len(value) > 2 && string(value[:2]) == ":0" && (value[2] == ',' || value[2] == '}')
	return found && (!isZero || bytes.Contains(value, []byte(`errcode"`))) || bytes.Contains(body, []byte(`\u00`))
}

// isErrcode reports whether the key between quotes is errcode.
func isErrcode(key []byte) bool {
	if bytes.IndexByte(key, '\\') < 0 {
		return string(key) == "errcode"
	}
	plain, err := strconv.Unquote(`"` + string(key) + `"`)
	return err == nil && plain == "errcode"
}

// parseErrcode reads a number or a string that holds one.
func parseErrcode(value []byte) (int, bool) {
	if len(value) >= 2 && value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	if len(value) > len("-2147483648") || len(value) > 0 && value[0] == '+' {
		return 0, false
	}
	n, err := strconv.Atoi(string(value))
	return n, err == nil
}

// Package errcode finds the errcode by which WeChat says in an answer that a request has
// failed, and tells early which answers can have none.
package errcode

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/wire"
)

// MaxRefusal is the length of the longest body that can be WeChat's refusal of a token.
// Real ones have some 200 bytes.
const MaxRefusal = 4096

// Of returns the errcode by which WeChat says in resp that the request has failed, and 0
// if there is none: the top-level one of a short JSON object with HTTP 200. The content
// type is not looked at, because WeChat sends JSON as text/plain, too.
func Of(resp *fasthttp.Response) int {
	if resp.StatusCode() != fasthttp.StatusOK || resp.IsBodyStream() {
		return 0
	}
	body := resp.Body()
	if wire.IsFold(resp.Header.ContentEncoding(), "gzip") {
		body = Gunzip(body, MaxRefusal)
	}
	if len(body) > MaxRefusal || !mayFail(body) {
		return 0
	}
	errcode, ok := topLevelErrcode(body)
	if !ok {
		return 0
	}
	return errcode
}

// MaxPacked is the length of the longest body that is taken for a refusal packed with
// gzip.
const MaxPacked = 2 * MaxRefusal

// LongestRefusal returns how long the body of resp may be for resp to be WeChat's refusal
// of a token, and -1 if the header shows that it is none.
func LongestRefusal(resp *fasthttp.Response) int {
	switch {
	case resp.StatusCode() != fasthttp.StatusOK:
		return -1
	case wire.IsFold(resp.Header.ContentEncoding(), "gzip"):
		return MaxPacked
	}
	return MaxRefusal
}

// BeginsJSON reports whether a body that begins with start may be a JSON object or array,
// plain or packed with gzip. While start holds nothing but white space, it may.
func BeginsJSON(start []byte) bool {
	if len(start) < len(members.ByteOrderMark) && strings.HasPrefix(members.ByteOrderMark, string(start)) {
		return true
	}
	start = members.SkipBlank(bytes.TrimPrefix(start, []byte(members.ByteOrderMark)))
	return len(start) == 0 || start[0] == '{' || start[0] == '[' || start[0] == packedMark[0]
}

// topLevelErrcode returns the errcode of a JSON object: the value of that key at the top
// level, a number or a numeric string. If the key is repeated, the last one counts, as
// for JSON parsers. encoding/json is not used because it refuses what WeChat sends: raw
// control bytes and broken UTF-8 inside strings.
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

// mayFail reports whether body may hold an errcode other than 0. It rules most bodies out
// at the speed of bytes.Index: those without the key errcode, be it spelled out or written
// with \u escapes, and those in which the only one has the value 0.
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

package push

import (
	"net/url"
	"strings"
)

// A query is the query of a push, as it was sent.
type query string

// get returns the first value of a parameter, "" if there is none. '+' stays what it is:
// WeChat sends base64 here, and no blanks.
func (q query) get(name string) string {
	for pair := range strings.SplitSeq(string(q), "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key != name {
			continue
		}
		value, err := url.PathUnescape(value)
		if err != nil {
			return ""
		}
		return value
	}
	return ""
}

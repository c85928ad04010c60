package proxy

import (
	"bytes"
	"net/url"
	"path"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/wire"
)

// A path that is accepted is read in the same way by everybody: decoding it
// once gives the policy path, and no cleaning of paths changes that one.
func FuzzTargetHasOneReading(f *testing.F) {
	for _, seed := range []string{
		"/", "/cgi-bin/token?a=b", "/@shop/%63gi-bin/x", "http://api.weixin.qq.com/a", "/a/%2e%2E/b", "/a//b",
		"/%5c", "/...", "/a?", "https://api.weixin.qq.com?", "/%", "/\x80", "*", "/@", "/a%252e%252e/", "/a/;b", "/%c0%af/", "/a/?;access_token",
	} {
		f.Add(seed)
	}
	c := config(nil)
	c.Accounts[0].Kind.Hosts = rawtest.OwnHosts
	p := New(c)
	f.Fuzz(func(t *testing.T, raw string) {
		x := p.newExchange()
		if readTarget(t, p, x, raw) != nil {
			return
		}
		got := x.target
		got.Policy = bytes.Clone(got.Policy)
		for _, before := range []string{raw, "/cgi-bin/user/get?a=b"} { // what is known of the last target
			if readTarget(t, p, x, before) != nil || readTarget(t, p, x, raw) != nil || !reflect.DeepEqual(x.target, got) {
				t.Fatalf("%q: got %+v behind %q; want %+v", raw, x.target, before, got)
			}
		}
		decoded, err := url.PathUnescape(string(got.Path))
		if err != nil {
			t.Fatalf("%q: net/url refuses the path %q: %v", raw, got.Path, err)
		}
		policy := string(got.Policy)
		want := asciiLower(decoded)
		if want != "/" {
			want = strings.TrimSuffix(want, "/")
		}
		if policy != want {
			t.Errorf("%q: got the policy path %q; want %q", raw, policy, want)
		}
		if cleaned := path.Clean(policy); policy != cleaned {
			t.Errorf("%q: the policy path %q can also be read as %q", raw, policy, cleaned)
		}
		if again, err := url.PathUnescape(policy); err != nil || again != policy {
			t.Errorf("%q: the policy path %q reads differently when it is decoded again", raw, policy)
		}
		loose := strings.Contains(policy, "/ ") || strings.Contains(policy, " /") || strings.HasSuffix(policy, " ")
		if loose || strings.ContainsAny(policy, "\\\x00\r\n\x7f;?#") || !utf8.ValidString(policy) {
			t.Errorf("%q: the policy path %q holds what must be refused", raw, policy)
		}
		if rest := string(got.Path) + string(got.Query); !strings.HasSuffix(raw, rest) && string(got.Path) != "/" {
			t.Errorf("%q: got the path and query %q; want them as they were sent", raw, rest)
		}
	})
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = wire.Lower(c)
	}
	return string(b)
}

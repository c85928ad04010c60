package target

import (
	"errors"
	"testing"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
)

func TestTargetIsTakenApart(t *testing.T) {
	rows := []struct{ name, raw, selector, path, query, policy string }{
		{"a path", "/cgi-bin/user/get", "", "/cgi-bin/user/get", "", "/cgi-bin/user/get"},
		{"a path and a query", "/a?b=c&d", "", "/a", "?b=c&d", "/a"},
		{"the root", "/", "", "/", "", "/"},
		{"a bare question mark", "/a?", "", "/a", "?", "/a"},
		{"a query that looks like a path", "/a?../%2f//\\", "", "/a", "?../%2f//\\", "/a"},
		{"upper case keeps its bytes", "/CGI-bin/Token", "", "/CGI-bin/Token", "", "/cgi-bin/token"},
		{"encoded letters keep their bytes", "/cgi%2Dbin/%74oken", "", "/cgi%2Dbin/%74oken", "", "/cgi-bin/token"},
		{"bytes above ASCII", "/\xe4\xbd\xa0", "", "/\xe4\xbd\xa0", "", "/\xe4\xbd\xa0"},
		{"dots within a segment", "/a..b/.c/d./...", "", "/a..b/.c/d./...", "", "/a..b/.c/d./..."},
		{"a slash at the end", "/a/", "", "/a/", "", "/a"},
		{"letters that look like others", "/ｔoken\u212a", "", "/ｔoken\u212a", "", "/ｔoken\u212a"},
		{"a comma and a colon", "/a,b:c=d&e", "", "/a,b:c=d&e", "", "/a,b:c=d&e"},

		{"an account", "/@shop/cgi-bin/user/get?a", "shop", "/cgi-bin/user/get", "?a", "/cgi-bin/user/get"},
		{"an account and nothing else", "/@shop", "shop", "/", "", "/"},
		{"an account and the root", "/@shop/", "shop", "/", "", "/"},
		{"an account and a query", "/@shop?a", "shop", "/", "?a", "/"},
		{"only the first account counts", "/@shop/@other/a", "shop", "/@other/a", "", "/@other/a"},
		{"an account without a name", "/@/a", "", "/a", "", "/a"},
		{"an account with encoded letters", "/@sh%6fp/a", "shop", "/a", "", "/a"},
		{"an account with an encoded slash", "/@shop%2fb/a", "shop%2fb", "/a", "", "/a"},
		{"an encoded at sign", "/%40shop/a", "shop", "/a", "", "/a"},
		{"an encoded at sign and nothing else", "/%40shop", "shop", "/", "", "/"},
		{"an encoded at sign elsewhere is none", "/a/%40shop/b", "", "/a/%40shop/b", "", "/a/@shop/b"},
		{"one account behind another is a path", "/@shop/%40club/b", "shop", "/%40club/b", "", "/@club/b"},
		{"an at sign elsewhere is none", "/a/@shop/b", "", "/a/@shop/b", "", "/a/@shop/b"},

		{"absolute form", "http://api.weixin.qq.com/a?b", "", "/a", "?b", "/a"},
		{"absolute form over https", "https://api.weixin.qq.com/a", "", "/a", "", "/a"},
		{"absolute form in upper case", "HTTP://API.Weixin.QQ.com/A", "", "/A", "", "/a"},
		{"absolute form without a path", "http://api.weixin.qq.com", "", "/", "", "/"},
		{"absolute form with a port", "http://api.weixin.qq.com:443/a", "", "/a", "", "/a"},
		{"absolute form and an account", "http://api.weixin.qq.com/@shop/a", "shop", "/a", "", "/a"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var got Target
			if err := got.Parse([]byte(row.raw), rawtest.OwnHosts, accountkind.WeChat.TokenParameters); err != nil {
				t.Fatalf("parse(%q): %v", row.raw, err)
			}
			for _, part := range []struct{ name, got, want string }{
				{"selector", string(got.Selector), row.selector},
				{"path", string(got.Path), row.path},
				{"query", string(got.Query), row.query},
				{"policy", string(got.Policy), row.policy},
			} {
				if part.got != part.want {
					t.Errorf("%s: got %q; want %q", part.name, part.got, part.want)
				}
			}
		})
	}
}

func TestTargetThatIsAmbiguousIsRefused(t *testing.T) {
	rows := []struct {
		name, raw string
		want      error
	}{
		{"empty", "", errTargetForm},
		{"an asterisk", "*", errTargetForm},
		{"an authority", "api.weixin.qq.com:443", errTargetForm},
		{"a path without a slash", "cgi-bin/token", errTargetForm},
		{"another scheme", "ftp://api.weixin.qq.com/a", errTargetForm},
		{"no scheme", "://api.weixin.qq.com/a", errTargetForm},
		{"absolute form, a query without a path", "http://api.weixin.qq.com?a", errTargetForm},
		{"another host", "http://evil.example/a", errTargetHost},
		{"another host behind ours", "http://api.weixin.qq.com.evil.example/a", errTargetHost},
		{"a user before our host", "http://x@api.weixin.qq.com/a", errTargetHost},
		{"our host as a user", "http://api.weixin.qq.com@evil.example/a", errTargetHost},
		{"another port", "http://api.weixin.qq.com:8080/a", errTargetHost},
		{"no host", "http:///a", errTargetHost},

		{"two slashes first", "//evil.example/a", errPathSlash},
		{"two slashes later", "/a//b", errPathSlash},
		{"two slashes at the end", "/a//", errPathSlash},
		{"two slashes behind the account", "/@shop//a", errPathSlash},
		{"a backslash", "/a\\b", errPathSlash},
		{"an encoded slash", "/a%2fb", errPathSlash},
		{"an encoded slash in upper case", "/a%2Fb", errPathSlash},
		{"an encoded slash first", "/%2f", errPathSlash},
		{"an encoded backslash", "/a%5cb", errPathSlash},
		{"an encoded backslash in upper case", "/a%5Cb", errPathSlash},

		{"parameters of a segment", "/cgi-bin/token;a=b", errPathAmbiguous},
		{"a bare semicolon", "/a;/b", errPathAmbiguous},
		{"an encoded semicolon", "/a%3bb", errPathAmbiguous},
		{"dots before a semicolon", "/a/..;/b", errPathAmbiguous},
		{"a percent sign encoded twice", "/cgi-bin/%2574oken", errPathAmbiguous},
		{"a slash encoded twice", "/cgi-bin%252ftoken", errPathAmbiguous},
		{"an encoded percent sign", "/a%25", errPathAmbiguous},
		{"an encoded question mark", "/cgi-bin/token%3fa", errPathAmbiguous},
		{"an encoded fragment", "/cgi-bin/token%23a", errPathAmbiguous},
		{"an encoded space", "/cgi-bin/token%20", errPathAmbiguous},
		{"an overlong slash", "/cgi-bin%c0%aftoken", errPathAmbiguous},
		{"a raw overlong slash", "/cgi-bin\xc0\xaftoken", errPathAmbiguous},
		{"an overlong slash of three bytes", "/cgi-bin%e0%80%aftoken", errPathAmbiguous},
		{"an overlong dot", "/%c0%ae%c0%ae/a", errPathAmbiguous},
		{"half a character", "/a%e4%bd", errPathAmbiguous},
		{"a path in GBK", "/%c4%e3", errPathAmbiguous},
		{"a token behind a semicolon", "/a?b;access_token=x", ErrBehindSemicolon},
		{"a token behind a semicolon in other letters", "/a?b=c;;Access%5fToken;d", ErrBehindSemicolon},
		{"an account behind a semicolon", "/a?b;from_appid=x", ErrBehindSemicolon},
		{"a token behind an HTML entity", "/a?b&amp;access_token=x", ErrBehindSemicolon},

		{"a dot segment", "/a/./b", errPathDots},
		{"two dots", "/a/../b", errPathDots},
		{"a dot at the end", "/a/.", errPathDots},
		{"two dots at the end", "/a/..", errPathDots},
		{"only two dots", "/..", errPathDots},
		{"two dots behind the account", "/@shop/../a", errPathDots},
		{"encoded dots", "/a/%2e%2e/b", errPathDots},
		{"one dot encoded", "/a/.%2E/b", errPathDots},
		{"an encoded dot", "/%2e/a", errPathDots},

		{"a space", "/a b", errTargetByte},
		{"a tab", "/a\tb", errTargetByte},
		{"a NUL", "/a\x00", errTargetByte},
		{"a DEL", "/a\x7f", errTargetByte},
		{"a fragment", "/a#b", errTargetByte},
		{"a fragment in the query", "/a?b#c", errTargetByte},
		{"a line feed in the query", "/a?b\nc", errTargetByte},
		{"an encoded NUL", "/a%00", errTargetByte},
		{"an encoded line feed", "/a%0A", errTargetByte},
		{"an encoded DEL", "/a%7f", errTargetByte},

		{"a percent sign at the end", "/a%", errPathPercentage},
		{"one digit", "/a%2", errPathPercentage},
		{"no digits", "/a%zz", errPathPercentage},
		{"one digit and a letter", "/a%2g", errPathPercentage},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var got Target
			if err := got.Parse([]byte(row.raw), rawtest.OwnHosts, accountkind.WeChat.TokenParameters); !errors.Is(err, row.want) {
				t.Errorf("parse(%q): got %v; want %v", row.raw, err, row.want)
			}
		})
	}
}

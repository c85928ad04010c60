package logged

import (
	"strings"
	"testing"
)

func TestALoggedPathShowsNoValueAndNothingThatLooksLikeAToken(t *testing.T) {
	secret, token := strings.Repeat("5f4dcc3b", 4), strings.Repeat("76_Ab-", 20)
	for _, row := range []struct{ name, path, want string }{
		{"one of WeChat's", "/cgi-bin/user/info", "/cgi-bin/user/info"},
		{"the root", "/", "/"},
		{"none", "", ""},
		{"a long one of short words", "/wxa/servicemarket/get_paid_order_list/business/performance/boot", "/wxa/servicemarket/get_paid_order_list/business/performance/boot"},
		{"an encoded letter", "/cgi-bin/%74oken", "/cgi-bin/%74oken"},
		{"a parameter behind '&'", "/p&access_token=x", "/p***"},
		{"a parameter behind ';'", "/p;access_token=x/y", "/p***"},
		{"a value", "/p/secret=x", "/p/secret***"},
		{"an encoded '?'", "/p%3faccess_token", "/p***"},
		{"an encoded '&'", "/p%26x", "/p***"},
		{"an encoded '='", "/secret%3Dx", "/secret***"},
		{"an encoded ';'", "/p%3Bx", "/p***"},
		{"an encoded '#'", "/p%23x", "/p***"},
		{"what is encoded twice", "/p%253fx", "/p***"},
		{"a token", "/a/" + token + "/b", "/a/***/b"},
		{"a virtual token", "//wxp_" + token, "//***"},
		{"an AppSecret", "/a/" + secret, "/a/***"},
		{"a token, encoded", "/a/" + strings.Repeat("%37", 40) + "/b", "/a/***/b"},
		{"a token between other bytes", "/\xff" + token + "\xff", "/\xff***\xff"},
		{"a broken escape", "/a%", "/a%"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Path([]byte(row.path), func([]byte) bool { return false }); got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestTheLastPathIsRememberedAsLongAsItIsTheSame(t *testing.T) {
	var last LastPath
	asked := 0
	isSecret := func(word []byte) bool { asked++; return string(word) == "hush" }
	for _, row := range []struct {
		path, want string
		isAsked    bool
	}{{"/a/b", "/a/b", true}, {"/a/b", "/a/b", false}, {"/a/hush", "/a/[hidden]", true}, {"/a/hush", "/a/[hidden]", true}, {"/a/b", "/a/b", false}} {
		asked = 0
		if got := last.Of([]byte(row.path), func(path []byte) string { return Path(path, isSecret) }); got != row.want || (asked > 0) != row.isAsked {
			t.Errorf("%s: got %s, asked %d times; want %s", row.path, got, asked, row.want)
		}
	}
}

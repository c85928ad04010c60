package proxy

import (
	"net/url"
	"strings"
	"testing"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/internal/target"
)

// readTarget has p read a target in the place of the one that x has read last.
func readTarget(t *testing.T, p *Proxy, x *exchange, raw string) error {
	t.Helper()
	ctx := bareCtx(t, rawtest.Get("/"))
	ctx.Request.Header.SetRequestURI(raw)
	x.begin(ctx, 0)
	if err := p.read(x); err != nil {
		return err
	}
	x.routeAs(p.likelyKind(x))
	return nil
}

// addressed returns the target that WeChat reads for a caller's target.
func addressed(t *testing.T, raw string, remove []string, add ...target.Parameter) string {
	t.Helper()
	p := New(config(nil))
	x := p.newExchange()
	if err := readTarget(t, p, x, raw); err != nil {
		t.Fatalf("read(%q): %v", raw, err)
	}
	x.address(remove, add...)
	return string(x.message.Target)
}

var ours = target.Parameter{Name: "access_token", Value: "OURS"}

func TestEverySpellingOfAccessTokenIsReplacedByOurs(t *testing.T) {
	rows := []struct{ name, query, want string }{
		{"no query", "", "?access_token=OURS"},
		{"an empty query", "?", "?access_token=OURS"},
		{"alone", "?access_token=x", "?access_token=OURS"},
		{"first", "?access_token=x&a=b", "?a=b&access_token=OURS"},
		{"in the middle", "?a=b&access_token=x&c=d", "?a=b&c=d&access_token=OURS"},
		{"last", "?a=b&access_token=x", "?a=b&access_token=OURS"},
		{"twice", "?access_token=x&a&access_token=y", "?a&access_token=OURS"},
		{"without a value", "?access_token&a", "?a&access_token=OURS"},
		{"with an empty value", "?access_token=&a", "?a&access_token=OURS"},
		{"in upper case", "?ACCESS_TOKEN=x", "?access_token=OURS"},
		{"in mixed case", "?Access_Token=x", "?access_token=OURS"},
		{"one letter encoded", "?%61ccess_token=x", "?access_token=OURS"},
		{"the underscore encoded", "?access%5ftoken=x", "?access_token=OURS"},
		{"an encoded capital", "?%41ccess_token=x", "?access_token=OURS"},
		{"all encoded", "?%61%63%63%65%73%73%5F%74%6f%6B%65%6e=x", "?access_token=OURS"},
		{"with an equals sign in its value", "?access_token=x=y&a", "?a&access_token=OURS"},
		{"ended by a NUL", "?access_token%00=x&a", "?a&access_token=OURS"},
		{"cut by a NUL", "?access_token%00b=x&a", "?a&access_token=OURS"},
		{"and from_appid with it", "?from_appid=wx1&a=b&From%5Fappid", "?a=b&access_token=OURS"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got := addressed(t, "/p"+row.query, accountkind.WeChat.TokenParameters, ours); got != "/p"+row.want {
				t.Errorf("got %q; want %q", got, "/p"+row.want)
			}
		})
	}
}

func TestNoAccessTokenGoesWhereTheAppSecretDoes(t *testing.T) {
	const query = "?access_token=x&js_code=1&Access%5fToken&secret=y&appid=z&from_appid=z"
	if got, want := addressed(t, "/p"+query, accountkind.WeChat.SecretParameters, ours), "/p?js_code=1&access_token=OURS"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestWhatTheProxySetsMayNotHideBehindASemicolon(t *testing.T) {
	for _, row := range []struct{ name, target, want string }{
		{"an AppSecret", "/sns/jscode2session?js_code=1;secret=x", "bad_request"},
		{"an AppSecret without a value", "/sns/jscode2session?js_code=1;a;SeCret", "bad_request"},
		{"an AppSecret of clear_quota", "/cgi-bin/clear_quota/v2?;appsecret=x", "bad_request"},
		{"an AppSecret where there is none", "/sns/oauth2/refresh_token?a=1;secret=x", "bad_request"},
		{"an AppID, encoded", "/sns/jscode2session?js_code=1;app%69d=x", "bad_request"},
		{"an account", "/sns/jscode2session?js_code=1;from_appid=x", "bad_request"},
		{"a token", "/sns/jscode2session?js_code=1;access_token=x", "bad_request"},
		{"behind one that is taken out", "/sns/jscode2session?secret=y;secret=x&js_code=1", ""},
		{"another parameter", "/sns/jscode2session?js_code=1;secrets=x;b", ""},
		{"an AppSecret where the proxy sets none", "/p?a=1;secret=x", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			u := &recorder{answers: []string{rawtest.OKBody}}
			ctx := handle(t, New(config(u)), rawtest.Get(row.target))
			if got := slugOf(ctx); got != row.want || len(u.got) == 0 != (row.want != "") {
				t.Errorf("got %q (%s) and %d requests at WeChat's; want %q", got, ctx.Response.Body(), len(u.got), row.want)
			}
		})
	}
}

func TestOtherParametersKeepTheirBytesAndTheirOrder(t *testing.T) {
	for _, query := range []string{
		"?pay_sig=%2b%2B+&b=%e4%BD%a0&a", "?&a", "?a&", "?a&&b", "?=x", "?==", "?a=access_token", "?a=access_token=x",
		"?access_tokens=x", "?xaccess_token=x", "?access_toke=x", "?access-token=x", "?access_token%20=x", "?access+token=x",
		"?%zz=1", "?access_token%=x", "?%2561ccess_token=x", "?\xff\xfe=\x80", "?cloudbase_access_token=x", "?a=1;b=2", "?a=?b", "?a;b_access_token=x", "?a=;access_tokens", "?%00access_token=x",
	} {
		want := "/p" + query + "&access_token=OURS"
		if got := addressed(t, "/p"+query, accountkind.WeChat.TokenParameters, ours); got != want {
			t.Errorf("%q: got %q; want %q", query, got, want)
		}
	}
}

func TestQueryWithoutOurParametersStaysAsItIs(t *testing.T) {
	for _, target := range []string{"/p", "/p?", "/p?a=b&", "/p?access_token=theirs"} {
		if got := addressed(t, target, accountkind.WeChat.OwnParameters); got != target {
			t.Errorf("got %q; want %q", got, target)
		}
	}
}

func TestParameterValuesAreEscapedWhereTheyMustBe(t *testing.T) {
	rows := []struct{ name, value, want string }{
		{"a token as WeChat issues them", "76_AbC-d_9.~", "76_AbC-d_9.~"},
		{"what would end the parameter", "a&b=c#d e%", "a%26b%3Dc%23d+e%25"},
		{"bytes above ASCII", "\xe4\xbd\xa0", "%E4%BD%A0"},
		{"line ends", "a\r\nb", "a%0D%0Ab"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			want := "/p?access_token=" + row.want
			if got := addressed(t, "/p", nil, target.Parameter{Name: "access_token", Value: row.value}); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}

// However a reader of the query decodes its segments, it finds one token, ours,
// and all the rest as the caller wrote it.
func FuzzTokenIsAlwaysOurs(f *testing.F) {
	for _, seed := range []string{
		"", "a=b", "access_token=x&a", "%61ccess_token=evil;access_token=y", "a&&access_token", "ACCESS%5FTOKEN=1&%zz=2",
		"&", "access_token=x&", "from_appid=1&b", "access_token%00=x", "ACCess_token%00%", "%%61ccess_token", "+access_token",
	} {
		f.Add(seed)
	}
	p := New(config(nil))
	f.Fuzz(func(t *testing.T, query string) {
		x := p.newExchange()
		if readTarget(t, p, x, "/p?"+query) != nil {
			return
		}
		var kept []string
		for segment := range strings.SplitSeq(query, "&") {
			if name := decodedName(segment); name != "access_token" && name != "from_appid" {
				kept = append(kept, segment)
			}
		}
		if len(kept) == 1 && kept[0] == "" {
			kept = nil
		}
		want := "/p?" + strings.Join(append(kept, "access_token=OURS"), "&")
		for _, before := range []string{"/p?" + query, "/p?a=b&access_token=x"} { // what is known of the last target
			for _, raw := range []string{before, "/p?" + query} {
				if err := readTarget(t, p, x, raw); err != nil {
					t.Fatalf("query %q behind %q: %v", query, before, err)
				}
				x.account = p.fallback
				x.addressWith("OURS")
			}
			if got := string(x.message.Target); got != want {
				t.Errorf("query %q behind %q: got %q; want %q", query, before, got, want)
			}
		}
	})
}

// decodedName is the name of a query segment up to a NUL, as net/url reads it, in
// lower case.
func decodedName(segment string) string {
	raw, _, _ := strings.Cut(segment, "=")
	raw, _, _ = strings.Cut(raw, "%00")
	name, err := url.QueryUnescape(raw)
	if err != nil {
		return raw
	}
	return asciiLower(name)
}

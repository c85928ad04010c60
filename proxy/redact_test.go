package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// Credentials of the account shop, as long as WeChat's.
const (
	tokenNow    = "55_Im7xQz0Wn3k-Lp8RtYbVcAaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVv"
	tokenBefore = "54_Zz9yXw8vUt7-sRq6pOn5mLk4jIh3gFe2dCb1aZz9yXw8vUt7sRq6pOn5mLk4jIh3g"
	appSecret   = "0123456789abcdeffedcba9876543210"
)

// quoting is a configuration for an account with those credentials.
func quoting(u Upstream) Config {
	a := shop()
	a.Tokens = &fixedTokens{token: tokenNow, replacement: tokenNow}
	a.Secret = func() (string, error) { return appSecret, nil }
	a.Known = func(dst []string) []string { return append(dst, tokenNow, tokenBefore, appSecret, "") }
	return config(u, a)
}

// ofLength is an answer with a status, lines of a header, and a body.
func ofLength(status, fields, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s", status, fields, len(body), body)
}

func inParts(status, body string) string {
	half := len(body) / 2
	return fmt.Sprintf("HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", status, half, body[:half], len(body)-half, body[half:])
}

func TestNoAnswerQuotesACredential(t *testing.T) {
	t.Parallel()
	const app, secretPath = "/cgi-bin/user/info", "/sns/jscode2session"
	spelled := func(format, value string) string {
		var b strings.Builder
		for i := range len(value) {
			fmt.Fprintf(&b, format, value[i])
		}
		return b.String()
	}
	var wide []byte
	for _, c := range utf16.Encode([]rune(`{"errmsg":"` + tokenNow + `"}`)) {
		wide = append(wide, byte(c), byte(c>>8))
	}
	gzip, page := "Content-Encoding: gzip\r\n", strings.Repeat("<p>Not here.</p>", 2000)
	rows := []struct{ name, path, answer, want string }{ // want is somewhere in the answer
		{"Location", app, ofLength("302 Found", "Location: https://w.example/x?access_token="+tokenNow+"&a=b\r\n", ""), "Location: https://w.example/x?access_token=***&a=b\r\n"},
		{"Content-Location, of a stream", app, inParts("200 OK\r\nContent-Location: /x?access_token="+tokenNow, "no JSON"), "Content-Location: /x?access_token=***\r\n"},
		{"Link, of what fasthttp reads", app, ofLength("200 OK", "Keep-Alive: x\r\nConnection: x\r\nLink: </x?t="+tokenNow+">; rel=next\r\nLink: 2\r\n", "{}"), "Link: </x?t=***>; rel=next\r\nLink: 2\r\n"},
		{"Refresh, with the AppSecret", secretPath, ofLength("200 OK", "Refresh: 0; url=/?secret="+appSecret+"\r\n", "{}"), "Refresh: 0; url=/?secret=***\r\n"},
		{"Set-Cookie", app, ofLength("200 OK", "Set-Cookie: a=1\r\nSet-Cookie: t="+tokenNow+"; Path=/\r\nSet-Cookie: b=2\r\n", "{}"), "Set-Cookie: a=1\r\nSet-Cookie: t=***; Path=/\r\nSet-Cookie: b=2\r\n"},
		{"any header, twice encoded", app, ofLength("200 OK", "X-Debug: "+url.QueryEscape(spelled("%%%02X", tokenNow))+"\r\n", "{}"), "X-Debug: ***\r\n"},
		{"Server-Timing", app, ofLength("200 OK", `Server-Timing: gw;desc="/x?access_token=`+tokenNow+"\"\r\n", "{}"), `Server-Timing: gw;desc="/x?access_token=***"` + "\r\n"},
		{"a header behind interim answers", app, "HTTP/1.1 100 Continue\r\nX-Debug: " + tokenNow + "\r\n\r\n" + ofLength("200 OK", "X-Debug: "+tokenNow+"\r\n", "{}"), "X-Debug: ***\r\n"},
		{"a header's name", app, ofLength("200 OK", "X-"+appSecret+": 1\r\n", "{}"), "X-***: 1\r\n"},
		{"the reason", app, ofLength("404 No "+tokenNow, "", "{}"), "404 No ***\r\n"},
		{"a header of an answer without body", app, "HTTP/1.1 204 No Content\r\nX-Debug: " + tokenNow + "\r\n\r\n", "X-Debug: ***\r\n"},

		{"JSON", app, rawtest.Answered(`{"errcode":47001,"errmsg":"` + tokenNow + `"}`), `{"errcode":47001,"errmsg":"***"}`},
		{"JSON, with low lines escaped", app, rawtest.Answered(`{"errmsg":"` + strings.ReplaceAll(tokenNow, "_", `\u005f`) + `"}`), `{"errmsg":"***"}`},
		{"JSON that comes in parts", app, inParts("200 OK", `{"a":"/x?access_token=`+tokenNow+`\u0026b"}`), `{"a":"/x?access_token=***\u0026b"}`},
		{"an array", app, rawtest.Answered(`["` + tokenBefore + `"]`), `["***"]`},
		{"the token before", app, rawtest.Answered(`{"errmsg":"` + tokenBefore + `"}`), `{"errmsg":"***"}`},
		{"the AppSecret, where none was sent", app, rawtest.Answered(`{"errmsg":"` + strings.ToUpper(appSecret) + `"}`), `{"errmsg":"***"}`},
		{"JSON that is packed", app, ofLength("200 OK", gzip, gzipped(`{"errmsg":"`+tokenNow+`"}`)), `{"errmsg":"***"}`},
		{"JSON that is packed in silence", app, rawtest.Answered(gzipped(`{"errmsg":"` + tokenNow + `"}`)), `{"errmsg":"***"}`},

		{"an array that comes in parts", app, inParts("200 OK", `[{"a":"`+tokenNow+`"}]`), `[{"a":"***"}]`},
		{"JSON behind a byte order mark", app, inParts("200 OK", "\ufeff {\"a\":\""+tokenNow+`"}`), `{"a":"***"}`},
		{"JSON that says it is packed", app, ofLength("200 OK", gzip, `{"errmsg":"`+tokenNow+`"}`), `{"errmsg":"***"}`},
		{"JSON that says it is packed otherwise", app, ofLength("200 OK", "Content-Encoding: br\r\n", `{"errmsg":"`+tokenNow+`"}`), `{"errmsg":"***"}`},
		{"text", app, rawtest.Answered("access_token=" + tokenNow), "access_token=***"},
		{"text that comes in parts", app, inParts("200 OK", "access_token="+tokenNow), "access_token=***"},
		{"an error page", app, ofLength("500 Oops", "", "<p>GET /x?access_token="+tokenNow+"</p>"), "<p>GET /x?access_token=***</p>"},
		{"an error page in parts", app, inParts("503 Busy", page+tokenNow), page + "***"},
		{"an error page up to the end", app, "HTTP/1.1 500 Oops\r\n\r\n" + page + tokenNow, page + "***"},
		{"XML", app, ofLength("500 Oops", "", "<t>"+spelled("&#%d;", tokenNow)+"</t>"), "<t>***</t>"},
		{"single quotes and another name", app, ofLength("400 Bad", "", "{'credential':'"+tokenNow+"'}"), "{'credential':'***'}"},
		{"an error that is packed twice", app, ofLength("500 Oops", gzip, gzipped(gzipped("x "+tokenNow))), "x ***"},
		{"an error that is packed in silence", app, ofLength("500 Oops", "", gzipped("x "+tokenNow)), "x ***"},
		{"an error that cannot be unpacked", app, ofLength("500 Oops", "Content-Encoding: br\r\n", "x "+tokenNow), "Content-Length: 0\r\n"},
		{"an error that is packed badly", app, ofLength("500 Oops", "", gzipped("x " + tokenNow)[:30]), "Content-Length: 0\r\n"},
		{"an error that is too long", app, inParts("500 Oops", page+page+page+tokenNow), "Content-Length: 0\r\n"},
		{"an error in UTF-16", app, ofLength("500 Oops", "", string(wide)), "***"},
		{"a redirection's page", app, ofLength("301 Moved", "", `<a href="/x?secret=`+appSecret+`">`), `<a href="/x?secret=***">`},

		{"class secret", secretPath, rawtest.Answered(`{"errcode":40013,"errmsg":"secret=` + appSecret + `"}`), `{"errcode":40013,"errmsg":"secret=***"}`},
		{"class secret, long", secretPath, inParts("200 OK", page+appSecret), page + "***"},
		{"class secret, too long", secretPath, inParts("200 OK", page+page+page+appSecret), "bad_gateway_or_upstream"},
		{"class secret, with the token", secretPath, rawtest.Answered(tokenNow), "***"},
		{"class user", "/sns/userinfo", rawtest.Answered(`{"errmsg":"` + tokenBefore + `"}`), `{"errmsg":"***"}`},
		{"rid/get, of a query alone", accountkind.WeChat.QuotingPath, rawtest.Answered(`{"request_url":"access_token=other123&code=c1&ticket=t1&openid=o1","errcode":0}`), `{"request_url":"access_token=***&code=c1&ticket=***&openid=o1","errcode":0}`},
		{"rid/get, of another token", accountkind.WeChat.QuotingPath, rawtest.Answered(`{"request_url":"access_token\u003dother123\u0026a=` + tokenNow + `"}`), `{"request_url":"access_token\u003d***\u0026a=***"}`},
	}
	for _, plain := range []bool{false, true} {
		for _, row := range rows {
			t.Run(fmt.Sprint(row.name, ", plain_io ", plain), func(t *testing.T) {
				t.Parallel()
				var log rawtest.Journal
				c := quoting(hostsAt(t, func(c *upstream.HostsConfig) { c.PlainIO = c.PlainIO || plain }, rawtest.StartRaw(t, rawtest.Once(row.answer)).URL))
				c.Log = slog.New(slog.NewTextHandler(&log, nil))
				limits := defaultLimits
				limits.PlainIO = plain
				a := serve(t, c, limits).dial(t).Call(rawtest.Get(row.path))
				got := a.Head + a.Body
				if row.want == "bad_gateway_or_upstream" {
					row.want = "Wxproxy-Error: upstream_unreachable\r\n"
				} else if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "account=shop path="+row.path) {
					t.Errorf("the log says %q; want one warning", log.String())
				}
				if !strings.Contains(got, row.want) {
					t.Errorf("got %.400q; want %.100q in it", got, row.want)
				}
				for _, value := range []string{tokenNow, tokenBefore, appSecret} {
					if strings.Contains(got+log.String(), value) {
						t.Errorf("%.400q and the log %q hold %s", got, log.String(), value)
					}
				}
				if bytes.Contains([]byte(got), wide) {
					t.Error("the answer holds the token in UTF-16")
				}
			})
		}
	}
}

// JSON that is short is searched however it comes, with a length and without.
func TestShortJSONThatComesSlowlyIsSearched(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, answer, want string }{
		{"an array", ofLength("200 OK", "", `["`+tokenNow+`"]`), `["***"]`},
		{"a byte order mark", ofLength("200 OK", "", "\ufeff{\"a\":\""+tokenNow+`"}`), "\ufeff{\"a\":\"***\"}"},
		{"what says it is packed", ofLength("200 OK", "Content-Encoding: gzip\r\n", `["`+tokenNow+`"]`), `["***"]`},
		{"an array without a length", "HTTP/1.1 200 OK\r\n\r\n [\"" + tokenNow + `"]`, ` ["***"]`},
		{"a byte order mark without a length", "HTTP/1.1 200 OK\r\n\r\n\ufeff[\"" + tokenNow + `"]`, "\ufeff[\"***\"]"},
		{"what is packed, without a length", "HTTP/1.1 200 OK\r\n\r\n" + gzipped(`["`+tokenNow+`"]`), `["***"]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := rawtest.StartRaw(t, func(c net.Conn, _ string) bool {
				for i := range len(row.answer) {
					if _, err := io.WriteString(c, row.answer[i:i+1]); err != nil {
						return false
					}
					runtime.Gosched()
				}
				return false
			})
			if a := serve(t, quoting(hostsAt(t, nil, w.URL)), defaultLimits).dial(t).Call(rawtest.Get("/p")); a.Body != row.want {
				t.Errorf("got %q; want %q", a.Head+a.Body, row.want)
			}
		})
	}
}

func TestAnswersThatQuoteNothingStayAsTheyAre(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("aB3-", 40)
	for _, answer := range []string{
		rawtest.Answered(`{"media_id":"` + long + `","url":"https:\/\/w.example\/%E5%BC%A0?a=1&b=2\u0026"}`),
		ofLength("200 OK", "Content-Encoding: gzip\r\n", gzipped(`{"media_id":"`+long+`"}`)),
		ofLength("200 OK", "Content-Encoding: br\r\nX-Long: "+long+"\r\n", "?"+long),
		ofLength("500 Oops", "Content-Encoding: gzip\r\n", gzipped(long)),
		ofLength("404 Not Found", "", "<p>"+long+"</p>"),
		rawtest.Answered(gzipped(long)), rawtest.Answered(gzipped(long)[:20]), ofLength("500 Oops", "", ""),
	} {
		var log rawtest.Journal
		c := quoting(hostsAt(t, nil, rawtest.StartRaw(t, rawtest.Once(answer)).URL))
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		a := serve(t, c, defaultLimits).dial(t).Call(rawtest.Get("/p"))
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		if a.Body != body || log.String() != "" {
			t.Errorf("got %q and the log %q; want %q", a.Body, log.String(), body)
		}
		for line := range strings.SplitSeq(head, "\r\n") {
			if !strings.Contains(a.Head, line+"\r\n") {
				t.Errorf("got %q without %q", a.Head, line)
			}
		}
	}
}

// The Content-Length of an answer to HEAD is that of the answer to a GET, packed or not.
func TestAnswersToHeadQuoteNothingEither(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Always("HTTP/1.1 500 Oops\r\nContent-Encoding: gzip\r\nX-Debug: "+tokenNow+"\r\nContent-Length: 99\r\n\r\n"))
	a := serve(t, quoting(hostsAt(t, nil, w.URL)), defaultLimits).dial(t).Call("HEAD /p HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []string{"X-Debug: ***\r\n", "Content-Length: 99\r\n", "Content-Encoding: gzip\r\n"} {
		if !strings.Contains(a.Head, want) {
			t.Errorf("got %q; want %q in it", a.Head, want)
		}
	}
}

// Interim answers, trailers and what goes with the parts of a body end here.
func TestWhatSurroundsAnAnswerQuotesNothing(t *testing.T) {
	t.Parallel()
	quote := "Link: </x?access_token=" + tokenNow + ">; rel=preload\r\n"
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
	for name, answer := range map[string]string{
		"100":                        "HTTP/1.1 100 Continue\r\n" + quote + "\r\n" + rawtest.Answered("{}"),
		"102 and 103":                "HTTP/1.1 102 Processing\r\n" + quote + "\r\nHTTP/1.1 103 Early Hints\r\n" + quote + "\r\n" + rawtest.Answered("{}"),
		"103, its reason":            "HTTP/1.1 103 " + tokenNow + "\r\n\r\n" + rawtest.Answered("{}"),
		"a trailer":                  chunked + "\r\n2\r\n{}\r\n0\r\n" + quote + "\r\n",
		"a trailer that is told":     chunked + "Trailer: Link\r\n\r\n2\r\n{}\r\n0\r\n" + quote + "\r\n",
		"a trailer's name":           chunked + "Trailer: X-" + appSecret + "\r\n\r\n2\r\n{}\r\n0\r\nX-" + appSecret + ": 1\r\n\r\n",
		"a trailer of what streams":  chunked + "\r\n2\r\n<>\r\n0\r\n" + quote + "\r\n",
		"a trailer of an error":      "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + quote + "\r\n",
		"an extension of a part":     chunked + "\r\n2;t=" + tokenNow + "\r\n{}\r\n0;t=" + tokenNow + "\r\n\r\n",
		"Connection and what is its": "HTTP/1.1 200 OK\r\nConnection: X-Debug\r\nX-Debug: " + tokenNow + "\r\nKeep-Alive: " + tokenNow + "\r\nContent-Length: 2\r\n\r\n{}",
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", plain_io ", plain), func(t *testing.T) {
				t.Parallel()
				c := quoting(hostsAt(t, func(c *upstream.HostsConfig) { c.PlainIO = c.PlainIO || plain }, rawtest.StartRaw(t, rawtest.Once(answer)).URL))
				limits := defaultLimits
				limits.PlainIO = plain
				conn := serve(t, c, limits).dial(t)
				conn.Send(strings.Replace(rawtest.Get("/p"), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
				all, err := io.ReadAll(conn.R)
				got := string(all)
				if err != nil || strings.Contains(got, tokenNow) || strings.Contains(got, appSecret) || strings.Contains(got, "HTTP/1.1 1") {
					t.Errorf("got %q, %v; want nothing of an interim answer, a trailer or a credential", got, err)
				}
				if !strings.Contains(got, "{}") && !strings.Contains(got, "<>") {
					t.Errorf("got %q without the body", got)
				}
			})
		}
	}
}

func TestQuotesAreLoggedOnceAMinute(t *testing.T) {
	var log rawtest.Journal
	c := quoting(&recorder{answers: []string{`{"errmsg":"` + tokenNow + `"}`}})
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	p := New(c)
	for range 5 {
		handle(t, p, rawtest.Get("/p"))
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("got %d warnings; want 1: %s", n, log.String())
	}
}

// A header of 16 KiB costs as much as it is long, not the square of that.
func TestAHeaderOfManyLinesIsCleanedInOneGo(t *testing.T) {
	work := func(lines int) time.Duration {
		best := time.Hour
		for range 5 {
			x := answering(tokenNow)
			for i := range lines {
				x.ctx.Response.Header.Add([]string{"a", "b", "te"}[i%3], "1")
			}
			began := time.Now()
			if err := x.proxy.filterHeader(x); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(began))
		}
		return best
	}
	if few, many := work(100), work(3200); many > 250*few {
		t.Errorf("3,200 lines take %v, 100 take %v; want about 32 times that", many, few)
	}
}

func TestAnAnswerWhoseConnectionNamesTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	w := rawtest.StartRaw(t, rawtest.Once(ofLength("200 OK", "Connection: "+strings.Repeat("a,", maxOptions)+"b\r\n", "{}")))
	if a := through(t, w).dial(t).Call(rawtest.Get("/p")); a.Status() != 502 {
		t.Errorf("got %q; want 502", a.Head)
	}
}

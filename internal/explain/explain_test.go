package explain

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"wxproxy/internal/meanings"
)

func TestWhatIsPastedIsUnderstood(t *testing.T) {
	for _, c := range []struct {
		name, text string
		codes      []int
		rid        string
		address    string
		isWeCom    bool
	}{
		{"a number", "40001", []int{40001}, "", "", false},
		{"a negative one", "-50301", []int{-50301}, "", "", false},
		{"busy", "-1", []int{-1}, "", "", false},
		{"with the word", "errcode 40001", []int{40001}, "", "", false},
		{"with an equals sign", "errcode=40001", []int{40001}, "", "", false},
		{"in Chinese", "错误码：40164", []int{40164}, "", "", false},
		{"several", "40001 42001,48001，40001", []int{40001, 42001, 48001}, "", "", false},
		{"a range", "40001-40014", []int{40001, 40014}, "", "", false},
		{"a range behind the word", "errcode 40001-40014", []int{40001, 40014}, "", "", false},
		{"a date", "2026-11-29", []int{2026}, "", "", false},
		{"colours", "\x1b[34;1m\"errcode\"\x1b[0m\x1b[39m:\x1b[0m \x1b[33m40164\x1b[0m", []int{40164}, "", "", false},
		{"colours that lost their escape", "^[[1m\"errcode\"[0m:[33m40164[0m", []int{40164}, "", "", false},
		{"an unknown one", "12345", []int{12345}, "", "", false},
		{"an answer", `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 655d9278-1a2b3c4d-00aa11bb"}`, []int{40001}, "655d9278-1a2b3c4d-00aa11bb", "", false},
		{"the errcode is not the first member", `{"ip_list":[], "errcode" : 42001, "errmsg":"access_token expired"}`, []int{42001}, "", "", false},
		{"the errcode is a string", `{"errcode":"40029"}`, []int{40029}, "", "", false},
		{"an answer in an answer", `{"errcode":0,"request":{"response_body":"{\"errcode\":48001}"}}`, []int{0, 48001}, "", "", false},
		{"camels", `{"errCode":43108,"errMsg":"openapi.subscribeMessage.send:fail"}`, []int{43108}, "", "", false},
		{"headers", "HTTP/1.1 200 OK\r\nRetKey: 11\r\nLogicRet: 40001\r\n", []int{40001}, "", "", false},
		{"an errmsg of wxproxy's", "wxproxy: token_unavailable: no access token for account shop: WeChat answered errcode 40125: invalid appsecret rid: 655d9278-1a2b", []int{40125}, "655d9278-1a2b", "", false},
		{"an address", "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 62bd3be0-1a2b3c4d-00", []int{40164}, "62bd3be0-1a2b3c4d-00", "1.2.3.4", false},
		{"an address of version 6", "errcode 61004 requestIP: 2001:db8::1", []int{61004}, "", "2001:db8::1", false},
		{"WeCom's", `{"errcode":60020,"errmsg":"not allow to access from your ip, hint: [1614140502_160_3d52], from ip: 203.0.113.9, more info at https://open.work.weixin.qq.com/devtool/query?e=60020"}`, []int{60020}, "", "203.0.113.9", true},
		{"WeCom's words alone", "invalid credential, hint: [1614140502_160_3d52], from ip: 203.0.113.9, more info at https://open.work.weixin.qq.com/devtool/query?e=40001", []int{40001}, "", "203.0.113.9", true},
		{"an errmsg alone", "invalid credential, access_token is invalid or not latest rid: 655d9278-1a2b3c4d", []int{40001}, "655d9278-1a2b3c4d", "", false},
		{"in other letters", "API unauthorized", []int{48001}, "", "", false},
		{"an errmsg that two have", "invalid url", []int{40066}, "", "", false},
		{"the log", `time=2026-11-29T13:20:33Z level=WARN msg="token not refreshed" account=shop errcode=45009 errmsg="reach max api daily quota limit"`, []int{45009}, "", "", false},
		{"the header of wxproxy's errors", "Wxproxy-Error: forbidden_path", []int{-40301}, "", "", false},
		{"a known number in a sentence", "why do I get 40164 at 13:20 on 2026-11-29?", []int{40164}, "", "", false},
		{"a rid alone", "rid: 655d9278-1a2b3c4d-00aa11bb", nil, "655d9278-1a2b3c4d-00aa11bb", "", false},
		{"no errcode", "hello", nil, "", "", false},
		{"a number that is none", "errcode 99999999999999999999", nil, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readQuestion(c.text, false)
			if !slices.Equal(got.codes, c.codes) || got.rid != c.rid || got.address != c.address || got.isWeCom != c.isWeCom {
				t.Errorf("got %+v; want %+v", got, c)
			}
		})
	}
}

func explained(t *testing.T, r Reader, text string) (said string, err error) {
	t.Helper()
	var out strings.Builder
	r.Out, r.Err = &out, &out
	err = r.Explain(text)
	if said = out.String(); strings.Contains(said, "%!") || strings.Contains(said, "{ip}") {
		t.Errorf("got %s; want whole sentences", said)
	}
	return said, err
}

func TestAnErrcodeIsExplainedInTheReadersLanguage(t *testing.T) {
	for _, c := range []struct {
		name, text string
		reader     Reader
		has        []string
		lacks      string
		unknown    bool
	}{
		{"at WeChat", "40001", Reader{}, []string{"40001 (WeChat): the access token is not valid", "what to do: ", "when wxproxy asks for a token: check that secret", "what wxproxy does: ", "once more", "source: https://developers.weixin.qq.com/", "at WeCom, 40001 means: the secret is wrong", "wxproxy explain -wecom 40001"}, "", false},
		{"at WeCom", "40001", Reader{WeCom: true}, []string{"40001 (WeCom): the secret is wrong", "at WeChat, 40001 means: ", "(wxproxy explain 40001)", "5 minutes"}, "get another token", false},
		{"in Chinese", "40001", Reader{Chinese: true}, []string{"40001（微信）：access_token 无效", "处理办法：", "wxproxy 获取 token 时：", "wxproxy 的处理：", "出处：https://", "企业微信的 40001 表示：secret 不正确"}, "what to do", false},
		{"busy is the same everywhere", "-1", Reader{}, []string{"-1 (WeChat): WeChat is busy"}, "WeCom", false},
		{"wxproxy's own", "-50300", Reader{}, []string{"-50300 (wxproxy): token_unavailable", "last_error"}, "WeCom, ", false},
		{"WeCom's without the flag", "60020", Reader{}, []string{"60020 is not in the list of WeChat; it is WeCom's:", "60020 (WeCom): this machine's IP address", "put this machine's public IP address on"}, "", false},
		{"WeChat's with the flag", "61023", Reader{WeCom: true}, []string{"61023 is not in the list of WeCom; it is WeChat's:", "61023 (WeChat)", "from api_authorizer_token: "}, "", false},
		{"the address that was refused", "errcode 61004: access clientip is not registered requestIP: 203.0.113.9 rid: 655d9278-1a2b", Reader{}, []string{"put 203.0.113.9 on", "rid 655d9278-1a2b: ", `{"rid":"655d9278-1a2b"}`, "/cgi-bin/openapi/rid/get"}, "this machine's public", false},
		{"unknown", "99999", Reader{}, []string{"99999: wxproxy does not know this errcode", "developers.weixin.qq.com", "developer.work.weixin.qq.com", "query?e=99999"}, "what to do", true},
		{"one of two is unknown", "40001 99999", Reader{}, []string{"40001 (WeChat)", "\n\n99999: wxproxy does not know"}, "", true},
		{"unknown, in Chinese", "99999", Reader{Chinese: true}, []string{"99999：wxproxy 不认识这个错误码"}, "", true},
		{"one of ours that is not", "-49999", Reader{}, []string{"-49999: wxproxy does not know"}, "", true},
		{"a status", "http_502", Reader{}, []string{"http_502: the answer has no errcode, and the HTTP status 502: Bad Gateway", "call again later"}, "There is no errcode", false},
		{"a status of the caller's", "http_405", Reader{Chinese: true}, []string{"http_405：应答没有错误码", "请求的方法"}, "其中没有错误码", false},
		{"nothing", "hello", Reader{}, []string{"There is no errcode in this"}, "", true},
		{"nothing, in Chinese", "你好", Reader{Chinese: true}, []string{"其中没有错误码"}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := explained(t, c.reader, c.text)
			if (err != nil) != c.unknown || c.unknown && !errors.Is(err, ErrUnknown) {
				t.Errorf("got %v; want unknown: %v", err, c.unknown)
			}
			for _, has := range c.has {
				if !strings.Contains(got, has) {
					t.Errorf("got %s; want %q", got, has)
				}
			}
			if c.lacks != "" && strings.Contains(got, c.lacks) {
				t.Errorf("got %s; want no %q", got, c.lacks)
			}
		})
	}
}

// Every errcode of the tables is explained in whole sentences, in both languages.
func TestWhatIsNoExplanationGoesElsewhere(t *testing.T) {
	var out, problems strings.Builder
	err := Reader{Out: &out, Err: &problems}.Explain("hello")
	if !errors.Is(err, ErrUnknown) || out.String() != "" || !strings.HasPrefix(problems.String(), "There is no errcode") {
		t.Errorf("got %q and %q, %v; want nothing but the complaint", &out, &problems, err)
	}
}

func TestEveryErrcodeIsExplained(t *testing.T) {
	for _, kind := range []meanings.Kind{meanings.WeChat, meanings.WeCom, meanings.Own} {
		for row := range kind.All() {
			if row.Situation != meanings.Anywhere {
				continue
			}
			code := strconv.Itoa(row.Code)
			for _, chinese := range []bool{false, true} {
				said, err := explained(t, Reader{Chinese: chinese, WeCom: kind == meanings.WeCom}, code)
				meaning := row.Meaning
				if chinese {
					meaning = row.MeaningZH
				}
				if err != nil || !strings.HasPrefix(said, code) || !strings.Contains(said, meaning) || strings.Contains(said, "\t") {
					t.Errorf("%s: got %q, %v; want %s", code, said, err, meaning)
				}
			}
		}
	}
}

func TestMoreThanTwentyErrcodesAreLeftOut(t *testing.T) {
	var text strings.Builder
	for range 3 {
		for code := range 100 {
			text.WriteString(" errcode 400" + string(rune('0'+code/10)) + string(rune('0'+code%10)))
		}
	}
	if got := readQuestion(text.String(), false).codes; len(got) != mostCodes {
		t.Errorf("got %d errcodes; want %d", len(got), mostCodes)
	}
}

// Whatever is pasted, what is found stands in it, is bounded, and can be explained.
func FuzzPasted(f *testing.F) {
	for _, text := range []string{
		"40001", "-1", "errcode: -50301", `{"errcode":40001,"errmsg":"rid: 655d9278-1a2b"}`, `{\"errcode\":\"42001\"}`, "invalid credential", "e=40001", "?e=60020 from ip: 203.0.113.9",
		"::ffff:1.2.3.4", "错误码 40164，rid=aaaa-bbbb", "40001,,,42001", "errcode errcode errcode", "-", "--1", "\xff\xfe40001", "rid: 655d%s-1a2b",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, isWeCom bool) {
		q := readQuestion(text, isWeCom)
		if len(q.codes) > mostCodes || !strings.Contains(text, q.rid) || strings.ContainsFunc(q.rid, func(r rune) bool { return !unicode.Is(unicode.ASCII_Hex_Digit, r) && r != '-' }) {
			t.Fatalf("got %+v", q)
		}
		if q.isWeCom != isWeCom && !strings.Contains(text, "weixin.qq.com") {
			t.Fatalf("got %+v", q)
		}
		_ = Reader{Out: io.Discard, Err: io.Discard, WeCom: isWeCom}.Explain(text)
		if said, err := explained(t, Reader{WeCom: isWeCom, Chinese: true}, text); said == "" || err != nil && !errors.Is(err, ErrUnknown) {
			t.Fatalf("got %q, %v", said, err)
		}
	})
}

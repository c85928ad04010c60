package secret

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

const token, mask = "50_Im7-xQz0Wn3kLp8RtYbVc", "***"

// spellings are ways in which an answer may quote a value.
var spellings = map[string]func(value string) string{
	"plain":                       func(v string) string { return v },
	"upper case":                  strings.ToUpper,
	"percent-encoded":             encoded("%%%02x"),
	"percent-encoded, capitals":   encoded("%%%02X"),
	"doubly percent-encoded":      encoded("%%25%02x"),
	"trebly percent-encoded":      encoded("%%2525%02X"),
	"in a URL of a URL":           func(v string) string { return url.QueryEscape(url.QueryEscape(v)) },
	"escaped for JSON":            encoded(`\u%04x`),
	"escaped for JSON, capitals":  encoded(`\u%04X`),
	"escaped for JSON in JSON":    encoded(`\\u%04x`),
	"escaped for a script":        encoded(`\x%02x`),
	"escaped in octal":            encoded(`\%03o`),
	"escaped for XML":             encoded("&#%d;"),
	"escaped for XML with zeros":  encoded("&#%05d;"),
	"escaped for XML, hex":        encoded("&#x%x;"),
	"escaped for XML, capitals":   encoded("&#X%X;"),
	"escaped for XML twice":       encoded("&amp;#x%x;"),
	"escaped for XML in JSON":     encoded(`\u0026#x%x;`),
	"JSON in a URL":               encoded("%%5Cu%04x"),
	"the low line for JSON alone": replaced("_", `\u005f`),
	"the low line for a URL":      replaced("_", "%5F"),
	"the low line by its name":    replaced("_", "&lowbar;"),
	"the hyphen for XML":          replaced("-", "&#45;"),
	"both as in Markdown":         func(v string) string { return replaced("-", `\-`)(replaced("_", `\_`)(v)) },
	"UTF-16, little-endian":       wide(func(c uint16) []byte { return []byte{byte(c), byte(c >> 8)} }),
	"UTF-16, big-endian":          wide(func(c uint16) []byte { return []byte{byte(c >> 8), byte(c)} }),
	"UTF-16, percent-encoded": func(v string) string {
		return wide(func(c uint16) []byte { return []byte{byte(c), 0} })(encoded("%%%02x")(v))
	},
	"every other byte escaped": func(v string) string {
		var b strings.Builder
		for i := range len(v) {
			b.WriteString([]string{v[i : i+1], encoded("%%%02x")(v[i : i+1])}[i%2])
		}
		return b.String()
	},
}

func encoded(format string) func(string) string {
	return func(value string) string {
		var b strings.Builder
		for i := range len(value) {
			fmt.Fprintf(&b, format, value[i])
		}
		return b.String()
	}
}

func replaced(from, to string) func(string) string {
	return func(v string) string { return strings.ReplaceAll(v, from, to) }
}

func wide(unit func(uint16) []byte) func(string) string {
	return func(value string) string {
		var b []byte
		for _, c := range utf16.Encode([]rune(value)) {
			b = append(b, unit(c)...)
		}
		return string(b)
	}
}

func TestAValueIsReplacedHoweverItIsSpelled(t *testing.T) {
	for name, spell := range spellings {
		for _, frame := range []string{"%s", `{"errmsg":"/x?a=%%&access_token=%s&b=%%2"}`, "<t>%s</t>", "{'other':'%s'}", `{"a\\":"%s"}`, "100%% %s,%[1]s"} {
			spelled := spell(token)
			text := fmt.Sprintf(frame, spelled)
			want := fmt.Sprintf(frame, mask)
			got, found := new(Searcher).Replace([]byte(text), mask, []string{"another-value", token})
			if !found || strings.Trim(string(got), "\x00") != strings.Trim(want, "\x00") && !strings.Contains(name, "UTF-16") {
				t.Errorf("%s: got %q, %v; want %q", name, got, found, want)
			}
			if strings.Contains(string(got), spelled) {
				t.Errorf("%s: %q still holds the value", name, got)
			}
			if !MayHold([]byte(text), Least(token)) {
				t.Errorf("%s: %q is not even looked at", name, text)
			}
		}
	}
}

func TestWhatIsNoCredentialStaysAsItIs(t *testing.T) {
	for _, text := range []string{
		"", "{}", `{"errcode":0,"errmsg":"ok"}`, `{"access_token":"another","scope":"snsapi_base"}`, "%", `\`, "&", "&#", "&#x", `\u00`, "%4", "\x00",
		token[:len(token)-1], "100%zz \\u4e2d&nbsp;&#20013;", url.QueryEscape(token[1:]),
	} {
		got, found := new(Searcher).Replace([]byte(text), mask, []string{token, ""})
		if found || string(got) != text {
			t.Errorf("got %q, %v; want %q as it is", got, found, text)
		}
	}
}

func TestSeveralValuesAreReplacedWhereTheyOverlap(t *testing.T) {
	got, _ := new(Searcher).Replace([]byte("1 abcdefghij 2 efghijklmn 3 abcdefghijklmn abcdefgh"), mask, []string{"abcdefghij", "efghijklmn", "abcdefgh"})
	if want := "1 *** 2 *** 3 *** ***"; string(got) != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestWhatStandsBehindACredentialsNameIsRedacted(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`/x?a=1&access_token=abc123&b=2`, `/x?a=1&access_token=***&b=2`},
		{`access_token\u003dabc123`, `access_token\u003d***`},
		{`access\u005ftoken\u003d\u0061bc123"`, `access\u005ftoken\u003d***"`},
		{`%3FACCESS_TOKEN%3Dabc123%26b`, `%3FACCESS_TOKEN%3D***%26b`},
		{`%253Faccess_token%253Dabc123%2526b`, `%253Faccess_token%253D***%2526b`},
		{`{"appsecret": "abc123"}`, `{"appsecret": "***"}`},
		{`{\"secret\":\"abc123\"}`, `{\"secret\":\"***\"}`},
		{`{\\\"secret\\\":\\\"abc123\\\"}`, `{\\\"secret\\\":\\\"***\\\"}`},
		{`{'component_access_token' : 'abc123'}`, `{'component_access_token' : '***'}`},
		{`<access_token>abc123</access_token>`, `<access_token>***</access_token>`},
		{`<secret><![CDATA[abc123]]></secret>`, `<secret><![CDATA[***]]></secret>`},
		{`&lt;secret&gt;abc123&lt;/secret&gt;`, `&lt;secret&gt;***&lt;/secret&gt;`},
		{`secret="abc123" x`, `secret="***" x`},
		{`&quot;refresh_token&quot;:&quot;abc123&quot;`, `&quot;refresh_token&quot;:&quot;***&quot;`},
		{`access_token=abc123&code=abc123&ticket=abc123&openid=o1`, `access_token=***&code=abc123&ticket=***&openid=o1`},
		{`{\"sessionKey\":\"abc123\",\"permanent_code\":\"abc123\"}`, `{\"sessionKey\":\"***\",\"permanent_code\":\"***\"}`},
		{`{"errcode":40029,"code":"ok"} errcode=40001`, `{"errcode":40029,"code":"ok"} errcode=40001`},
		{`secret=***&b=2`, `secret=***&b=2`},
		{`reading the secret: open /run/x: permission denied`, `reading the secret: open /run/x: permission denied`},
		{`invalid access_token, rid: 655d9278`, `invalid access_token, rid: 655d9278`},
	} {
		if got := string(Redact([]byte(row.text), mask, nil)); got != row.want {
			t.Errorf("%s: got %s; want %s", row.text, got, row.want)
		}
	}
}

func FuzzAValueIsFoundInWhateverSpellings(f *testing.F) {
	f.Add(token, uint64(1), "x", "y")
	f.Add("abc.def~ghi_j", uint64(7), `\`, "%")
	f.Fuzz(func(t *testing.T, value string, seed uint64, before, after string) {
		for _, c := range []byte(value) {
			if !spells[c] || strings.IndexByte("%\\&#;\x00", c) >= 0 {
				return // no token has such a byte
			}
		}
		if len(value) < 6 || len(value) > 200 {
			return // no token has such a length
		}
		random := rand.New(rand.NewPCG(seed, seed))
		formats := []string{"%c", "%%%02x", "%%25%02X", `\u%04x`, `\\u%04X`, "&#%d;", "&amp;#x%X;"}
		var spelled strings.Builder
		for _, c := range []byte(value) {
			fmt.Fprintf(&spelled, formats[random.IntN(len(formats))], c)
		}
		text := before + " " + spelled.String() + " " + after
		got, found := new(Searcher).Replace([]byte(text), mask, []string{value})
		if !found || strings.Contains(string(got), spelled.String()) {
			t.Errorf("got %q, %v for %q", got, found, text)
		}
		if !MayHold([]byte(text), Least(value)) {
			t.Errorf("%q is not even looked at", text)
		}
		again, found := new(Searcher).Replace(got, "", []string{value})
		if found && string(again) == string(got) {
			t.Errorf("%q: found, and left", got)
		}
	})
}

func BenchmarkMayHold(b *testing.B) {
	head := []byte("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json; encoding=utf-8\r\n" +
		"Date: Sat, 28 Nov 2026 18:17:28 GMT\r\nContent-Length: 27\r\nServer: nginx\r\nLogicRet: 0\r\nRetKey: 14\r\n\r\n")
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		if MayHold(head, 32) {
			b.Fatal("there is no long word")
		}
	}
}

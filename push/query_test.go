package push

import (
	"net/url"
	"strings"
	"testing"
)

func TestParametersOfAQuery(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "", "a=": "", "a=1": "1", "b=2&a=1": "1", "a=1&a=2": "1", "a=1=2": "1=2", "a=%20%2B+": " ++", "a=%zz": "", "A=1": "", "%61=1": "", "aa=1": "", "&&a=1&": "1", "a=1;a=2": "1;a=2",
	} {
		if got := query(text).get("a"); got != want {
			t.Errorf("%s: got %q; want %q", text, got, want)
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("signature=f464&timestamp=1&nonce=2&echostr=a%2Bb", "echostr")
	f.Fuzz(func(t *testing.T, text, name string) {
		got := query(text).get(name)
		if name == "" || strings.ContainsAny(name, "&=%+;") || strings.ContainsAny(text, "+;") {
			return
		}
		if values, err := url.ParseQuery(text); err == nil && got != values.Get(name) && !strings.Contains(text, "%") {
			t.Errorf("got %q; package url finds %q", got, values.Get(name))
		}
	})
}

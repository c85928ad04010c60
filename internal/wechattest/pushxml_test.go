package wechattest

import (
	"errors"
	"testing"
)

func TestMembersAreThoseOfTheOutermostElement(t *testing.T) {
	for text, want := range map[string]string{
		"<xml><Content>a</Content></xml>":                                                       "a",
		" <?xml version=\"1.0\"?>\n<xml>\n<Content>a</Content>\n</xml>\n":                       "a",
		"<xml><Content><![CDATA[<a>&lt;]]></Content></xml>":                                     "<a>&lt;",
		"<xml><Content>&lt;a&gt; &amp;&#39;&#x4f60;</Content></xml>":                            "<a> &'你",
		"<xml><Content><![CDATA[a]]]]><![CDATA[>b]]></Content></xml>":                           "a]]>b",
		"<xml><Content/></xml>":                                                                 "",
		"<xml><Content>a<b>inside</b>c</Content><item/></xml>":                                  "ac",
		"<xml><Articles><item><Content>x</Content></item></Articles><Content>a</Content></xml>": "a",
	} {
		if got, err := Members([]byte(text)); err != nil || got["Content"] != want {
			t.Errorf("%s: got %q, %v; want %q", text, got["Content"], err, want)
		}
	}
	for text, want := range map[string]error{
		"":                                  errSyntax,
		"hello":                             errSyntax,
		"<html></html>":                     errSyntax,
		"<xml>":                             errSyntax,
		"</xml>":                            errSyntax,
		"<xml></xml><xml></xml>":            errSyntax,
		"<xml></xml>x":                      errSyntax,
		"<xml><a></b></xml>":                errSyntax,
		"<xml><a b='c'></a></xml>":          errSyntax,
		"<xml><![CDATA[a</xml>":             errSyntax,
		"<![CDATA[a]]>":                     errSyntax,
		"<!DOCTYPE xml><xml></xml>":         errSyntax,
		"<xml><a":                           errSyntax,
		"<xml><a>1</a><a>1</a></xml>":       errTwice,
		"<xml><></></xml>":                  errSyntax,
		"<?xml version=\"1.0\" <xml></xml>": errSyntax,
	} {
		if got, err := Members([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%s: got %q, %v; want %v", text, got, err, want)
		}
	}
}

func FuzzMembers(f *testing.F) {
	for _, text := range []string{"<xml><a>1</a></xml>", "<xml><a><![CDATA[1]]></a><b/></xml>", "]]>", "<xml>&#x41;</xml>", "</a>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Members([]byte(text))
		written := Callback{}.write([]member{{"ToUserName", "a"}, {"Content", text}})
		if got, err := Members(written); err != nil || got["Content"] != text {
			t.Errorf("got %q, %v; want %q", got["Content"], err, text)
		}
	})
}

package language

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

func TestATextIsSaidInBothLanguages(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	for _, row := range []struct {
		name             string
		err              error
		english, chinese string
	}{
		{"a phrase", Phrase("must be larger than zero"), "must be larger than zero", "必须大于零"},
		{"a text with a value", Textf("must be at most %s", "5m"), "must be at most 5m", "最多为 5m"},
		{"a text in another order", Textf("%s of %s", "proxy.listen", "b.toml"), "proxy.listen of b.toml", "b.toml 中的 proxy.listen"},
		{"a text in a text", Textf("is %s; write %s", Phrase("a text"), Textf("a list of %s: [...]", Phrase("numbers"))), "is a text; write a list of numbers: [...]", "是文本；应写成由数字组成的列表：[...]"},
		{"a value that is like a phrase", Textf("there is no account %s", "nothing"), "there is no account nothing", "没有账号 nothing"},
		{"an error of the system", Textf("cannot be read: %v", missing), "cannot be read: open x: file does not exist", "无法读取：open x：文件不存在"},
		{"an error of no text", fmt.Errorf("reading the file: %w", missing.Err), "reading the file: file does not exist", "reading the file：文件不存在"},
		{"errors that are joined", errors.Join(Phrase("is too large"), Phrase("must not be negative")), "is too large\nmust not be negative", "太大\n不能为负"},
		{"an error of package flag", Textf("wxproxy %s: %w; wxproxy help lists the flags", "check", errors.New("flag provided but not defined: -dead")),
			"wxproxy check: flag provided but not defined: -dead; wxproxy help lists the flags", "wxproxy check：没有这个参数：-dead；wxproxy help 列出所有参数"},
		{"what nobody has written in Chinese", errors.New("xyzzy"), "xyzzy", "xyzzy"},
	} {
		if got := In(English, row.err); got != row.english || row.err.Error() != got {
			t.Errorf("%s: got %q; want %q", row.name, got, row.english)
		}
		if got := In(Chinese, row.err); got != row.chinese {
			t.Errorf("%s: got %q; want %q", row.name, got, row.chinese)
		}
	}
}

func TestATextWrapsWhatItsFormatSays(t *testing.T) {
	if err := error(Textf("reading the file: %w", os.ErrNotExist)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("got an error that is not the one in it")
	}
	if err := error(Textf("cannot be read: %v", os.ErrNotExist)); errors.Is(err, fs.ErrNotExist) {
		t.Error("got the one in it; want that nothing is wrapped")
	}
}

func TestAChainOfErrorsIsSaidPartByPart(t *testing.T) {
	const text = "asking WeChat for a token: the upstream cannot be reached: http://127.0.0.1:9: connecting: dial tcp 127.0.0.1:9: connect: connection refused"
	if got, want := Chinese.Chain(text), "向微信获取 token：无法连接微信接入点：http://127.0.0.1:9：建立连接：dial tcp 127.0.0.1:9：连接：连接被拒绝"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got := English.Chain(text); got != text {
		t.Errorf("got %q; want it as it is", got)
	}
}

func TestAChainSaysEachHost(t *testing.T) {
	const text = "the upstream cannot be reached: https://a.invalid: looking up its addresses: lookup a.invalid on 10.0.0.1:53: no such host; https://b.invalid: connecting: 10.0.0.2:443: connect: connection refused; [fd00::1]:443: connect: connection refused; https://c.invalid: the proxy 127.0.0.1:3128 answers with something of its own where c.invalid:443 should be; …"
	const want = "无法连接微信接入点：https://a.invalid：查询其地址：通过 10.0.0.1:53 解析 a.invalid：没有这个主机；https://b.invalid：建立连接：10.0.0.2:443：连接：连接被拒绝；[fd00::1]:443：连接：连接被拒绝；https://c.invalid：代理 127.0.0.1:3128 没有连到 c.invalid:443，而是返回了自己的内容；…"
	if got := Chinese.Chain(text); got != want {
		t.Errorf("got\n%s; want\n%s", got, want)
	}
}

// Between Chinese words there is no space, unless the words are somebody's.
func TestWhereChineseWordsMeetThereIsNoSpace(t *testing.T) {
	all, paths := Phrase("every account"), Phrase("every path")
	for _, c := range []struct {
		client        string
		account, path any
		want          string
	}{
		{"shop", all, paths, "shop 可以用所有账号调用所有路径"},
		{"shop", "默认", "/cgi-bin/*", "shop 可以用 默认 调用 /cgi-bin/*"},
	} {
		if got := Chinese.Sprintf("%s may use %s for %s", c.client, c.account, c.path); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
	}
}

func TestTheLanguageIsThatOfTheLocale(t *testing.T) {
	of := func(locale string) Language {
		return Of(func(name string) string { return map[string]string{"LANG": locale}[name] })
	}
	if of("zh_CN.UTF-8") != Chinese || of("en_US.UTF-8") != English || of("") != English {
		t.Error("got another language")
	}
}

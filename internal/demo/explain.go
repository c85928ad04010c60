package demo

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"wxproxy/config"
)

// ofFlag returns a mistake in the address for callers under the name of the flag that gives it.
func ofFlag(err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	for i := range problems {
		if problems[i].Key == "WXPROXY_LISTEN" {
			problems[i].Where, problems[i].Key = "wxproxy demo", "-listen"
		}
	}
	return problems
}

// Explain writes what to call.
func (d *Demo) Explain(out io.Writer) {
	format, chinese, arguments := d.side.text()
	if d.settings.IsChinese {
		format = chinese
	}
	if d.settings.Fail == failIP || d.settings.Fail == failSecret {
		format = withoutToken(format)
	}
	all := []any{"http://" + d.service.Address().String(), "http://" + d.service.AdminAddress().String(), d.pushURL(), d.url}
	fmt.Fprintf(out, format, append(all, arguments...)...)
	said := func(english, chinese string, arguments ...any) {
		if d.settings.IsChinese {
			english = chinese
		}
		fmt.Fprintf(out, english, arguments...)
	}
	if d.settings.Address != "" {
		said(ownText, ownTextChinese, d.side.accounts())
	}
	if d.settings.Fail != "" {
		said(failTexts[d.settings.Fail].english, failTexts[d.settings.Fail].chinese)
	}
	said("Ctrl-C ends the demo.\n\n", "按 Ctrl-C 结束演示。\n\n")
}

const (
	ownText = `To try a configuration of your own against it, in another terminal: these lines in a file, and
wxproxy -config FILE.

%s
`
	ownTextChinese = `要用自己的配置来试：在另一个终端里，把下面几行写进一个文件，再运行 wxproxy -config FILE。

%s
`
)

// withoutToken returns what there is to try while nobody gets a token: of a text, the heading and
// the calls, which come first, and where to look, which comes last.
func withoutToken(text string) string {
	parts := strings.Split(text, "\n\n")
	const first, last = 2, 3 // the last is empty
	return strings.Join(append(parts[:first:first], parts[len(parts)-last:]...), "\n\n")
}

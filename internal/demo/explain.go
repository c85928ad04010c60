package demo

import (
	"fmt"
	"io"
)

// Explain writes what to call.
func (d *Demo) Explain(out io.Writer) {
	format, arguments := d.side.text(d.settings.IsChinese)
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

package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wxproxy/accountkind"
	"wxproxy/internal/meanings"
)

var updateErrcodes = flag.Bool("update-errcodes", false, "write docs/errcodes.md and docs/errcodes.zh-CN.md anew")

// An errcodePage is docs/errcodes.md in one language.
type errcodePage struct {
	path, top, head string
	headings        [3]string
	machine         string // what stands for the address that the other side objects to
	text            func(meanings.Row) (meaning, remedy string)
}

var errcodePages = []errcodePage{
	{
		path: "docs/errcodes.md",
		top: `# Errcodes

[中文](errcodes.zh-CN.md)

What the errcodes of WeChat, WeCom and wxproxy mean, and what to do about them: the same table that the log, ` + "`/status`" + `, the page and ` + "`wxproxy explain`" + ` speak from.

` + "```sh" + `
wxproxy explain 40001
wxproxy explain -wecom 40001
wxproxy explain '{"errcode":61023,"errmsg":"refresh_token is invalid rid: 655d9278-1a2b3c4d-00"}'
` + "```" + `

The same number means other things at WeChat and at WeCom. A number that is a link leads to where its meaning is from; all others are from the list above their table.
Why there is no token or ticket, by errcode, is in [troubleshooting.md](troubleshooting.md).
`,
		head:     "| errcode | `errmsg` | meaning | what to do |\n|---|---|---|---|\n",
		headings: [3]string{"WeChat", "WeCom", "wxproxy"},
		machine:  "this machine's public IP address",
		text:     func(r meanings.Row) (string, string) { return r.Meaning, r.Remedy },
	},
	{
		path: "docs/errcodes.zh-CN.md",
		top: `# 错误码

[English](errcodes.md)

微信、企业微信和 wxproxy 的错误码（errcode）的含义和处理办法：日志、` + "`/status`" + `、页面和 ` + "`wxproxy explain`" + ` 用的是同一张表。

` + "```sh" + `
wxproxy explain 40001
wxproxy explain -wecom 40001
wxproxy explain '{"errcode":61023,"errmsg":"refresh_token is invalid rid: 655d9278-1a2b3c4d-00"}'
` + "```" + `

同一个数字在微信和企业微信的含义不同。带链接的数字指向其出处，其余的出自各表上方的官方列表。
为什么没有 token 或 ticket，按错误码见 [troubleshooting.zh-CN.md](troubleshooting.zh-CN.md)。
`,
		head:     "| 错误码 | `errmsg` | 含义 | 处理办法 |\n|---|---|---|---|\n",
		headings: [3]string{"微信", "企业微信", "wxproxy"},
		machine:  "本机的公网 IP",
		text:     func(r meanings.Row) (string, string) { return r.MeaningZH, r.RemedyZH },
	},
}

// whole returns the page as the table has it.
func (p errcodePage) whole() string {
	var page strings.Builder
	page.WriteString(p.top)
	for i, kind := range []meanings.Kind{meanings.WeChat, meanings.WeCom, meanings.Own} {
		fmt.Fprintf(&page, "\n## %s\n\n", p.headings[i])
		if kind != meanings.Own {
			fmt.Fprintf(&page, "<%s>\n\n", kind.List())
		}
		page.WriteString(p.head)
		line := ""
		for row := range kind.All() {
			meaning, remedy := p.text(row)
			remedy = meanings.WithAddress(remedy, p.machine)
			switch row.Situation {
			case meanings.Anywhere:
				page.WriteString(line)
				code, errmsg := strconv.Itoa(row.Code), ""
				if row.Source != "list" {
					code = "[" + code + "](" + row.Source + ")"
				}
				if row.Errmsg != "" {
					errmsg = "`" + row.Errmsg + "`"
				}
				line = fmt.Sprintf("| %s | %s | %s | %s |\n", code, errmsg, meaning, remedy)
			case meanings.Wxproxy:
				line = strings.TrimSuffix(line, " |\n") + "<br>**wxproxy:** " + remedy + " |\n"
			}
		}
		page.WriteString(line)
	}
	return page.String()
}

func TestTheErrcodesInTheDocumentsAreThoseOfTheTable(t *testing.T) {
	for _, p := range errcodePages {
		if *updateErrcodes {
			if err := os.WriteFile(p.path, []byte(p.whole()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := read(t, p.path); got != p.whole() {
			t.Errorf("%s is not what the table says; update it with: go test ./e2e -run %s -update-errcodes", p.path, t.Name())
		}
	}
}

// The errors that the proxy itself answers are those that wxproxy explain knows, by the same
// names.
func TestEveryErrorOfTheProxyIsExplained(t *testing.T) {
	n := 0
	for range meanings.Own.All() {
		n++
	}
	problems := regexp.MustCompile(`problem\{fasthttp\.Status\w+, (-\d+), "(\w+)"\}`).FindAllStringSubmatch(read(t, "proxy/errors.go"), -1)
	if len(problems) != n {
		t.Errorf("got %d; want the %d of proxy/errors.go", n, len(problems))
	}
	for _, p := range problems {
		code, err := strconv.Atoi(p[1])
		if err != nil {
			t.Fatal(err)
		}
		row, _ := meanings.Own.Find(code, meanings.Anywhere)
		if !strings.HasPrefix(row.Meaning, p[2]+": ") || !strings.HasPrefix(row.MeaningZH, p[2]+"：") {
			t.Errorf("%d: got %+v; want %s", code, row, p[2])
		}
	}
}

// What wxproxy does itself on an errcode is said of each on which it does something.
func TestWhatWxproxyDoesOnAnErrcodeIsExplained(t *testing.T) {
	for kind, errcodes := range map[meanings.Kind][][]int{
		meanings.WeChat: {accountkind.WeChat.TokenErrcodes, accountkind.WeChat.ReportedErrcodes, accountkind.WeChat.Platform.TokenErrcodes},
		meanings.WeCom:  {accountkind.WeCom.TokenErrcodes, accountkind.WeCom.ReportedErrcodes},
	} {
		for _, list := range errcodes {
			for _, errcode := range list {
				if _, ok := kind.Find(errcode, meanings.Wxproxy); !ok {
					t.Errorf("kind %d, %d: got nothing of what wxproxy does", kind, errcode)
				}
			}
		}
	}
}

// The program that users have, in the language of its reader.
func TestTheProgramExplainsErrcodes(t *testing.T) {
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	const answer = `{"errcode":60020,"errmsg":"not allow to access from your ip, hint: [1614140502_160_3d52], from ip: 203.0.113.9, more info at https://open.work.weixin.qq.com/devtool/query?e=60020"}`
	for _, c := range []struct {
		name, language, input string
		args                  []string
		code                  int
		has                   string
	}{
		{"English", "LANG=en_US.UTF-8", "", []string{"40164"}, 0, "40164 (WeChat): this machine's IP address is not on the account's allow-list\n  what to do: put "},
		{"Chinese", "LANG=zh_CN.UTF-8", "", []string{"40164"}, 0, "40164（微信）：本机 IP 不在该账号的白名单中\n  处理办法："},
		{"LC_ALL before LANG", "LC_ALL=C", "", []string{"40164"}, 0, "40164 (WeChat)"},
		{"WeCom's", "LC_MESSAGES=zh_CN.UTF-8", "", []string{"40001", "-wecom"}, 0, "40001（企业微信）：secret 不正确"},
		{"an answer", "LANG=C", "", []string{answer}, 0, "put 203.0.113.9 on the application's list"},
		{"standard input", "LANG=zh", answer, []string{"-"}, 0, "请把 203.0.113.9 加入"},
		{"unknown", "LANG=C", "", []string{"99999"}, 1, "wxproxy does not know this errcode"},
		{"nothing", "LANG=C", "", nil, 2, "usage: wxproxy explain [-wecom] CODE..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var printed bytes.Buffer
			command := exec.Command(path, append([]string{"explain"}, c.args...)...)
			command.Env = []string{c.language}
			command.Stdin, command.Stdout, command.Stderr = strings.NewReader(c.input), &printed, &printed
			_ = command.Run() // the code is looked at
			if code := command.ProcessState.ExitCode(); code != c.code || !strings.Contains(printed.String(), c.has) {
				t.Errorf("got %d, %s; want %d, %q", code, printed.String(), c.code, c.has)
			}
		})
	}
}

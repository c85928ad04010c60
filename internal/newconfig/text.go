package newconfig

import (
	"fmt"
	"strings"
	"unicode"

	"wxproxy/config"
)

// text returns the configuration.
func (a *account) text() string {
	var text strings.Builder
	text.WriteString(a.language.Sprintf("# Made by wxproxy init. Every setting: docs/configuration.md, docs/configuration.zh-CN.md.\n\n"))
	text.WriteString(a.way())
	fmt.Fprintf(&text, "[[account]]\nname = %s\n", quoted(name))
	if a.kind == config.WeCom {
		fmt.Fprintf(&text, "kind = %s\ncorp_id = %s\n", quoted(a.kind.String()), quoted(a.id))
		if a.agentID != "" {
			fmt.Fprintf(&text, "agent_id = %s\n", a.agentID)
		}
	} else {
		fmt.Fprintf(&text, "app_id = %s\n", quoted(a.id))
	}
	if a.secretFile != "" {
		fmt.Fprintf(&text, "secret_file = %s\n", quoted(a.secretFile))
	} else {
		fmt.Fprintf(&text, "secret = %s\n", quoted(a.secret.Reveal()))
	}
	return text.String()
}

// way returns the table of what leads to WeChat or WeCom, if that is no other than it says.
func (a *account) way() string {
	settings := ""
	if a.upstream != "" {
		settings += "url = " + quoted(a.upstream) + "\n"
	}
	if !a.proxy.Empty() {
		settings += "proxy = " + quoted(a.proxy.Reveal()) + "\n"
	}
	if settings == "" {
		return ""
	}
	return "[" + a.kind.Section() + "]\n" + settings + "\n"
}

// quoted returns a text as TOML has it, which knows fewer escapes than Go.
func quoted(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '"', r == '\\':
			out.WriteString(`\` + string(r))
		case unicode.IsControl(r):
			out.WriteString(`\u` + fmt.Sprintf("%04X", r))
		default:
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

package language

import (
	"regexp"
	"strings"
)

// Chain returns an error's text, in which colons join what was being done and why it came
// to nothing, and semicolons what became of several hosts or addresses: each part in the
// language, as far as it is known there.
func (l Language) Chain(text string) string {
	if whole := translated(text); l == English || whole != text {
		return Phrase(text).In(l)
	}
	links, isKnown := links(text), false
	for i, link := range links {
		parts := strings.Split(link, ": ")
		for j, part := range parts {
			parts[j] = ofProxy(ofLookup(translated(part)))
			isKnown = isKnown || parts[j] != part
		}
		links[i] = strings.Join(parts, "：")
	}
	if !isKnown {
		return text
	}
	return strings.Join(links, "；")
}

// links cuts a chain before each further host, address or proxy in it.
func links(text string) (found []string) {
	begins := regexp.MustCompile(`; (https?://|\[?[0-9a-f]*[.:][0-9a-f:.]+\]?:[0-9]+: |…$)`)
	for {
		at := begins.FindStringIndex(text)
		if at == nil {
			return append(found, text)
		}
		found, text = append(found, text[:at[0]]), text[at[0]+len("; "):]
	}
}

// ofLookup returns in Chinese the part of a chain that says which name was looked up, and
// others as they are.
func ofLookup(part string) string {
	switch found := regexp.MustCompile(`^lookup (\S+)(?: on (\S+))?$`).FindStringSubmatch(part); {
	case found == nil:
		return part
	case found[2] == "":
		return "解析 " + found[1]
	default:
		return "通过 " + found[2] + " 解析 " + found[1]
	}
}

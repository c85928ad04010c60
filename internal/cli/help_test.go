package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxproxy/internal/language"
)

// The help of all commands and that of each one have the same flags.
func TestTheHelpOfACommandHasItsFlags(t *testing.T) {
	for command, text := range details {
		flagsIn := regexp.MustCompile(`(?m)^  -[a-z-]+(?: [A-Z]+)?`)
		if got, want := flagsIn.FindAllString(detailsChinese[command], -1), flagsIn.FindAllString(text, -1); !slices.Equal(got, want) {
			t.Errorf("%s: got words about %q in Chinese; want %q", command, got, want)
		}
		usages := regexp.MustCompile(`wxproxy \[?` + command + `\b.*`)
		if got, want := usages.FindString(detailsChinese[command]), usages.FindString(text); got != want {
			t.Errorf("%s: got %q in Chinese; want %q", command, got, want)
		}
		line := regexp.MustCompile(`(?m)^  ` + command + ` .*$`).FindString(usage(language.English))
		if line == "" {
			t.Errorf("got no line about %s in the help; want one", command)
		}
		flags := regexp.MustCompile(`(?:\[| {2,}|^)(-[a-z-]+)`)
		for _, flag := range flags.FindAllStringSubmatch(line, -1) {
			if !regexp.MustCompile(`(?m)^  ` + flag[1] + `\b`).MatchString(text) {
				t.Errorf("%s: got no words about %s", command, flag[1])
			}
		}
		for _, flag := range regexp.MustCompile(`(?m)^  (-[a-z-]+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(line, "["+flag[1]) {
				t.Errorf("%s: got words about %s, which the help of all does not have", command, flag[1])
			}
		}
	}
}

// The help in Chinese lists the same commands with the same flags.
func TestTheHelpSpeaksChinese(t *testing.T) {
	for _, c := range subcommands(new(options)) {
		if language.Phrase(c.does).In(language.Chinese) == c.does {
			t.Errorf("%s: there is no Chinese for %q", c.name, c.does)
		}
		_, isEnglish := details[c.name]
		if _, isChinese := detailsChinese[c.name]; isEnglish != isChinese {
			t.Errorf("%s: got a page in Chinese: %v; want %v, as in English", c.name, isChinese, isEnglish)
		}
	}
	words := regexp.MustCompile(`\[-[a-z-]+|WXPROXY_[A-Z_]+|[A-Z]{4,}`)
	if got, want := words.FindAllString(usage(language.Chinese), -1), words.FindAllString(usage(language.English), -1); !slices.Equal(slices.Compact(slices.Sorted(slices.Values(got))), slices.Compact(slices.Sorted(slices.Values(want)))) {
		t.Errorf("got %q; want %q", got, want)
	}
}

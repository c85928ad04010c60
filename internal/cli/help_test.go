package cli

import (
	"regexp"
	"strings"
	"testing"
)

// The help of all commands and that of each one have the same flags.
func TestTheHelpOfACommandHasItsFlags(t *testing.T) {
	for command, text := range details {
		line := regexp.MustCompile(`(?m)^  ` + command + ` .*$`).FindString(usage())
		if line == "" {
			t.Errorf("got no line about %s in the help; want one", command)
		}
		flags := regexp.MustCompile(`(?:\[| {2,}|^)(-[a-z]+)`)
		for _, flag := range flags.FindAllStringSubmatch(line, -1) {
			if !regexp.MustCompile(`(?m)^  ` + flag[1] + `\b`).MatchString(text) {
				t.Errorf("%s: got no words about %s", command, flag[1])
			}
		}
		for _, flag := range regexp.MustCompile(`(?m)^  (-[a-z]+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(line, "["+flag[1]) {
				t.Errorf("%s: got words about %s, which the help of all does not have", command, flag[1])
			}
		}
	}
}

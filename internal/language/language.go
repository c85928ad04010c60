// Package language says in which of its two languages the command line talks to its reader.
package language

import "strings"

// IsChinese reports whether the reader has chosen Chinese in the environment. As POSIX has
// it, the first of LC_ALL, LC_MESSAGES and LANG that is not empty decides.
func IsChinese(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := getenv(name); value != "" {
			return strings.HasPrefix(strings.ToLower(value), "zh")
		}
	}
	return false
}

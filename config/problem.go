package config

import "strings"

// Problem is one mistake in the configuration. Tables that may be repeated are
// counted from one: account[2] is the second [[account]] of the file.
type Problem struct {
	Where string // the file, or "environment"
	Key   string // the setting, as "account[2].secret", or the variable; may be empty
	Text  string // what is wrong and what would be right; never a secret
}

// Error returns the mistake as one line.
func (p Problem) Error() string {
	if p.Key == "" {
		return p.Where + ": " + p.Text
	}
	return p.Where + ": " + p.Key + ": " + p.Text
}

// Problems are all the mistakes of one configuration, at least one.
type Problems []Problem

// Error returns one line per mistake.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

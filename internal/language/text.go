package language

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Language is one that people read.
type Language int

// The languages. English is also that of logs, and of answers to programs.
const (
	English Language = iota
	Chinese
)

// Of returns the language that the reader has chosen in the environment.
func Of(getenv func(string) string) Language {
	if IsChinese(getenv) {
		return Chinese
	}
	return English
}

// Sprintf is like [fmt.Sprintf]. It takes the English format, and says in the language
// also what else of this package, or which errors, are among args.
func (l Language) Sprintf(format string, args ...any) string {
	if l == English {
		return fmt.Sprintf(format, args...)
	}
	said := make([]any, len(args))
	for i, arg := range args {
		said[i] = arg
		switch arg := arg.(type) {
		case *Text:
			said[i] = inserted(arg.In(l))
		case Phrase:
			said[i] = inserted(arg.In(l))
		case error:
			said[i] = In(l, arg)
		}
	}
	return meet(fmt.Sprintf(translated(format), said...))
}

// edge stands where a text that is inserted into another one begins and ends.
const edge = "\x00"

func inserted(text string) string { return edge + text + edge }

// meet takes the edges away, and the spaces that stand there for a name, where Chinese words
// meet: those have none between them.
func meet(text string) string {
	if !strings.Contains(text, edge) {
		return text
	}
	text = regexp.MustCompile(`(\p{Han}) (\x00+\p{Han})`).ReplaceAllString(text, "$1$2")
	text = regexp.MustCompile(`(\p{Han}\x00+) (\p{Han})`).ReplaceAllString(text, "$1$2")
	text = regexp.MustCompile(`？(\x00+)；`).ReplaceAllString(text, "？$1") // which ends a sentence itself
	return strings.ReplaceAll(text, edge, "")
}

// translated returns what the catalogue has for an English text, else the text itself.
func translated(english string) string {
	for _, table := range catalogue() {
		if chinese, ok := table[english]; ok {
			return chinese
		}
	}
	return english
}

// A Phrase is an English text without anything to fill in.
type Phrase string

// Error returns it as it is. A Phrase may be an error.
func (p Phrase) Error() string { return string(p) }

// In returns it in a language.
func (p Phrase) In(l Language) string {
	if l == English {
		return string(p)
	}
	return translated(string(p))
}

// A Text is an English format with what belongs into it, for a language that is known
// later. It may be an error.
type Text struct {
	format string
	args   []any
}

// Textf returns a Text. The format may have %w for an error that it wraps.
func Textf(format string, args ...any) *Text {
	if false {
		_ = fmt.Errorf(format, args...) // so that go vet looks at the arguments
	}
	return &Text{format, args}
}

// Error returns it in English.
func (t *Text) Error() string { return t.In(English) }

// In returns it in a language.
func (t *Text) In(l Language) string {
	return l.Sprintf(strings.ReplaceAll(t.format, "%w", "%v"), t.args...)
}

// Unwrap returns the errors that it wraps.
func (t *Text) Unwrap() (wrapped []error) {
	if !strings.Contains(t.format, "%w") {
		return nil
	}
	for _, arg := range t.args {
		if err, ok := arg.(error); ok {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

// In returns what err says in a language: as far as it is known there, else in English.
func In(l Language, err error) string {
	if l == English {
		return err.Error()
	}
	if one, ok := err.(interface{ In(Language) string }); ok {
		return one.In(l)
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok && isJoined(err, several.Unwrap()) {
		var lines []string
		for _, one := range several.Unwrap() {
			lines = append(lines, In(l, one))
		}
		return strings.Join(lines, "\n")
	}
	if inner := errors.Unwrap(err); inner != nil {
		if before, ok := strings.CutSuffix(err.Error(), inner.Error()); ok {
			return prefix(before) + In(l, inner)
		}
	}
	return l.Chain(err.Error())
}

// prefix returns what an error has before the one that it wraps, "reading it: " perhaps.
func prefix(before string) string {
	if text, ok := strings.CutSuffix(before, ": "); ok {
		return translated(text) + "："
	}
	return before
}

// isJoined reports whether err is what [errors.Join] has made of all.
func isJoined(err error, all []error) bool {
	var lines []string
	for _, one := range all {
		lines = append(lines, one.Error())
	}
	return err.Error() == strings.Join(lines, "\n")
}

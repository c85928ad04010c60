package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"wxproxy/internal/explain"
	"wxproxy/internal/language"
	"wxproxy/internal/service"
)

// longestQuestion is how much of standard input is looked at.
const longestQuestion = 64 << 10

func runExplain(o options, t terminal) error {
	text := strings.Join(o.names, " ")
	if text == "-" {
		read, err := io.ReadAll(io.LimitReader(os.Stdin, longestQuestion))
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
		text = string(read)
	}
	if strings.TrimSpace(text) == "" {
		help, _ := helpFor("explain", t.language)
		return service.MistakeError{Err: errors.New(strings.TrimSpace(help))}
	}
	err := explain.Reader{Out: t.out, Err: t.err, Chinese: language.IsChinese(os.Getenv), WeCom: o.wecom}.Explain(text)
	if errors.Is(err, explain.ErrUnknown) {
		return service.LoggedError{Err: err} // what was written says so
	}
	return err
}

// flagsFirst returns args with the flags in front: errcodes stand before them, too, and the
// negative ones are no flags.
func flagsFirst(args []string) []string {
	isFlag := func(arg string) bool {
		name := strings.TrimLeft(arg, "-")
		return name != arg && name != "" && strings.Trim(name[:1], "0123456789") != ""
	}
	flags := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !isFlag(arg) })
	return append(append(flags, "--"), slices.DeleteFunc(slices.Clone(args), isFlag)...)
}

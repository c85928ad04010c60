package newconfig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"wxproxy/internal/language"
)

// maxLine is how long an answer may be.
const maxLine = 4 << 10

// What ends a dialog before its time.
const (
	errInterrupted = language.Phrase("interrupted")
	errEnded       = language.Phrase("there is no further line of input")
)

// A console is where answers come from: a terminal, or lines that a script sends.
type console struct {
	in         *os.File
	out        io.Writer
	language   language.Language
	isTerminal bool
	isHidden   bool   // the terminal does not show what is typed
	show       func() // has it be as it was before
}

func newConsole(s Settings) *console {
	return &console{in: s.In, out: s.Err, language: s.Language, isTerminal: isTerminal(s.In.Fd()), show: func() {}}
}

// line asks a question, and returns the line that is the answer. A terminal shows none of
// what is typed, from the first question to the end: who pastes two lines at once has the
// second be a secret.
func (c *console) line(ctx context.Context, question language.Phrase) (string, error) {
	if !c.isTerminal {
		return await(ctx, func() (string, error) { return readLine(c.in) })
	}
	if !c.isHidden {
		show, err := hide(c.in.Fd())
		if err != nil {
			return "", language.Textf("having the terminal show nothing: %w", err)
		}
		c.show, c.isHidden = show, true
	}
	fmt.Fprint(c.out, question.In(c.language))
	line, err := await(ctx, func() (string, error) { return readLine(c.in) })
	fmt.Fprint(c.out, "\n") // for that of the answer, which was not shown either
	return line, err
}

// await waits for a read, or for the end of ctx. A read from a terminal or a pipe cannot be
// stopped: then the process is about to end.
func await(ctx context.Context, read func() (string, error)) (line string, err error) {
	if ctx.Err() != nil {
		return "", errInterrupted
	}
	done := make(chan struct{})
	var got string
	var failed error
	go func() {
		defer close(done)
		got, failed = read()
	}()
	select {
	case <-ctx.Done():
		return "", errInterrupted
	case <-done:
	}
	if errors.Is(failed, io.EOF) {
		return "", errEnded
	}
	return got, failed
}

// readLine reads a line, and not a byte more: what follows it is another answer. The last
// one may have no end.
func readLine(from io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) <= maxLine {
		n, err := from.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case err != nil && len(line) > 0 && errors.Is(err, io.EOF):
			return string(line), nil
		case err != nil:
			return "", err
		}
	}
	return "", language.Textf("the line has more than %d bytes", maxLine)
}

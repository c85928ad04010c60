package cli

import (
	"bytes"
	"io"
)

// An unquoting writes lines of packages that have no logger of ours without what they
// quote: package http quotes what a server or a program has sent, which may be a token or
// a message.
type unquoting struct{ out io.Writer }

// Write implements [io.Writer]. Package log calls it with one line.
func (u unquoting) Write(line []byte) (int, error) {
	before, _, isQuoting := bytes.Cut(line, []byte(`"`))
	if !isQuoting {
		return u.out.Write(line)
	}
	if _, err := u.out.Write(append(bytes.Clone(before), "...\n"...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Package explain says to a person what errcodes mean: what wxproxy explain prints.
package explain

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"wxproxy/internal/meanings"
)

// ErrUnknown is that nothing is known of an errcode, or that a text has none.
var ErrUnknown = errors.New("not every errcode is known")

// A Reader is whom an errcode is explained to.
type Reader struct {
	Out     io.Writer
	Err     io.Writer // gets what is no explanation
	Chinese bool
	WeCom   bool // asks for what errcodes mean at WeCom
}

// Explain writes what the errcodes in a text mean and what to do about them. The text may be
// a number, several, or whatever has errcodes in it, as an answer. It returns [ErrUnknown] if
// it had to leave out one.
func (r Reader) Explain(text string) error {
	q := readQuestion(text, r.WeCom)
	var said strings.Builder
	known := len(q.codes)+len(q.statuses) > 0
	if !known {
		if _, err := io.WriteString(r.Err, r.say(wordNoErrcode)); err != nil {
			return err
		}
	}
	for i, code := range q.codes {
		if i > 0 {
			said.WriteByte('\n')
		}
		known = r.explain(&said, q, code) && known
	}
	for _, status := range q.statuses {
		fmt.Fprintf(&said, r.say(wordStatus), status, http.StatusText(status), r.say(remedyOfStatus(status)))
	}
	if q.rid != "" {
		fmt.Fprintf(&said, r.say(wordRid), q.rid)
	}
	if _, err := io.WriteString(r.Out, said.String()); err != nil || known {
		return err
	}
	return ErrUnknown
}

// remedyOfStatus says what to do about an answer without an errcode.
func remedyOfStatus(status int) phrase {
	if status >= http.StatusInternalServerError {
		return wordServerStatus
	}
	return wordCallerStatus
}

// explain adds what there is to say of one errcode, and reports whether it is known.
func (r Reader) explain(said *strings.Builder, q question, code int) bool {
	kind, other := meanings.WeChat, meanings.WeCom
	switch {
	case code <= leastOwn:
		kind, other = meanings.Own, meanings.Own
	case q.isWeCom:
		kind, other = meanings.WeCom, meanings.WeChat
	}
	row, known := kind.Find(code, meanings.Anywhere)
	also, knownElsewhere := other.Find(code, meanings.Anywhere)
	switch {
	case known:
		r.describe(said, q, kind, code)
		if kind != other && knownElsewhere && code > 0 && also.Meaning != row.Meaning {
			r.mention(said, other, also)
		}
	case knownElsewhere:
		fmt.Fprintf(said, r.say(wordElsewhere), code, r.say(nameOf[kind]), r.say(nameOf[other]))
		r.describe(said, q, other, code)
	default:
		fmt.Fprintf(said, r.say(wordUnknown), code)
	}
	return known || knownElsewhere
}

// leastOwn is the errcode from which on downwards they are wxproxy's own.
const leastOwn = -40000

// describe adds all that is known of an errcode of a kind.
func (r Reader) describe(said *strings.Builder, q question, kind meanings.Kind, code int) {
	address := q.address
	if address == "" {
		address = r.say(wordThisMachine)
	}
	source := ""
	for _, row := range kind.Of(code) {
		remedy := meanings.WithAddress(r.in(row.Remedy, row.RemedyZH), address)
		switch row.Situation {
		case meanings.Anywhere:
			fmt.Fprintf(said, r.say(wordMeans), code, r.say(nameOf[kind]), r.in(row.Meaning, row.MeaningZH))
			fmt.Fprintf(said, r.say(wordRemedy), remedy)
			source = kind.Page(row)
		case meanings.Call: // what is said of it anywhere, to an operator
		default:
			fmt.Fprintf(said, "  %s%s\n", r.when(row.Situation), remedy)
		}
	}
	if r.Chinese && strings.HasPrefix(source, "docs/") {
		source = strings.Replace(source, ".md", ".zh-CN.md", 1)
	}
	fmt.Fprintf(said, r.say(wordSource), source)
}

// mention says in a line what an errcode means at the other side.
func (r Reader) mention(said *strings.Builder, other meanings.Kind, row meanings.Row) {
	flag := ""
	if other == meanings.WeCom {
		flag = "-wecom "
	}
	fmt.Fprintf(said, r.say(wordAlso), r.say(nameOf[other]), row.Code, r.in(row.Meaning, row.MeaningZH), flag, row.Code)
}

// when returns what stands before the remedy of a situation.
func (r Reader) when(situation string) string {
	if word, ok := whenWords[situation]; ok {
		return r.say(word)
	}
	return fmt.Sprintf(r.say(wordOfAPI), situation)
}

func (r Reader) in(english, chinese string) string { return r.say(phrase{english, chinese}) }

func (r Reader) say(p phrase) string {
	if r.Chinese {
		return p[1]
	}
	return p[0]
}

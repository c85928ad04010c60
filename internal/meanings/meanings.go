// Package meanings says what errcodes mean and what to do about them, in English and in
// Chinese: one table for the log, /status, the page, the command line and the documents.
//
// A table is text that the program holds, a line for each errcode and each situation in which
// it means something of its own. It is read where it lies, one line at a time, so that it takes
// nothing of the heap, and nothing of a process that explains no errcode.
package meanings

import (
	_ "embed" // the tables
	"iter"
	"sort"
	"strconv"
	"strings"
)

// A Kind says whose errcode it is: the same number has other meanings elsewhere.
type Kind int

// The kinds of errcodes.
const (
	WeChat Kind = iota // of api.weixin.qq.com, third-party platforms among them
	WeCom              // of qyapi.weixin.qq.com
	Own                // of wxproxy itself
)

// The situations in which an errcode has words of its own. Others are names of APIs of a
// third-party platform, as "api_query_auth".
const (
	Anywhere = ""         // what it means of any call, and what a program's author can do
	Call     = "call"     // what an operator can do when programs meet it
	Token    = "token"    // a token was asked for
	Ticket   = "ticket"   // a ticket was
	Platform = "platform" // any API of a third-party platform was called
	Callback = "callback" // WeChat was asked to try the URL for pushes
	Wxproxy  = "wxproxy"  // what wxproxy itself does on it
)

// A Row is what there is to say of an errcode in one situation. "{ip}" stands for the address
// that the other side objects to. All text is in the program's memory.
type Row struct {
	Code                int
	Situation           string
	Class               string // of the obstacle, as package token has them; empty where none matters
	Meaning, Remedy     string // there is a Meaning of Anywhere alone
	MeaningZH, RemedyZH string
	Source              string // of Anywhere alone: the address of a page, "list" for the kind's list
	Errmsg              string // of Anywhere alone: the words of the other side, where they are known
}

// About returns the row with an address in the place of "{ip}", as English and Chinese have it.
func (r Row) About(address, addressZH string) Row {
	r.Remedy, r.RemedyZH = WithAddress(r.Remedy, address), WithAddress(r.RemedyZH, addressZH)
	return r
}

//go:embed wechat.tsv
var wechatRows string

//go:embed wecom.tsv
var wecomRows string

//go:embed wxproxy.tsv
var ownRows string

// rows returns the kind's table: lines in the order of the errcodes, whose fields are in
// that of [Row], with tabs between them.
func (k Kind) rows() string {
	switch k {
	case WeCom:
		return wecomRows
	case Own:
		return ownRows
	default:
		return wechatRows
	}
}

// List returns the page with the kind's errcodes.
func (k Kind) List() string {
	switch k {
	case WeCom:
		return "https://developer.work.weixin.qq.com/document/path/90313"
	case Own:
		return "docs/troubleshooting.md"
	default:
		return "https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html"
	}
}

// Page returns the page that says what the row says.
func (k Kind) Page(row Row) string {
	if row.Source == "list" {
		return k.List()
	}
	return row.Source
}

// Find returns what the errcode means in a situation.
func (k Kind) Find(code int, situation string) (row Row, ok bool) {
	for rows := k.from(code); rows != ""; {
		row, rows = next(rows)
		if row.Code != code {
			break
		}
		if row.Situation == situation {
			return row, true
		}
	}
	return Row{}, false
}

// Of returns all there is to say of an errcode: first what it means anywhere.
func (k Kind) Of(code int) (all []Row) {
	for rows := k.from(code); rows != ""; {
		var row Row
		row, rows = next(rows)
		if row.Code != code {
			break
		}
		all = append(all, row)
	}
	return all
}

// All returns the kind's whole table.
func (k Kind) All() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for rows := k.rows(); rows != ""; {
			var row Row
			if row, rows = next(rows); !yield(row) {
				return
			}
		}
	}
}

// from returns the table from the first row on that is not of a smaller errcode.
func (k Kind) from(code int) string {
	rows := k.rows()
	return rows[sort.Search(len(rows), func(i int) bool { // all bytes of a line say the same
		return codeOf(rows[strings.LastIndexByte(rows[:i], '\n')+1:]) >= code
	}):]
}

// next returns the first of rows, and those behind it.
func next(rows string) (first Row, rest string) {
	line, rest, _ := strings.Cut(rows, "\n")
	return rowOf(line), rest
}

func rowOf(line string) Row {
	var fields [9]string
	for i := range fields {
		fields[i], line, _ = strings.Cut(line, "\t")
	}
	return Row{
		Code: codeOf(fields[0]), Situation: fields[1], Class: fields[2],
		Meaning: fields[3], MeaningZH: fields[4], Remedy: fields[5], RemedyZH: fields[6], Source: fields[7], Errmsg: fields[8],
	}
}

// codeOf returns the errcode that a line begins with.
func codeOf(line string) int {
	code, _, _ := strings.Cut(line, "\t")
	n, err := strconv.Atoi(code)
	if err != nil {
		panic("BUG: a line of the errcodes begins with no number")
	}
	return n
}

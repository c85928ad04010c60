package logged

import (
	"strconv"
	"time"
)

// A Line is one of the log, byte for byte as slog's handlers would write it, but without
// allocations. It has values only that need no escape: End says whether all are such,
// and slog has to write the line if not.
type Line struct {
	bytes   []byte
	isJSON  bool
	isPlain bool
}

// millis is how slog's text has the time.
const millis = "2006-01-02T15:04:05.000Z07:00"

// Begin forgets the last line and begins another one, of level info.
func (l *Line) Begin(isJSON bool, now time.Time, message string) {
	l.isJSON, l.isPlain = isJSON, true
	if isJSON {
		l.bytes = now.AppendFormat(append(l.bytes[:0], `{"time":"`...), time.RFC3339Nano)
		l.bytes = append(l.bytes, `","level":"INFO"`...)
	} else {
		l.bytes = now.AppendFormat(append(l.bytes[:0], "time="...), millis)
		l.bytes = append(l.bytes, " level=INFO"...)
	}
	l.Plain("msg", message)
}

// Text adds a word, and finds out whether it needs an escape.
func (l *Line) Text(key, value string) {
	l.Plain(key, value)
	for i := range len(value) {
		l.isPlain = l.isPlain && l.isPlainByte(value[i])
	}
}

// Plain adds a word that needs no escape.
func (l *Line) Plain(key, value string) {
	l.key(key)
	if isQuoted := l.isJSON || value == ""; isQuoted {
		l.bytes = append(append(append(l.bytes, '"'), value...), '"')
	} else {
		l.bytes = append(l.bytes, value...)
	}
}

// isPlainByte reports whether neither format escapes c or has quotes because of it.
func (l *Line) isPlainByte(c byte) bool {
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && (l.isJSON || c != '=')
}

// Number adds a number.
func (l *Line) Number(key string, value int) {
	l.key(key)
	l.bytes = strconv.AppendInt(l.bytes, int64(value), 10)
}

// Names adds what the function Names returned, which needs no escape.
func (l *Line) Names(key string, names []string) {
	l.key(key)
	before, between, after := "[", " ", "]"
	switch {
	case l.isJSON && len(names) > 0:
		before, between, after = `["`, `","`, `"]`
	case !l.isJSON && len(names) > 1:
		before, after = `"[`, `]"`
	}
	l.bytes = append(l.bytes, before...)
	for i, name := range names {
		if i > 0 {
			l.bytes = append(l.bytes, between...)
		}
		l.bytes = append(l.bytes, name...)
	}
	l.bytes = append(l.bytes, after...)
}

func (l *Line) key(key string) {
	if l.isJSON {
		l.bytes = append(append(append(l.bytes, `,"`...), key...), `":`...)
	} else {
		l.bytes = append(append(append(l.bytes, ' '), key...), '=')
	}
}

// End returns the whole line, which is good until the next one begins.
func (l *Line) End() (line []byte, isPlain bool) {
	if l.isJSON {
		l.bytes = append(l.bytes, '}')
	}
	l.bytes = append(l.bytes, '\n')
	return l.bytes, l.isPlain
}

package trace

import (
	"bytes"
	"strings"
	"testing"
)

const (
	id     = "4bf92f3577b34da6a3ce929d0e0e4736"
	parent = "00-" + id + "-00f067aa0ba902b7-01"
)

func TestATraceparentIsWhatTheW3CSays(t *testing.T) {
	for _, row := range []struct {
		name, value string
		want        bool
	}{
		{"sampled", parent, true},
		{"not sampled", strings.TrimSuffix(parent, "1") + "0", true},
		{"other flags", strings.TrimSuffix(parent, "01") + "ff", true},
		{"a later version", "cc" + parent[2:], true},
		{"a later version that says more", "cc" + parent[2:] + "-what-comes", true},
		{"a later version that says nothing more", "cc" + parent[2:] + "-", true},
		{"a later version that goes on without a dash", "cc" + parent[2:] + "x", false},
		{"a later version that is too long", "cc" + parent[2:] + "-" + strings.Repeat("x", maxLongest), false},
		{"the first version that says more", parent + "-x", false},
		{"no version", "ff" + parent[2:], false},
		{"nothing", "", false},
		{"too short", parent[:54], false},
		{"capitals", strings.ToUpper(parent), false},
		{"no id of a trace", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", false},
		{"no id of a span", "00-" + id + "-" + strings.Repeat("0", 16) + "-01", false},
		{"no hexadecimal version", "0x" + parent[2:], false},
		{"no hexadecimal id", strings.Replace(parent, "4bf", "4bg", 1), false},
		{"no hexadecimal span", strings.Replace(parent, "00f0", "00g0", 1), false},
		{"no hexadecimal flags", strings.TrimSuffix(parent, "1") + "g", false},
		{"other signs between", strings.ReplaceAll(parent, "-", "_"), false},
		{"two in one", parent + "," + parent, false},
		{"a line feed", parent[:54] + "\n", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var l Lines
			l.Note(true, []byte(row.value))
			h, want := l.Headers(nil), ""
			if row.want {
				want = row.value
			}
			if h.Traceparent != want || h.TraceID() != strings.Split(want+"--", "-")[1] {
				t.Errorf("got %+v, %q", h, h.TraceID())
			}
		})
	}
}

func TestTracestateBelongsToATraceparentAndIsBounded(t *testing.T) {
	long := strings.Repeat("x", maxState)
	isSecret := func(word []byte) bool { return bytes.Contains(word, []byte("secret")) }
	for _, row := range []struct {
		name           string
		parents, state []string
		want           Headers
	}{
		{"one line", []string{parent}, []string{"a=1,b=2"}, Headers{parent, "a=1,b=2"}},
		{"two lines", []string{parent}, []string{"a=1", "b=2"}, Headers{parent, "a=1,b=2"}},
		{"none", []string{parent}, nil, Headers{parent, ""}},
		{"without a traceparent", nil, []string{"a=1"}, Headers{}},
		{"with two", []string{parent, parent}, []string{"a=1"}, Headers{}},
		{"with a bad one", []string{"x"}, []string{"a=1"}, Headers{}},
		{"too long", []string{parent}, []string{"a=" + long}, Headers{parent, ""}},
		{"too long together", []string{parent}, []string{"a=" + long[4:], "b=" + long[4:], "c=3", "d=4"}, Headers{parent, ""}},
		{"a secret as a value", []string{parent}, []string{"a=1, b=secret"}, Headers{parent, ""}},
		{"a secret as a name", []string{parent}, []string{"a=1", "secret=2"}, Headers{parent, ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var l Lines
			for _, p := range row.parents {
				l.Note(true, []byte(p))
			}
			for _, s := range row.state {
				l.Note(false, []byte(s))
			}
			if got := l.Headers(isSecret); got != row.want {
				t.Errorf("got %+v; want %+v", got, row.want)
			}
		})
	}
}

// An AppSecret looks like the id of a trace.
func TestASecretIsNoTraceID(t *testing.T) {
	var l Lines
	l.Note(true, []byte(parent))
	if h := l.Headers(func(word []byte) bool { return string(word) == id }); h != (Headers{}) {
		t.Errorf("got %+v; want nothing", h)
	}
}

// Lines lie one behind the other in memory: two values that are joined change no other.
func TestNotingALineChangesNoOther(t *testing.T) {
	raw := []byte("a=1\r\nb=2\r\n")
	var l Lines
	l.Note(false, raw[:3])
	l.Note(false, raw[5:8])
	if string(raw) != "a=1\r\nb=2\r\n" {
		t.Errorf("got %q", raw)
	}
}

func FuzzTraceparent(f *testing.F) {
	for _, value := range []string{parent, "cc" + parent[2:] + "-x", strings.ToUpper(parent), "", "00-"} {
		f.Add([]byte(value), []byte("a=1"))
	}
	f.Fuzz(func(t *testing.T, value, state []byte) {
		var l Lines
		l.Note(true, value)
		l.Note(false, state)
		l.Note(false, state)
		h := l.Headers(nil)
		if h.Traceparent == "" {
			if h != (Headers{}) || h.TraceID() != "" {
				t.Errorf("got %+v", h)
			}
			return
		}
		if h.Traceparent != string(value) || len(h.Traceparent) > maxLongest || len(h.Tracestate) > maxState {
			t.Errorf("got %+v; want %q", h, value)
		}
		if trace := h.TraceID(); len(trace) != 32 || strings.Trim(trace, "0123456789abcdef") != "" || strings.Trim(trace, "0") == "" {
			t.Errorf("got %q", trace)
		}
	})
}

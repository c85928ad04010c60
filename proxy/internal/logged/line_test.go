package logged

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// asSlog returns the line that slog writes.
func asSlog(isJSON bool, now time.Time, word string, names []string) string {
	var out bytes.Buffer
	var handler slog.Handler = slog.NewTextHandler(&out, nil)
	if isJSON {
		handler = slog.NewJSONHandler(&out, nil)
	}
	r := slog.NewRecord(now, slog.LevelInfo, "request", 0)
	r.AddAttrs(slog.String("word", word), slog.Any("names", names), slog.Int("number", -40001), slog.String("duration", "7µs"))
	_ = handler.Handle(context.Background(), r)
	return out.String()
}

// asLine returns the same as a Line, and whether it needs no escape.
func asLine(l *Line, isJSON bool, now time.Time, word string, names []string) (string, bool) {
	l.Begin(isJSON, now, "request")
	l.Text("word", word)
	l.Names("names", names)
	l.Number("number", -40001)
	l.Plain("duration", "7µs")
	line, isPlain := l.End()
	return string(line), isPlain
}

func TestALineIsWhatSlogWouldWrite(t *testing.T) {
	var l Line
	zone := time.FixedZone("", 8*60*60)
	for _, isJSON := range []bool{true, false} {
		for _, word := range []string{"", "shop", "/cgi-bin/message/custom/send", "/a-~!?&<>'*%41", "KHFA2BVX7FRPNXIZKZOXT532VD"} {
			for _, names := range [][]string{{}, {"openid"}, {"openid", "?", "..."}} {
				for _, nanos := range []int{0, 120_000_000, 123_456_789} {
					now := time.Date(2026, 11, 28, 23, 59, 59, nanos, zone)
					want := asSlog(isJSON, now, word, names)
					if got, isPlain := asLine(&l, isJSON, now, word, names); !isPlain || got != want {
						t.Errorf("got %s (plain: %t); want %s", got, isPlain, want)
					}
				}
			}
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, word := range []string{"", "a b", "a=b", `"`, `\`, "\x7f", "\n", "\xff", "ä", "\u2028", strings.Repeat("x", 100)} {
		f.Add(word)
	}
	now := time.Now().UTC()
	f.Fuzz(func(t *testing.T, word string) {
		var l Line
		for _, isJSON := range []bool{true, false} {
			want := asSlog(isJSON, now, word, []string{})
			if got, isPlain := asLine(&l, isJSON, now, word, []string{}); isPlain && got != want {
				t.Errorf("%q: got %s; want %s", word, got, want)
			}
		}
	})
}

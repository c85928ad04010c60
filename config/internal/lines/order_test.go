package lines

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhatStandsInFilesIsInTheOrderOfItsLines(t *testing.T) {
	type place struct {
		file string
		line int
	}
	all := []place{{"b", 9}, {"a", 0}, {"a", 3}, {"b", 2}, {"a", 1}, {"b", 0}}
	InOrder(all, func(p place) (string, int) { return p.file, p.line })
	if got, want := strings.Trim(fmt.Sprint(all), "[]"), "{b 2} {b 9} {b 0} {a 1} {a 3} {a 0}"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

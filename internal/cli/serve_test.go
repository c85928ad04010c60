package cli

import (
	"log"
	"strings"
	"testing"
)

func TestWhatPackagesOfOthersQuoteIsNotWritten(t *testing.T) {
	var out strings.Builder
	l := log.New(unquoting{&out}, "", 0)
	l.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", `a "SECRET`, nil)
	l.Print("plain words")
	if want := "Unsolicited response received on idle HTTP channel starting with ...\nplain words\n"; out.String() != want {
		t.Errorf("got %q; want %q", out.String(), want)
	}
}

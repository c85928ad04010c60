package asking

import (
	"errors"
	"strings"
	"testing"
)

func TestAReasonIsCutAtWholeHosts(t *testing.T) {
	host := "https://api.weixin.qq.com: " + strings.Repeat("x ", 55)
	for said, want := range map[string]string{
		host:                             host,
		host + "; " + host + "; " + host: host + "; " + host + "; …",
		strings.Repeat("y ", 400):        strings.Repeat("y ", 149) + "y…",
		host + "; " + host + ", " + host: host + "; …",
	} {
		if got := Reason(errors.New(said)); got != want {
			t.Errorf("got %s; want %s", got, want)
		}
	}
}

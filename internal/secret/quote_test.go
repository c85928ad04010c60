package secret

import (
	"strings"
	"testing"
)

// What was quoted already is quoted as it is.
func TestAQuoteOfAQuoteIsTheSame(t *testing.T) {
	once := Quote("[secret=s3cr3t] token=x, secret=other access_token=s3cr3t", New("s3cr3t"))
	if twice := Quote(once, New("s3cr3t")); twice != once {
		t.Errorf("got %s of %s", twice, once)
	}
}

func TestAQuoteIsOneSafeLine(t *testing.T) {
	secrets := []Secret{New("s3cr3t-s3cr3t"), {}}
	for _, row := range []struct{ text, want string }{
		{"", ""},
		{"two\r\nlines\x00 \x1b[31mand\u202e more", "twolines [31mand more"},
		{"not UTF-8: \xff", "not UTF-8: �"},
		{"got s3cr3t-s3cr3t", "got [hidden]"},
		{"got s3cr3t\x00-s3cr3t", "got [hidden]"},
		{"got S3CR3T%2Ds3cr3t", "got [hidden]"},
		{`access_token\u003dabc&x=1`, `access_token\u003d[hidden]&x=1`},
		{"invalid [" + strings.Repeat("aB3_-", 8) + "]", "invalid [[hidden]]"},
		{"invalid refreshtoken%40%40%40abc, ticket@@@def [preauthcode@@@ghi]", "invalid refreshtoken%40%40%40[hidden], ticket@@@[hidden] [preauthcode@@@[hidden]]"},
		{"queryauthcode\\u0040@@jkl is expired", "queryauthcode\\u0040@@[hidden] is expired"},
		{"rid: 62bd3be0-12345678-12345678", "rid: 62bd3be0-12345678-12345678"},
		{strings.Repeat("啊 ", MaxQuote), strings.Repeat("啊 ", MaxQuote/2-1) + "啊…"},
	} {
		if got := Quote(row.text, secrets...); got != row.want {
			t.Errorf("%q: got %q; want %q", row.text, got, row.want)
		}
	}
}

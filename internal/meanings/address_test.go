package meanings

import "testing"

func TestAnAddressStandsInARemedyAsItsLanguageHasIt(t *testing.T) {
	for _, c := range [][3]string{
		{"请把 {ip} 加入白名单", "本机的公网 IP", "请把本机的公网 IP 加入白名单"},
		{"请把 {ip} 加入白名单", "203.0.113.7", "请把 203.0.113.7 加入白名单"},
		{"{ip} 不对", "这个地址", "这个地址不对"},
		{"put {ip} on it", "this machine's address", "put this machine's address on it"},
		{"nothing", "x", "nothing"},
	} {
		if got := WithAddress(c[0], c[1]); got != c[2] {
			t.Errorf("got %q; want %q", got, c[2])
		}
	}
}

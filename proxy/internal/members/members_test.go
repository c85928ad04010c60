package members

import (
	"testing"

	"wxproxy/accountkind"
)

func FuzzMembersOfABody(f *testing.F) {
	f.Add([]byte(`{"appid":"wx1","secret":"KEY"}`))
	f.Add([]byte("appid=wx1&secret=KEY"))
	f.Add([]byte(`{"\u0061ppsecret":"KEY","a":{"secret":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		replace := func(string, string) (string, bool) { return "OURS", true }
		once, err := Rewrite(body, accountkind.WeChat.SecretMembers, replace)
		if err != nil {
			return
		}
		_, err = Rewrite(once, accountkind.WeChat.SecretMembers, func(name, value string) (string, bool) {
			if value != "OURS" {
				t.Errorf("%q became %q, whose %s is %q", body, once, name, value)
			}
			return "", false
		})
		if err != nil {
			t.Errorf("%q became %q: %v", body, once, err)
		}
	})
}

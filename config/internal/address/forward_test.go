package address

import "testing"

func TestProofOfAQuery(t *testing.T) {
	for query, want := range map[string]string{
		"": "", "key=1&sign=2": "", "a=1&nonce=": "nonce", "openid=1&signature=2": "signature", "msg_signature=1": "msg_signature", "a=%zz&nonce=1": "nonce",
	} {
		if got := Proof(query); got != want {
			t.Errorf("%q: got %q; want %q", query, got, want)
		}
	}
}

func TestWhatLeadsToAListener(t *testing.T) {
	for _, row := range []struct {
		url, listen string
		want        bool
	}{
		{"http://127.0.0.1:81/push/shop", "127.0.0.1:81", true},
		{"http://localhost:81/", "127.0.0.1:81", true},
		{"http://localhost:81/", "0.0.0.0:81", true},
		{"http://[::1]:81/", ":81", true},
		{"http://10.0.0.1/", "10.0.0.1:80", true},
		{"http://crm:81/", ":81", false}, // another host
		{"http://127.0.0.1:82/", "127.0.0.1:81", false},
		{"https://127.0.0.1:81/", "127.0.0.1:81", false},
		{"http://127.0.0.1:81/", "", false},
		{"http://127.0.0.1:81/", "unix:/run/p.sock", false},
		{"unix:/run/p.sock:/x", "unix:/run/p.sock", true},
		{"unix:/run/q.sock:/x", "unix:/run/p.sock", false},
		{"unix:/run/p.sock:/x", "", false},
		{"http://%zz", ":81", false},
	} {
		if got := LeadsTo(row.url, row.listen); got != row.want {
			t.Errorf("%s at %q: got %v", row.url, row.listen, got)
		}
	}
}

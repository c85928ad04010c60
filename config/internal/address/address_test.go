package address

import (
	"strings"
	"testing"
)

func TestListenForms(t *testing.T) {
	for _, row := range []struct {
		listen           string
		network, address string
		beyond           bool
		err              string
	}{
		{"127.0.0.1:8080", "tcp", "127.0.0.1:8080", false, ""},
		{"127.8.9.10:8080", "tcp", "127.8.9.10:8080", false, ""},
		{"localhost:8080", "tcp", "localhost:8080", false, ""},
		{"LOCALHOST:8080", "tcp", "LOCALHOST:8080", false, ""},
		{"[::1]:8080", "tcp", "[::1]:8080", false, ""},
		{"[::ffff:127.0.0.1]:8080", "tcp", "[::ffff:127.0.0.1]:8080", false, ""},
		{"127.0.0.1:0", "tcp", "127.0.0.1:0", false, ""},
		{"unix:/run/wxproxy.sock", "unix", "/run/wxproxy.sock", false, ""},
		{":8080", "tcp", ":8080", true, ""},
		{"0.0.0.0:8080", "tcp", "0.0.0.0:8080", true, ""},
		{"[::]:8080", "tcp", "[::]:8080", true, ""},
		{"10.1.2.3:8080", "tcp", "10.1.2.3:8080", true, ""},
		{"[fe80::1%eth0]:8080", "tcp", "[fe80::1%eth0]:8080", true, ""},
		{"gateway.example:8080", "tcp", "gateway.example:8080", true, ""},
		{"localhost.example:8080", "tcp", "localhost.example:8080", true, ""},
		{"::1:8080", "tcp", "::1:8080", false, "is not an address"},
		{"8080", "tcp", "8080", false, "is not an address"},
		{"localhost:", "tcp", "localhost:", false, "has no valid port"},
		{"localhost:-1", "tcp", "localhost:-1", false, "has no valid port"},
		{"a/b:80", "tcp", "a/b:80", true, "has no valid host"},
		{"unix:", "unix", "", false, "has no absolute path"},
		{"unix:@abstract", "unix", "@abstract", false, "has no absolute path"},
		{"unix:/run/", "unix", "/run/", false, "has no absolute path"},
		{"unix:/" + strings.Repeat("x", 107), "unix", "/" + strings.Repeat("x", 107), false, "has too long a path"},
	} {
		t.Run(row.listen, func(t *testing.T) {
			network, address := Split(row.listen)
			if network != row.network || address != row.address {
				t.Errorf("Split: got %q, %q; want %q, %q", network, address, row.network, row.address)
			}
			if got := BeyondLoopback(row.listen); got != row.beyond && row.err == "" {
				t.Errorf("BeyondLoopback: got %v; want %v", got, row.beyond)
			}
			if err := Check(row.listen); (err == nil) != (row.err == "") || err != nil && !strings.HasPrefix(err.Error(), row.err) {
				t.Errorf("Check: got %v; want %q", err, row.err)
			}
		})
	}
}

func TestListenersCollide(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:080", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "127.0.0.2:80", false},
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{":80", "127.0.0.1:80", true},
		{"localhost:80", "[::]:80", true},
		{"localhost:80", "LOCALHOST:80", true},
		{"[::1]:80", "[0:0::1]:80", true},
		{"127.0.0.1:80", "[::ffff:127.0.0.1]:80", true},
		{"localhost:80", "127.0.0.1:80", true},
		{"localhost:80", "[::1]:80", false},
		{"unix:/a", "unix:/a", true},
		{"unix:/a", "unix:/b", false},
		{"unix:/a", ":80", false},
	} {
		if got := Collide(row.a, row.b); got != row.want {
			t.Errorf("%s and %s: got %v; want %v", row.a, row.b, got, row.want)
		}
	}
}

package origin

import (
	"errors"
	"strings"
	"testing"
)

func TestTheAddressIsTheLastThatIsNotTrusted(t *testing.T) {
	for _, row := range []struct {
		name      string
		trusted   string
		peer      string
		forwarded []string
		want      string
	}{
		{"nobody trusted", "", "10.0.0.1:4711", []string{"192.0.2.7"}, "10.0.0.1"},
		{"a trusted web server", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7"}, "192.0.2.7"},
		{"its one address", "10.0.0.1", "10.0.0.1:4711", []string{"192.0.2.7"}, "192.0.2.7"},
		{"a stranger", "10.0.0.1", "10.0.0.2:4711", []string{"192.0.2.7"}, "10.0.0.2"},
		{"it says nothing", "10.0.0.0/8", "10.0.0.1:4711", nil, "10.0.0.1"},
		{"two of them", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7, 10.0.0.2"}, "192.0.2.7"},
		{"two lines", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7", "10.0.0.2"}, "192.0.2.7"},
		{"a caller that makes one up", "10.0.0.0/8", "10.0.0.1:4711", []string{"203.0.113.9, 192.0.2.7"}, "192.0.2.7"},
		{"a caller that says that it is trusted", "10.0.0.0/8", "10.0.0.1:4711", []string{"10.9.9.9, 192.0.2.7"}, "192.0.2.7"},
		{"all trusted", "10.0.0.0/8", "10.0.0.1:4711", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no address", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7, unknown"}, "10.0.0.1"},
		{"no address behind a trusted one", "10.0.0.0/8", "10.0.0.1:4711", []string{"x\ny, 10.0.0.2"}, "10.0.0.2"},
		{"nothing between commas", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7,,"}, "10.0.0.1"},
		{"a port", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7:80"}, "192.0.2.7"},
		{"IPv6", "fd00::/8", "[fd00::1]:4711", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 with a port", "fd00::/8", "[fd00::1]:4711", []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		{"IPv6 in brackets", "fd00::/8", "[fd00::1]:4711", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"a zone", "fe80::/10", "[fe80::1%eth0]:4711", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv4 in IPv6", "10.0.0.0/8", "[::ffff:10.0.0.1]:4711", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{"a socket", "10.0.0.0/8", "@", []string{"192.0.2.7"}, "unix socket"},
		{"a trusted socket", Socket, "@", []string{"192.0.2.7"}, "192.0.2.7"},
		{"a trusted socket that says nothing", Socket, "", nil, "unix socket"},
		{"a trusted socket and no address", Socket, "", []string{"me"}, "unix socket"},
		{"more than anybody passes by", "10.0.0.0/8", "10.0.0.1:4711", []string{"192.0.2.7" + strings.Repeat(", 10.0.0.9", 1000)}, "10.0.0.9"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var trusted Trusted
			if row.trusted != "" {
				if err := trusted.Add(row.trusted); err != nil {
					t.Fatal(err)
				}
			}
			if got := trusted.Of(row.peer, row.forwarded); got != row.want {
				t.Errorf("got %q; want %q", got, row.want)
			}
		})
	}
}

func TestWhatNamesNoWebServer(t *testing.T) {
	for text, want := range map[string]error{
		"": ErrNoNetwork, "nginx": ErrNoNetwork, "10.0.0.0/33": ErrNoNetwork, "10.0.0.1:80": ErrNoNetwork, "fe80::1%eth0": ErrZone, "10.0.0.7/8": nil,
		"unix:/run/x": ErrNoNetwork,
	} {
		if err := new(Trusted).Add(text); !errors.Is(err, want) {
			t.Errorf("%q: got %v; want %v", text, err, want)
		}
	}
	for text, want := range map[string]bool{"0.0.0.0/0": true, "::/0": true, "10.0.0.0/8": false} {
		var trusted Trusted
		if err := trusted.Add(text); err != nil || trusted.Everybody() != want {
			t.Errorf("%q: got %v, %v; want everybody %v", text, err, trusted.Everybody(), want)
		}
	}
}

// Whatever a caller sends, the log gets an address or the word for none.
func FuzzTheAddressIsOne(f *testing.F) {
	f.Add("10.0.0.1:1", "192.0.2.7, 10.0.0.2")
	f.Add("@", "[::1")
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		trusted := Trusted{sockets: true}
		_ = trusted.Add("10.0.0.0/8")
		_ = trusted.Add("::/0")
		if got := trusted.Of(peer, []string{forwarded, forwarded}); got != socketName {
			if _, ok := parse(got); !ok || strings.ContainsAny(got, " \n%") {
				t.Errorf("got %q", got)
			}
		}
	})
}

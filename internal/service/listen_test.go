package service

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"wxproxy/config"
)

// systemd may have opened a socket to everybody, whatever listen says.
func TestASocketThatIsOpenToAllTakesAKeyThatCannotBeGuessed(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"short": "client[1].key: could be guessed", "a7Q-x93kd0-fJ2lo": ""} {
		file := filepath.Join(t.TempDir(), "config.toml")
		mustWrite(t, file, "[admin]\nkey = \"admin-"+key+"\"\n[[client]]\nname = \"orders\"\nkey = \""+key+"\"\n"+
			"[[account]]\nname = \"shop\"\napp_id = \""+appID+"\"\nsecret = \""+appSecret+"\"\n")
		cfg, err := config.Load(file, func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{"proxy.listen", "admin.listen"} {
			want := strings.Replace(want, "client[1]", map[string]string{"proxy.listen": "client[1]", "admin.listen": "admin"}[setting], 1)
			open := &net.TCPAddr{IP: net.IPv4zero, Port: 80}
			if err := mustBeGuarded(cfg, setting, open); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s with %q: got %v; want %q", setting, key, err, want)
			}
			if err := mustBeGuarded(cfg, setting, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}); err != nil {
				t.Errorf("%s on loopback: got %v", setting, err)
			}
		}
	}
}

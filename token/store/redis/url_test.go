package redis

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/secret"
)

// canaryPassword is the password of the tests; no message may show a part of it.
const canaryPassword = "canaryQ7"

func TestURLsOfRedis(t *testing.T) {
	for _, test := range []struct {
		name, url string
		want      redis.UniversalOptions // what matters of it
	}{
		{"a host", "redis://redis", redis.UniversalOptions{Addrs: []string{"redis:6379"}}},
		{"a slash and no database", "redis://redis/", redis.UniversalOptions{Addrs: []string{"redis:6379"}}},
		{"a port and a database", "redis://redis:7000/15", redis.UniversalOptions{Addrs: []string{"redis:7000"}, DB: 15}},
		{"capital letters", "REDIS://redis/1", redis.UniversalOptions{Addrs: []string{"redis:6379"}, DB: 1}},
		{"a password", "redis://:canaryQ7@redis", redis.UniversalOptions{Addrs: []string{"redis:6379"}, Password: "canaryQ7"}},
		{"a user", "redis://wx:canaryQ7@redis", redis.UniversalOptions{Addrs: []string{"redis:6379"}, Username: "wx", Password: "canaryQ7"}},
		{"a password that is percent-encoded", "redis://w%40x:c%3A%2F%3F%23%5B%5D%40%25@redis:1/2", redis.UniversalOptions{Addrs: []string{"redis:1"}, Username: "w@x", Password: "c:/?#[]@%", DB: 2}},
		{"IPv4", "redis://127.0.0.1:1", redis.UniversalOptions{Addrs: []string{"127.0.0.1:1"}}},
		{"IPv6", "redis://[::1]/3", redis.UniversalOptions{Addrs: []string{"[::1]:6379"}, DB: 3}},
		{"IPv6 with a port and a zone", "redis://:canaryQ7@[fe80::1%25eth0]:65535", redis.UniversalOptions{Addrs: []string{"[fe80::1%eth0]:65535"}, Password: "canaryQ7"}},
		{"Sentinels", "redis://:canaryQ7@a:1/4?addr=b:2&addr=[::1]:3&master_name=m&sentinel_username=u&sentinel_password=canaryQ7", redis.UniversalOptions{
			Addrs: []string{"a:1", "b:2", "[::1]:3"}, Password: "canaryQ7", DB: 4, MasterName: "m", SentinelUsername: "u", SentinelPassword: "canaryQ7"}},
		{"a cluster", "redis://a:1?cluster=true&addr=b:2", redis.UniversalOptions{Addrs: []string{"a:1", "b:2"}, IsClusterMode: true}},
		{"no cluster", "redis://a:1/1?cluster=false", redis.UniversalOptions{Addrs: []string{"a:1"}, DB: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := parseURL(secret.New(test.url))
			if err != nil {
				t.Fatal(err)
			}
			got, want := *o, test.want
			if !slices.Equal(got.Addrs, want.Addrs) || got.DB != want.DB || got.Username != want.Username || got.Password != want.Password ||
				got.MasterName != want.MasterName || got.IsClusterMode != want.IsClusterMode ||
				got.SentinelUsername != want.SentinelUsername || got.SentinelPassword != want.SentinelPassword {
				t.Errorf("got %+v; want %+v", got, want)
			}
			if got.TLSConfig != nil {
				t.Error("got TLS; want none")
			}
		})
	}
}

func TestURLsOfRedisWithTLS(t *testing.T) {
	a := newAuthority(t)
	o, err := parseURL(secret.New("rediss://redis?ca_file=" + a.path("ca.pem") + "&cert_file=" + a.path("leaf.pem") + "&key_file=" + a.path("leaf.key") + "&server_name=inside"))
	if err != nil {
		t.Fatal(err)
	}
	if c := o.TLSConfig; c == nil || c.RootCAs == nil || len(c.Certificates) != 1 || c.ServerName != "inside" || c.InsecureSkipVerify {
		t.Errorf("got %+v; want what the URL says", c)
	}
	if o, err = parseURL(secret.New("rediss://redis?skip_verify=true")); err != nil || !o.TLSConfig.InsecureSkipVerify {
		t.Errorf("got %v; want no verification", err)
	}
	if o, err = parseURL(secret.New("rediss://redis?skip_verify=false")); err != nil || o.TLSConfig.InsecureSkipVerify || o.TLSConfig.RootCAs != nil {
		t.Errorf("got %v; want the system's roots", err)
	}
}

func TestMistakesInURLsOfRedis(t *testing.T) {
	a := newAuthority(t)
	empty := filepath.Join(t.TempDir(), "canaryQ7")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, url, want string }{
		{"no host", "redis://:canaryQ7@/0", "is not a URL of Redis"},
		{"no slashes", "redis:canaryQ7@redis", "is not a URL of Redis"},
		{"a password with a slash", "redis://:canaryQ7/x@redis", "is not a URL of Redis"},
		{"a password with a hash", "redis://:canaryQ7#x@redis", "is not a URL of Redis"},
		{"a password with a per cent sign", "redis://:canaryQ7%@redis", "is not a URL of Redis"},
		{"a password with a question mark", "redis://:123?canaryQ7@redis", "is not a URL of Redis"},
		{"a user and a password that begins like a port", "redis://wx:12?canaryQ7@redis", "has an unknown parameter; a password is to be percent-encoded; known are addr, "},
		{"a fragment", "redis://redis/0#canaryQ7", "is not a URL of Redis"},
		{"several hosts", "redis://canaryQ7:1,b:2", "has several hosts"},
		{"a host with a colon", "redis://canaryQ7:1:2", "has no host, or a port"},
		{"a host with a space", "redis://canary%20Q7:1", "is not a URL of Redis"},
		{"a control character", "redis://canaryQ7\n", "is not a URL of Redis"},
		{"a password in the user's place", "redis://canaryQ7@redis", "has a user without a password"},
		{"a user and an empty password", "redis://canaryQ7:@redis", "has a user without a password"},
		{"an empty user", "redis://@redis", "has a user without a password"},
		{"port 0", "redis://redis:0", "has no host, or a port that is no number"},
		{"a large port", "redis://redis:65536", "has no host, or a port that is no number"},
		{"a database with a name", "redis://redis/canaryQ7", "has no number of a database"},
		{"a negative database", "redis://redis/-1", "has no number of a database"},
		{"a database with a sign", "redis://redis/+1", "has no number of a database"},
		{"two databases", "redis://redis/0/canaryQ7", "has no number of a database"},
		{"a huge database", "redis://redis/99999999999", "has no number of a database"},
		{"a semicolon", "redis://redis?a=canaryQ7;b=1", "has parameters that cannot be read"},
		{"an unknown parameter", "redis://redis?db=1", `has the unknown parameter "db"`},
		{"an unknown one with a value", "redis://redis?password=canaryQ7", `has the unknown parameter "password"`},
		{"an unknown one that is a secret", "redis://redis?canaryQ7=1", "has an unknown parameter; "},
		{"one that is long", "redis://redis?thisonehasonlylettersbutisasecret", "has an unknown parameter; "},
		{"TLS without rediss", "redis://redis?skip_verify=true", "has the parameter skip_verify, which is about TLS; write rediss://"},
		{"no value", "redis://redis?master_name=", "has the parameter master_name without a value"},
		{"two values", "redis://redis?master_name=canaryQ7&master_name=b", "has the parameter master_name several times"},
		{"neither true nor false", "redis://redis?cluster=canaryQ7", "has the parameter cluster; write true or false"},
		{"skip_verify of 1", "rediss://redis?skip_verify=1", "has the parameter skip_verify; write true or false"},
		{"an address without a port", "redis://redis?cluster=true&addr=canaryQ7", "has a parameter addr without a port"},
		{"an address without a host", "redis://redis?cluster=true&addr=:6379", "has a parameter addr without a port"},
		{"several addresses of what", "redis://redis?addr=a:1", "has several addresses"},
		{"a cluster with Sentinels", "redis://redis?cluster=true&master_name=m", "has both cluster and master_name"},
		{"a cluster with a database", "redis://redis/1?cluster=true", "has the number of a database"},
		{"a password for no Sentinels", "redis://redis?sentinel_password=canaryQ7", "has a password for Sentinels"},
		{"a Sentinel's user alone", "redis://redis?master_name=m&sentinel_username=canaryQ7", "has a sentinel_username without"},
		{"an authority that is missing", "rediss://redis?ca_file=" + empty + ".no", "has a ca_file that cannot be read: no such file"},
		{"an empty authority", "rediss://redis?ca_file=" + empty, "has a ca_file without a certificate"},
		{"a certificate without a key", "rediss://redis?cert_file=" + a.path("leaf.pem"), "has one of cert_file and key_file"},
		{"a key without a certificate", "rediss://redis?key_file=" + a.path("leaf.key"), "has one of cert_file and key_file"},
		{"a key that is missing", "rediss://redis?cert_file=" + a.path("leaf.pem") + "&key_file=" + empty + ".no", "has a cert_file and key_file that cannot be used: no such file"},
		{"an empty key", "rediss://redis?cert_file=" + a.path("leaf.pem") + "&key_file=" + empty, "has a cert_file and key_file that cannot be used"},
		{"another's key", "rediss://redis?cert_file=" + a.path("leaf.pem") + "&key_file=" + a.path("ca.key"), "has a cert_file and key_file that cannot be used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check(secret.New(test.url))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v; want %s...", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), canaryPassword) {
				t.Errorf("%v quotes what may be a password", err)
			}
			if _, err := New(Config{URL: secret.New(test.url)}); err == nil {
				t.Error("got a store")
			}
		})
	}
}

func FuzzURLOfRedis(f *testing.F) {
	for _, seed := range []string{"", "@redis:6379/0", ":x@[::1]:1/1?cluster=true&addr=a:1", "h?master_name=m&addr=b:2&sentinel_password=p", "h?ca_file=/dev/null", "h?ca_file=/dev/zero", "h?cert_file=/dev/zero&key_file=/dev/zero", "h?%zz", "h?a;b"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, rest string, secure bool) {
		scheme := "redis://"
		if secure {
			scheme = "rediss://"
		}
		const canary = "CANARY"
		for _, url := range []string{rest, canary + rest, ":" + canary + "@" + rest, rest + canary, rest + "=" + canary} {
			o, err := parseURL(secret.New(scheme + url))
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("%q: %v quotes it", url, err)
			}
			if err == nil && (len(o.Addrs) == 0 || slices.ContainsFunc(o.Addrs, func(a string) bool { return !isAddress(a) }) || o.DB < 0) {
				t.Errorf("%q: got %+v; want addresses and a database", url, o)
			}
		}
	})
}

package redis

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/token"
)

// mustServe fails the test unless replicas can share a token by url: save it,
// load it, lease, and hear of each other.
func mustServe(t testing.TB, url string, with ...func(*Config)) {
	t.Helper()
	for _, key := range []token.Key{wx1, {AppID: "wx22"}, {AppID: "wx333", Ticket: "jsapi"}} { // in several slots
		a, b := openRedis(t, url, with...), openRedis(t, url, with...)
		var told seen
		b.Watch(key, told.look)
		b.Start()
		eventually(t, "first look", func() bool { return told.count() > 0 })
		var stored token.Record
		eventually(t, "saved token", func() bool {
			var err error
			stored, err = a.Save(key, fetched("canaryToken", time.Now()))
			return err == nil
		})
		eventually(t, "word of it", func() bool { return told.has(stored.Notice.Generation) })
		if got, err := b.Load(key); err != nil || !got.Token.Value.Equal("canaryToken") {
			t.Errorf("got %q, %v; want the token", got.Token.Value.Reveal(), err)
		}
		release := mustLease(t, a, key)
		wantLeased(t, b, key)
		if err := a.onLease(renewScript, a.name(key)+":lease", "another", 1); err != nil {
			t.Errorf("renewing: %v", err)
		}
		release()
		mustLease(t, b, key)()
	}
}

// leastRights are what a user of Redis needs who may do nothing else; in a cluster
// also +cluster|slots.
var leastRights = []any{
	"resetchannels", "&wxproxy:tokens", "~wxproxy:*",
	"-@all", "+evalsha", "+eval", "+subscribe", "+ping", "+time", "+type", "+hgetall", "+hget", "+hset", "+pexpire", "+publish", "+get", "+set", "+del",
}

func withUser(s *redistest.Server, rights ...any) {
	s.MustDo(append([]any{"ACL", "SETUSER", "wxproxy", "reset", "on", ">" + canaryPassword}, rights...)...)
}

func TestTheDocumentsListTheLeastRights(t *testing.T) {
	text, err := os.ReadFile("../../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(text)), " ")
	var commands []string
	for _, right := range leastRights {
		commands = append(commands, fmt.Sprint(right))
	}
	const channels = 3
	for _, want := range []string{"~wxproxy:* " + strings.Join(commands[:2], " ") + " ", strings.Join(commands[channels:], " ") + " ```", "`+cluster|slots`"} {
		if !strings.Contains(flat, want) {
			t.Errorf("docs/scaling.md lacks %q", want)
		}
	}
}

// Nobody writes worse because the others do not hear of it at once.
func TestWhoMayNotAnnounceOrHearIsToldSoOnce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, without, want string }{
		{"announcing", "-publish", "announce nothing"},
		{"the channel", "resetchannels", "announce nothing"},
		{"listening", "-subscribe", "hear nothing"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			withUser(redis, append(append([]any{}, leastRights...), row.without)...)
			var log logged
			s := openRedis(t, "redis://wxproxy:canaryQ7@"+redis.Addr, loggingTo(&log))
			s.Start()
			for i := range 3 {
				value := fmt.Sprint("token-", i)
				if _, err := s.Save(wx1, fetched(value, time.Now().Add(time.Duration(i)*10*time.Millisecond))); err != nil {
					t.Errorf("got %v; want it stored", err)
				}
				wantStored(t, s, value)
			}
			eventually(t, "log", func() bool { return strings.Contains(log.String(), row.want) })
			time.Sleep(2 * watchBeat)
			text := log.String()
			if n := strings.Count(text, row.want); n != 1 || !strings.Contains(text, "ACL LOG") || strings.Contains(text, "canary") {
				t.Errorf("got %s; want it said once, and what to do", text)
			}
		})
	}
}

func TestARightThatIsMissingHasARemedy(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	for _, without := range []string{"-time", "-hgetall", "-eval", "resetkeys"} {
		t.Run(without, func(t *testing.T) {
			withUser(redis, append(append([]any{}, leastRights...), "-evalsha", without)...)
			if without != "-eval" {
				redis.MustDo("ACL", "SETUSER", "wxproxy", "+evalsha")
			}
			var log logged
			if _, err := openRedis(t, "redis://wxproxy:canaryQ7@"+redis.Addr, loggingTo(&log)).Load(wx1); !errors.Is(err, token.ErrAway) || !strings.Contains(log.String(), "ACL LOG") {
				t.Errorf("got %v, %s; want to be told of docs/scaling.md and ACL LOG", err, log.String())
			}
		})
	}
}

func TestAUserWithTheLeastRights(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	withUser(redis, leastRights...)
	mustServe(t, "redis://wxproxy:canaryQ7@"+redis.Addr)
	if denied := redis.MustDo("ACL", "LOG").([]any); len(denied) > 0 {
		t.Errorf("got %v; want nothing refused", denied)
	}
	withUser(redis, "~wxproxy:*", "resetchannels", "&wxproxy:tokens", "+@all", "-@dangerous", "-@admin") // as docs/scaling.md says of whole categories
	redis.MustDo("FLUSHALL")
	mustServe(t, "redis://wxproxy:canaryQ7@"+redis.Addr)
	if denied := redis.MustDo("ACL", "LOG").([]any); len(denied) > 0 {
		t.Errorf("got %v; want nothing refused to whole categories", denied)
	}
}

// Each right is needed: without it Redis refuses something.
func TestTheLeastRightsAreTheLeast(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	for i, right := range leastRights {
		name := fmt.Sprint(right)
		if name[0] == '-' || name == "resetchannels" || name == "+ping" { // which is a health check's, half a minute later
			continue
		}
		t.Run(name, func(t *testing.T) {
			redis.MustDo("ACL", "LOG", "RESET")
			redis.MustDo("FLUSHALL")
			redis.MustDo("SCRIPT", "FLUSH")
			redis.MustDo("SET", wx1Key, "of another type")
			withUser(redis, append(append([]any{}, leastRights[:i]...), leastRights[i+1:]...)...)
			s := openRedis(t, "redis://wxproxy:canaryQ7@"+redis.Addr)
			s.Watch(wx1, func(int64) {})
			s.Start()
			for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
				s.mu.Lock()
				s.awayTill = time.Time{}
				s.mu.Unlock()
				_, load := s.Load(wx1)
				_, save := s.Save(wx1, fetched("token", time.Now()))
				release, lease := s.Lease(wx1)
				if lease == nil {
					release()
				}
				if err := errors.Join(load, save, lease); err != nil && errors.Is(err, token.ErrAway) {
					return
				}
				if denied := redis.MustDo("ACL", "LOG").([]any); strings.Contains(fmt.Sprint(denied), strings.TrimLeft(name, "+&~")) {
					return
				}
			}
			t.Errorf("got everything without %s", name)
		})
	}
}

func TestRedisWithTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	redis := redistest.StartTLS(t, "--tls-cert-file", ours.path("leaf.pem"), "--tls-key-file", ours.path("leaf.key"), "--tls-ca-cert-file", ours.path("ca.pem"),
		"--user", "wxproxy", "on", ">"+canaryPassword, "~wxproxy:*", "&wxproxy:tokens", "+@all", "--user", "default", "off")
	client := func(a folder) string { return "&cert_file=" + a.path("leaf.pem") + "&key_file=" + a.path("leaf.key") }
	base := "rediss://wxproxy:canaryQ7@" + redis.Addr + "?ca_file="
	mustServe(t, base+ours.path("ca.pem")+client(ours))
	mustServe(t, base+ours.path("ca.pem")+client(ours)+"&server_name=inside")
	mustServe(t, "rediss://wxproxy:canaryQ7@"+redis.Addr+"?skip_verify=true"+client(ours))
	for _, test := range []struct{ name, url, want string }{
		{"another authority", base + others.path("ca.pem") + client(ours), "certificate signed by unknown authority"},
		{"no client certificate", base + ours.path("ca.pem"), "remedy"},
		{"a client certificate of another authority", base + ours.path("ca.pem") + client(others), "remedy"},
		{"a wrong password", strings.Replace(base, "canaryQ7@", "canaryQ7x@", 1) + ours.path("ca.pem") + client(ours), "WRONGPASS"},
		{"no TLS", "redis://wxproxy:canaryQ7@" + redis.Addr, "with TLS if that begins with rediss"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log logged
			if _, err := openRedis(t, test.url, loggingTo(&log)).Load(wx1); !errors.Is(err, token.ErrAway) {
				t.Errorf("got %v; want ErrAway", err)
			}
			if text := log.String(); !strings.Contains(text, test.want) || strings.Contains(text, "canary") {
				t.Errorf("got %s; want %s, and no secret", text, test.want)
			}
		})
	}
}

func TestACluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t)
	mustServe(t, "redis://"+nodes[0].Addr+"?cluster=true")
	for _, s := range nodes {
		withUser(s, append(append([]any{}, leastRights...), "+cluster|slots")...)
	}
	mustServe(t, "redis://wxproxy:canaryQ7@127.0.0.1:1?cluster=true&addr="+nodes[1].Addr)

	// One node alone knows a third of the keys, and sends away who asks for another.
	var log logged
	s, failed := openRedis(t, "redis://"+nodes[0].Addr, loggingTo(&log)), false
	for i := 0; i < 20 && !failed; i++ {
		_, err := s.Load(token.Key{AppID: fmt.Sprint("wx", i)})
		failed = errors.Is(err, token.ErrAway)
	}
	if !failed || !strings.Contains(log.String(), "add cluster=true") {
		t.Errorf("got %s; want to be told of the cluster", log.String())
	}

	many := openRedis(t, "redis://"+nodes[2].Addr+"?cluster=true")
	var told seen
	const accounts = 50
	for i := range accounts {
		many.Watch(token.Key{AppID: fmt.Sprint("wx", i)}, told.look)
	}
	many.Start()
	eventually(t, "look at accounts on all nodes", func() bool { return told.count() >= accounts })
	nodes[0].Pause()
	began := time.Now()
	for i := range accounts {
		many.Lease(token.Key{AppID: fmt.Sprint("wx", i)})
	}
	if took := time.Since(began); took > patience {
		t.Errorf("got answers after %v; want nobody to wait for a node that is away", took)
	}
	nodes[0].Resume()
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t)
	redistest.StartReplica(t, primary)
	sentinel := redistest.StartSentinel(t, "m", primary)
	sentinel.MustDo("ACL", "SETUSER", "w", "on", ">"+canaryPassword, "resetchannels", "&+switch-master", "&+replica-reconf-done",
		"-@all", "+sentinel|get-master-addr-by-name", "+sentinel|sentinels", "+subscribe")
	url := "redis://127.0.0.1:1/0?master_name=m&sentinel_username=w&sentinel_password=canaryQ7&addr=" + sentinel.Addr
	mustServe(t, url)
	s, told := watching(t, url)
	if denied := sentinel.MustDo("ACL", "LOG").([]any); len(denied) > 0 {
		t.Errorf("got %v; want nothing refused", denied)
	}
	known := mustSave(t, s, fetched("token-1", time.Now()))
	primary.MustDo("WAIT", 1, 5000)
	primary.Stop()
	began := time.Now()
	other := openRedis(t, url)
	eventually(t, "token in the new primary", func() bool { _, err := other.Save(wx1, fetched("token-2", time.Now())); return err == nil })
	t.Logf("failed over within %v", time.Since(began))
	wantStored(t, other, "token-2")
	eventually(t, "word of it", func() bool { return told.has(known.Notice.Generation + 1) })
	eventually(t, "answer", func() bool { _, err := s.Load(wx1); return err == nil })
	wantStored(t, s, "token-2")
}

package redis

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// beforeVersions are the fields of a record that was stored before there were versions.
func beforeVersions(t *testing.T) map[string]string {
	t.Helper()
	content, err := os.ReadFile("../../../testdata/records/before-versions.redis")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(content)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		fields[name] = strings.Trim(value, `"`)
	}
	now := time.Now()
	fields["expires_at"] = fmt.Sprint(now.Add(time.Hour).Unix())
	fields["fetched_at"] = fmt.Sprint(now.Add(-time.Hour).UnixMilli())
	fields["next_at"] = fmt.Sprint(now.Add(30 * time.Minute).UnixMilli())
	return fields
}

func hold(server *redistest.Server, name string, fields map[string]string) {
	for field, value := range fields {
		server.MustDo("HSET", name, field, value)
	}
}

func held(server *redistest.Server, name string) string {
	return fmt.Sprint(server.MustDo("HGETALL", name))
}

func TestRecordsFromBeforeVersionsAreRead(t *testing.T) {
	server := redistest.Start(t)
	s, key := openRedis(t, "redis://"+server.Addr), token.Key{AppID: "wx1"}
	before := beforeVersions(t)
	hold(server, s.name(key), before)
	r, err := s.Load(key)
	if err != nil || r.Token.Value.Reveal() != before["access_token"] || r.Notice.Generation != 7 {
		t.Errorf("got generation %d, %v; want the record", r.Notice.Generation, err)
	}
	r.Token.Value, r.Notice.FetchedAt = secret.New("token-2"), time.Now()
	if stored, err := s.Save(key, r); err != nil || stored.Notice.Generation != 8 {
		t.Errorf("got generation %d, %v; want the next one", stored.Notice.Generation, err)
	}
	names := server.MustDo("HKEYS", s.name(key)).([]any)
	got := map[string]bool{}
	for _, name := range names {
		got[name.(string)] = true
	}
	want := slices.Sorted(maps.Keys(before))
	for _, name := range append(want, "version") {
		if !got[name] {
			t.Errorf("got no %s, which the version before reads", name)
		}
	}
	if len(got) != len(want)+1 {
		t.Errorf("got %v; want those of before and version", names)
	}
}

func TestARecordOfALaterVersionIsLeftAlone(t *testing.T) {
	server, log, counted := redistest.Start(t), new(logged), tally.New()
	s, key := openRedis(t, "redis://"+server.Addr, loggingTo(log), func(c *Config) { c.Tally = counted }), token.Key{AppID: "wx1"}
	hold(server, s.name(key), map[string]string{"version": "2", "tokens": "canary", "generation": "9"})
	server.MustDo("PEXPIRE", s.name(key), 3_000_000)
	before := held(server, s.name(key))
	for range 2 {
		if _, err := s.Load(key); !errors.Is(err, token.ErrNewer) {
			t.Errorf("load: got %v; want ErrNewer", err)
		}
		record := token.Record{Token: token.Token{Value: secret.New("token-1"), Expires: time.Now().Add(time.Hour)}, Notice: token.Notice{FetchedAt: time.Now(), Generation: 9}}
		if _, err := s.Save(key, record); !errors.Is(err, token.ErrNewer) {
			t.Errorf("save: got %v; want ErrNewer", err)
		}
		if err := s.Remove(key); !errors.Is(err, token.ErrNewer) {
			t.Errorf("remove: got %v; want ErrNewer", err)
		}
	}
	if got := held(server, s.name(key)); got != before {
		t.Errorf("got %s; want %s", got, before)
	}
	if ttl := server.MustDo("PTTL", s.name(key)).(int64); ttl > 3_000_000 {
		t.Errorf("got a life of %d ms; want it as it was", ttl)
	}
	if strings.Count(log.String(), "level=ERROR") != 1 || strings.Contains(log.String(), "canary") {
		t.Errorf("got %s; want it said once", log)
	}
	if c := counted.Condition(); !c.Newer || !c.Up {
		t.Errorf("got %+v; want a store that is up, with newer records", c)
	}
}

func TestRedisForgets(t *testing.T) {
	server := redistest.Start(t)
	s := openRedis(t, "redis://"+server.Addr)
	for _, key := range []token.Key{{AppID: "wx1"}, {AppID: "wx1", Ticket: "jsapi"}, {AppID: "wx2"}} {
		hold(server, s.name(key), beforeVersions(t))
	}
	server.MustDo("SET", "wxproxy:wx3:token", "no hash")
	for _, key := range []token.Key{{AppID: "wx1"}, {AppID: "wx1", Ticket: "jsapi"}, {AppID: "wx3"}, {AppID: "wx4"}} {
		if err := s.Remove(key); err != nil {
			t.Errorf("%v: %v", key, err)
		}
	}
	if got := fmt.Sprint(server.MustDo("KEYS", "*")); got != "[wxproxy:wx2:token]" {
		t.Errorf("got %s; want the other account's alone", got)
	}
	server.Stop()
	if err := s.Remove(token.Key{AppID: "wx2"}); !errors.Is(err, token.ErrAway) {
		t.Errorf("got %v; want ErrAway", err)
	}
}

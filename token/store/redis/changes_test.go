package redis

import (
	"fmt"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/token"
)

// heardWithin is how soon other replicas have to know what an event has changed.
const heardWithin = 2 * time.Second

// following returns a store that has read all records of the platform and is told of others.
func following(t *testing.T, url string) (*Store, *told) {
	t.Helper()
	s, f := openRedis(t, url), &told{}
	s.Follow(component, f.look)
	s.Start()
	readAll(t, s)
	return s, f
}

func readAll(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Each(component, func(token.Key, token.Record, error) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// mustHear fails the test unless a follower is told of what is written now, and soon enough.
func mustHear(t *testing.T, f *told, writer *Store, appID string, within time.Duration) {
	t.Helper()
	key := token.Key{Platform: component, AppID: appID}
	mustGrant(t, writer, key, "of-"+appID)
	began := time.Now()
	eventually(t, "word of "+appID, func() bool { return f.count(key) > 0 })
	if took := time.Since(began); took > within {
		t.Errorf("%s: got word after %v; want it within %v", appID, took, within)
	}
}

// What is announced may get lost: a replica that hears nothing finds it out by the changes, and
// reads those alone.
func TestWhatIsNotHeardIsRead(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	withUser(server, append(append([]any{}, leastRights...), "+scan", "+persist", "-subscribe")...)
	writer := openRedis(t, "redis://"+server.Addr)
	mustGrant(t, writer, token.Key{Platform: component, AppID: "wx0"}, "before")
	s, f := following(t, "redis://wxproxy:canaryQ7@"+server.Addr)
	var keeper seen
	s.Watch(ofShop, keeper.look)
	for i := range 3 {
		mustHear(t, f, writer, fmt.Sprint("wx", i+1), heardWithin)
	}
	r, err := writer.Save(ofShop, fetched("token", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "word of a token", func() bool { return keeper.has(r.Notice.Generation) && f.count(ofShop) == 1 })
	mustGrant(t, s, token.Key{Platform: component, AppID: "wxown"}, "own")
	for i := range changesBatch + 10 { // more than is read in one go
		writer.mu.Lock()
		of := writer.changes.unnoted[component]
		if of == nil {
			of = map[string]int64{}
			writer.changes.unnoted[component] = of
		}
		of[fmt.Sprintf("%s:wxm%d:token", component, i)] = 1
		writer.mu.Unlock()
	}
	mustHear(t, f, writer, "wxlast", heardWithin) // notes the others, too, which Redis had not taken
	for i := range changesBatch + 10 {
		key := token.Key{Platform: component, AppID: fmt.Sprint("wxm", i)}
		eventually(t, "word of "+key.AppID, func() bool { return f.count(key) == 1 })
	}
	if n := f.count(token.Key{}); n != 0 {
		t.Errorf("was told %d times to read all; want no time", n)
	}
	for _, known := range []string{"wx0", "wxown"} {
		if f.count(token.Key{Platform: component, AppID: known}) != 0 {
			t.Errorf("was told of %s, which it has read or written itself", known)
		}
	}
}

// Who has missed more than Redis keeps, or finds other changes than those that it knows, reads all.
func TestWhoHasMissedTooMuchReadsAll(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*redistest.Server, string){
		"more than is kept":    func(s *redistest.Server, name string) { s.MustDo("HINCRBY", name, "last", changesKept+1) },
		"the changes are gone": func(s *redistest.Server, name string) { s.MustDo("DEL", name) },
		"another type":         func(s *redistest.Server, name string) { s.MustDo("DEL", name); s.MustDo("SET", name, "x") },
		"other changes":        func(s *redistest.Server, name string) { s.MustDo("HSET", name, "1", "1 other:wx:token w 1", "last", 2) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			writer := openRedis(t, "redis://"+server.Addr)
			mustGrant(t, writer, ofShop, "canary")
			s, f := following(t, "redis://"+server.Addr)
			lose(server, s.changesName(component))
			eventually(t, "word to read all", func() bool { return f.count(token.Key{}) == 1 })
			readAll(t, s)
			mustHear(t, f, writer, "wxnext", heardWithin)
		})
	}
}

// An error of Redis that a replica meets does not keep it from what others write meanwhile.
func TestAnErrorOfRedisLosesNoChange(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	writer := openRedis(t, "redis://"+server.Addr)
	s, f := following(t, "redis://"+server.Addr)
	server.MustDo("REPLICAOF", "127.0.0.1", "1")
	if _, err := s.Amend(ofShop, func(*token.Record) bool { return true }); err == nil {
		t.Fatal("a replica of Redis took a record")
	}
	if isAway(s) {
		t.Error("got a pause; want a Redis that refuses writes read on")
	}
	server.MustDo("REPLICAOF", "NO", "ONE")
	mustHear(t, f, writer, "wxlater", heardWithin)
	s.report(saves, errSilent)
	if !isAway(s) {
		t.Error("got a Redis that is asked on; want a pause after it did not answer")
	}
	mustHear(t, f, writer, "wxlast", heardWithin)
	if n := f.count(token.Key{}); n != 0 {
		t.Errorf("was told %d times to read all; want no time", n)
	}
}

// isAway reports whether s does not ask Redis for now.
func isAway(s *Store) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.awayTill)
}

// Connections that a firewall has forgotten are found out by what does not come over them.
func TestConnectionsThatAreLostWithoutAWordAreFoundOut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	link := redistest.NewLink(t, server.Addr)
	writer := openRedis(t, "redis://"+server.Addr)
	s, f := following(t, "redis://"+link.Addr)
	var account seen
	s.Watch(wx1, account.look)
	known := fetched("token", time.Now())
	for round := range int64(3) {
		time.Sleep(silentAfter)
		link.Lose()
		known = mustSave(t, writer, known)
		mustHear(t, f, writer, fmt.Sprint("wx", round), heardWithin+time.Second)
		eventually(t, "word of the account", func() bool { return account.has(round + 1) })
		began := time.Now()
		if _, err := s.Load(wx1); err != nil || time.Since(began) > timeout/2 {
			t.Errorf("got %v after %v; want all connections made anew", err, time.Since(began))
		}
	}
	if n := f.count(token.Key{}); n != 0 {
		t.Errorf("was told %d times to read all; want no time", n)
	}
}

// Without a platform nobody asks, and the ear alone finds out.
func TestAnAccountsListenerIsFoundOutToBeDeaf(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	link := redistest.NewLink(t, server.Addr)
	_, told := watching(t, "redis://"+link.Addr)
	writer := openRedis(t, "redis://"+server.Addr)
	time.Sleep(pingEvery)
	link.Lose()
	mustSave(t, writer, fetched("token", time.Now()))
	began := time.Now()
	eventually(t, "word of it", func() bool { return told.has(1) })
	if took := time.Since(began); took > 2*silentAfter {
		t.Errorf("got word after %v; want it within %v", took, 2*silentAfter)
	}
}

func TestChangesAreKnownInACluster(t *testing.T) {
	t.Parallel()
	url := "redis://" + redistest.StartCluster(t)[0].Addr + "?cluster=true"
	writer := openRedis(t, url)
	eventually(t, "a cluster that works", func() bool {
		_, err := writer.Amend(ofShop, func(r *token.Record) bool { r.State = token.Authorized; return true })
		return err == nil
	})
	s, f := following(t, url)
	at := func() int64 { s.mu.Lock(); defer s.mu.Unlock(); return s.followed[component].at.number }
	before := at()
	for i := range int64(3) {
		mustHear(t, f, writer, fmt.Sprint("wx", i), heardWithin)
		eventually(t, "the change read", func() bool { return at() == before+i+1 })
	}
	if n := f.count(token.Key{}); n != 0 {
		t.Errorf("was told %d times to read all; want no time", n)
	}
}

package platform_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/token"
	"wxproxy/token/store"
)

// fill stores authorizers as they are after an authorization.
func fill(t testing.TB, s token.PlatformStore, n int) {
	t.Helper()
	now := time.Now()
	if _, err := s.Amend(token.Key{Platform: component, AppID: component}, func(r *token.Record) bool {
		r.ListedAt = now // or the list would end them
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		_, err := s.Amend(token.Key{Platform: component, AppID: numbered(i)}, func(r *token.Record) bool {
			r.Refresh, r.AuthorizedAt = secret.New(fmt.Sprintf("refreshtoken@@@%043d", i)), now.Add(-time.Hour).Truncate(time.Second)
			r.Token = token.Token{Value: secret.New(fmt.Sprintf("%0136d", i)), Expires: now.Add(time.Hour + time.Duration(i%60)*time.Second)}
			r.Notice.FetchedAt = now
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(i int) string { return fmt.Sprintf("wx%016x", i) }

func TestAuthorizersTakeLittleMemory(t *testing.T) {
	const n, most = 20_000, 4 << 10
	w := newWorld(t)
	fill(t, w.store, n)
	var before, known, called runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := w.run(w.options())
	eventually(t, 30*time.Second, "loaded", p.Loaded)
	runtime.GC()
	runtime.ReadMemStats(&known)
	for i := range n {
		if _, err := served(p, numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second)
	runtime.GC()
	runtime.ReadMemStats(&called)
	each := func(m runtime.MemStats) uint64 {
		return (m.HeapAlloc + m.StackInuse - before.HeapAlloc - before.StackInuse) / n
	}
	t.Logf("%d bytes for one that is known, %d for one that is called", each(known), each(called))
	if each(called) > most {
		t.Errorf("an account that is called takes %d bytes; want at most %d", each(called), most)
	}
	if c := w.Counts(); c.Refreshes != 0 {
		t.Errorf("%d refreshes; want the stored tokens used", c.Refreshes)
	}
	began := time.Now()
	if total, page := p.Authorizers(n-10, 100, ""); total != n || len(page) != 10 || page[9].AppID != numbered(n-1) {
		t.Errorf("got %d, %d", total, len(page))
	}
	p.Status()
	t.Logf("a page and the status took %v", time.Since(began))
}

// BenchmarkStart tells how long it takes until the authorizers in files are known.
func BenchmarkStart(b *testing.B) {
	const n = 20_000
	s, err := store.NewFile(filepath.Join(b.TempDir(), "tokens"), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	fill(b, s, n)
	w := &world{}
	w.store = s
	for b.Loop() {
		o := platform.Options{Name: "saas", AppID: component, Store: s}
		o.Secret = func() (secret.Secret, error) { return secret.New(appSecret), nil }
		p := platform.New(o)
		p.Start()
		for !p.Loaded() {
			time.Sleep(time.Millisecond)
		}
		p.Stop()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)*100_000/n, "ms/100000")
}

// BenchmarkSearch tells how long the page takes to find some of 100,000 authorizers.
func BenchmarkSearch(b *testing.B) {
	const n = 100_000
	w := &world{}
	w.store = store.NewMemory()
	fill(b, w.store, n)
	o := platform.Options{Name: "saas", AppID: component, Store: w.store}
	o.Secret = func() (secret.Secret, error) { return secret.New(appSecret), nil }
	p := platform.New(o)
	p.Start()
	defer p.Stop()
	for !p.Loaded() {
		time.Sleep(time.Millisecond)
	}
	for name, q := range map[string]platform.Query{
		"all":  {Limit: 200, ProblemsFirst: true},
		"some": {Limit: 200, ProblemsFirst: true, Matches: func(m platform.Match) bool { return strings.Contains(m.AppID, "99") }},
		"last": {Offset: n - 100, Limit: 100},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p.Search(q)
			}
		})
	}
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			p.Status()
		}
	})
}

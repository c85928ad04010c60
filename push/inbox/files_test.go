package inbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token/store/seal"
)

// A safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffer.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buffer.String()
}

// folderOf opens an inbox in dir, and says what it logs.
func folderOf(t *testing.T, dir string, sealer *seal.Sealer) (*Inbox, *safeBuffer) {
	t.Helper()
	log := new(safeBuffer)
	b, err := Open(Config{Dir: dir, Max: 1 << 30, Sealer: sealer, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b, log
}

func sealer(t *testing.T, key, old string) *seal.Sealer {
	t.Helper()
	s, err := seal.New(secret.New(key), secret.New(old))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until is reports true.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("got no %s within %v", what, patience)
}

// records returns the files of waiting pushes, in order.
func records(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.push"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWaitingPushesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tokens", "pushes")
	b, _ := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"), push("a", "f", "2"), push("b", "f", "3"), push("a", "f", "4"))
	p := new(program)
	p.set(func(push *Push) error { return errors.New("program is down") })
	b.Start(p.deliver)
	await(t, "attempts", func() bool { return len(p.list()) >= 3 })
	before := time.Now()
	stop(t, b)

	b, _ = folderOf(t, dir, nil)
	s, err := b.State(context.Background())
	if err != nil || s.Waiting["a"] != 3 || s.Waiting["b"] != 1 || s.Bytes == 0 || s.Oldest.After(before) || time.Since(s.Oldest) > time.Minute {
		t.Errorf("got %+v, %v; want what was stored", s, err)
	}
	p = new(program)
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 4 })
	stop(t, b)
	var ofA []string
	for _, line := range p.list() {
		if strings.HasPrefix(line, "a") {
			ofA = append(ofA, line[:len("a f 1")])
		}
		if strings.HasSuffix(line, "f 1 1") || strings.HasSuffix(line, "f 3 1") {
			t.Errorf("got %q; want the attempts of before counted", line)
		}
	}
	same(t, ofA, "a f 1", "a f 2", "a f 4")
	if left := records(t, dir); len(left) != 0 {
		t.Errorf("got %q left", left)
	}
}

func TestOneDamagedFileLosesOnlyItself(t *testing.T) {
	t.Parallel()
	damages := []struct {
		name string
		do   func(path string) error
	}{
		{"a byte is another", func(path string) error {
			record, err := os.ReadFile(path)
			record[len(record)-1] ^= 1
			return errors.Join(err, os.WriteFile(path, record, 0o600))
		}},
		{"a byte of the header is another", func(path string) error {
			record, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, bytes.Replace(record, []byte(`"account":"a"`), []byte(`"account":"b"`), 1), 0o600))
		}},
		{"it ends early", func(path string) error { return os.Truncate(path, 100) }},
		{"it is empty", func(path string) error { return os.Truncate(path, 0) }},
		{"it is a folder", func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }},
		{"it is something else", func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{0xff}, 1<<20), 0o600) }},
		{"it claims to be huge", func(path string) error {
			return os.WriteFile(path, []byte("wxproxy-push 1 9999999999 9999999999 00000000\n{}"), 0o600)
		}},
	}
	for _, damage := range damages {
		t.Run(damage.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b, _ := folderOf(t, dir, nil)
			for _, body := range []string{"1", canary, "3"} {
				add(t, b, push("a", "f", body))
			}
			stop(t, b)
			path := records(t, dir)[1]
			if err := damage.do(path); err != nil {
				t.Fatal(err)
			}
			b, log := folderOf(t, dir, nil)
			p := new(program)
			b.Start(p.deliver)
			await(t, "deliveries", func() bool { return len(p.list()) == 2 })
			stop(t, b)
			same(t, p.list(), "a f 1 1", "a f 3 1")
			if damage.name == "a byte is another" && !strings.Contains(log.String(), "account=a forward=f err=") {
				t.Errorf("got %s; want it to say whose push", log.String())
			}
			if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "is lost") || !strings.Contains(log.String(), "account=a ") || !strings.Contains(log.String(), "look at the disk") || strings.Contains(log.String(), canary) {
				t.Errorf("got %d lines; want one that says so:\n%s", got, log.String())
			}
			if kept, err := os.ReadDir(filepath.Join(dir, asideDir)); err != nil || len(kept) != 1 {
				t.Errorf("got %v, %v; want it kept aside", kept, err)
			}
			if s, _ := b.State(context.Background()); s.Bytes != 0 || len(s.Waiting) != 0 {
				t.Errorf("got %+v; want nothing left", s)
			}
		})
	}
}

func TestAFileThatCannotBeReadIsLeftForTheNextStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"), push("a", "f", "2"))
	stop(t, b)
	path := records(t, dir)[0]
	record, err := os.ReadFile(path)
	loop := filepath.Join(t.TempDir(), "loop")
	if err := errors.Join(err, os.Remove(path), os.Symlink(loop, loop), os.Symlink(loop, path)); err != nil {
		t.Skip("links cannot be made here:", err)
	}
	b, log := folderOf(t, dir, nil)
	p := new(program)
	b.Start(p.deliver)
	await(t, "delivery of the other one", func() bool { return len(p.list()) == 1 })
	stop(t, b)
	if !strings.Contains(log.String(), "until the next start") || strings.Contains(log.String(), "is lost") {
		t.Errorf("got %s", log)
	}
	left := records(t, dir)
	if len(left) != 1 {
		t.Fatalf("got %q; want it left", left)
	}
	if err := errors.Join(os.Remove(left[0]), os.WriteFile(left[0], record, 0o600)); err != nil {
		t.Fatal(err)
	}
	b, _ = folderOf(t, dir, nil)
	b.Start(p.deliver)
	await(t, "delivery after the next start", func() bool { return len(p.list()) == 2 })
	stop(t, b)
	same(t, p.list(), "a f 2 1", "a f 1 1")
}

func TestARecordOfALaterVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"), push("b", "f", "2"))
	stop(t, b)
	path := records(t, dir)[0]
	later := []byte("wxproxy-push 2 whatever\n" + canary)
	if err := os.WriteFile(path, later, 0o600); err != nil {
		t.Fatal(err)
	}
	b, log := folderOf(t, dir, nil)
	p := new(program)
	b.Start(p.deliver)
	await(t, "delivery, and a line", func() bool { return len(p.list()) == 1 && strings.Contains(log.String(), "later version") })
	stop(t, b)
	same(t, p.list(), "b f 2 1")
	left := records(t, dir)
	if len(left) != 1 {
		t.Fatalf("got %q left; want one", left)
	}
	if content, err := os.ReadFile(left[0]); err != nil || !bytes.Equal(content, later) {
		t.Errorf("got %q, %v; want it as it was", content, err)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("got %d lines; want one:\n%s", n, log)
	}
}

func TestDamagedFilesThatAreKeptAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := folderOf(t, dir, nil)
	for i := range maxAside + 10 {
		add(t, b, push("a", "f", fmt.Sprint(i)))
	}
	stop(t, b)
	for _, path := range records(t, dir) {
		if err := os.Truncate(path, 10); err != nil {
			t.Fatal(err)
		}
	}
	b, log := folderOf(t, dir, nil)
	b.Start(new(program).deliver)
	await(t, "empty folder", func() bool { return len(records(t, dir)) == 0 })
	stop(t, b)
	if kept, err := os.ReadDir(filepath.Join(dir, asideDir)); err != nil || len(kept) != maxAside {
		t.Errorf("got %d kept, %v; want %d", len(kept), err, maxAside)
	}
	if n := strings.Count(log.String(), "\n"); n < maxAside || n > maxAside+2 {
		t.Errorf("got %d lines; want one of each that is kept, and no more", n)
	}
	if s, _ := b.State(context.Background()); s.Lost != maxAside+10 {
		t.Errorf("got %d lost; want all", s.Lost)
	}
}

func TestADiskThatTakesNothingFailsAddAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pushes")
	b, log := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"))
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	before, _ := b.State(context.Background())
	for range 3 {
		if err := b.Add(context.Background(), push("a", "f", "2")); err == nil || errors.Is(err, ErrFull) || strings.Contains(err.Error(), canary) {
			t.Errorf("got %v; want that it cannot be stored", err)
		}
	}
	if after, _ := b.State(context.Background()); after.Bytes != before.Bytes {
		t.Errorf("got %d bytes; want %d", after.Bytes, before.Bytes)
	}
	if n := strings.Count(log.String(), "cannot be stored"); n != 1 {
		t.Errorf("got %d lines; want one", n)
	}
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	add(t, b, push("a", "f", "3"))
	p := new(program)
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 2 })
	stop(t, b)
	same(t, p.list(), "a f 1 1", "a f 3 1")
}

// A busy is a folder in a process that has no file descriptors left for a while.
type busy struct {
	*folder
	times atomic.Int64
}

func (b *busy) get(name string) ([]byte, error) {
	if b.times.Add(-1) >= 0 {
		return nil, syscall.EMFILE
	}
	return b.folder.get(name)
}

func TestAProcessWithoutFileDescriptorsLosesNothing(t *testing.T) {
	t.Parallel()
	b, log := folderOf(t, t.TempDir(), nil)
	l := b.store.(*local)
	shelf := &busy{folder: l.shelf.(*folder)}
	shelf.times.Store(3)
	l.shelf = shelf
	add(t, b, push("a", "f", "1"), push("a", "f", "2"))
	p := new(program)
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 2 })
	stop(t, b)
	same(t, p.list(), "a f 1 1", "a f 2 1")
	if log.String() != "" {
		t.Errorf("got %s", log)
	}
}

// A fullDisk is a folder on a disk without room.
type fullDisk struct{ *folder }

func (f fullDisk) put(string, []byte) error { return syscall.ENOSPC }
func (f fullDisk) add(string, []byte) error { return syscall.ENOSPC }

func TestAFullDiskDeliversAndGivesUpAllTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := folderOf(t, dir, nil)
	old := push("a", "f", "1")
	add(t, b, old, push("a", "f", "2"))
	l := b.store.(*local)
	l.shelf = fullDisk{l.shelf.(*folder)}
	if err := b.Add(context.Background(), push("a", "f", "3")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v; want no room", err)
	}
	ctx := context.Background()
	queues, _, err := l.Take(ctx, 1, 0)
	if err != nil || len(queues) != 1 {
		t.Fatalf("got %v, %v", queues, err)
	}
	e, err := l.Next(ctx, queues[0].Queue)
	if err != nil {
		t.Fatal(err)
	}
	e.LastError = "program is down"
	if err := l.GiveUp(ctx, e); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(ctx, queues[0].Queue, false); err != nil {
		t.Fatal(err)
	}
	p := new(program)
	b.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	stop(t, b)
	b, _ = folderOf(t, dir, nil)
	defer stop(t, b)
	if failed, _ := b.Failed(ctx); len(failed) != 1 || failed[0].ID != old.ID || failed[0].Attempts != 1 {
		t.Errorf("got %+v; want the first one", failed)
	}
}

func TestAttemptsThatSentNothingAreNotCounted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, log := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"))
	p := new(program)
	p.set(func(*Push) error { return &NotSent{errors.New("there is no such forward")} })
	b.Start(p.deliver)
	await(t, "attempt", func() bool { return len(p.list()) >= 1 })
	stop(t, b)
	if got := log.String(); !strings.Contains(got, "do what err says, and reload") || strings.Contains(got, "look at the program") {
		t.Errorf("got %s; want a remedy for what was not sent", got)
	}
	b, _ = folderOf(t, dir, nil)
	before := p.list()
	p.set(func(*Push) error {
		if len(p.list()) == len(before)+1 {
			return errors.New("program is down")
		}
		return nil
	})
	b.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == len(before)+2 })
	stop(t, b)
	same(t, p.list()[len(before):], "a f 1 1", "a f 1 2")
}

func TestFailedPushesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	b, _ := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1"), push("a", "f", "2"))
	l := b.store.(*local)
	queues, _, _ := l.Take(ctx, 1, 0)
	for range 2 {
		e, err := l.Next(ctx, queues[0].Queue)
		if err != nil {
			t.Fatal(err)
		}
		e.LastError = "program is down\n" + e.ID
		if err := l.GiveUp(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := b.Failed(ctx)
	stateBefore, _ := b.State(ctx)
	stop(t, b)
	b, _ = folderOf(t, dir, nil)
	after, _ := b.Failed(ctx)
	if len(after) != 2 || after[0].ID != "id-2" || after[0].Forward != "f" || after[0].LastError != "program is down\nid-2" || after[0].Attempts != 1 ||
		!after[0].At.Equal(before[0].At) || !after[0].Received.Equal(before[0].Received) {
		t.Errorf("got\n%+v\nwant\n%+v", after, before)
	}
	if s, _ := b.State(ctx); s.Bytes != stateBefore.Bytes || s.Failed["a"] != 2 {
		t.Errorf("got %+v; want %+v", s, stateBefore)
	}
	if found, err := b.Retry(ctx, "id-1"); !found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
	p := new(program)
	b.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	stop(t, b)
	same(t, p.list(), "a f 1 2")
}

func TestFilesAreTheOwnersAndEncryptedIfThereIsAKey(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), filepath.Join(t.TempDir(), "pushes")
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	b, _ := folderOf(t, dir, nil)
	add(t, b, push("a", "f", "1")) // before there was a key
	b.Use(1<<30, sealer(t, first, ""))
	add(t, b, push("a", "f", canary))
	for i := range 10 {
		add(t, b, push("a", "f", fmt.Sprint("more ", i)))
	}
	stop(t, b)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		info, infoErr := entry.Info()
		if err := errors.Join(err, infoErr); err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("got mode %v of %s", info.Mode(), path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if record, err := os.ReadFile(records(t, dir)[1]); err != nil || strings.Count(string(record), canary) != 1 || strings.Contains(string(record), "openid") {
		t.Errorf("got %q, %v; want nothing but the id in the clear", record, err)
	}

	wrong, log := folderOf(t, dir, sealer(t, second, ""))
	p := new(program)
	wrong.Start(p.deliver)
	await(t, "failure", func() bool { failed, _ := wrong.Failed(ctx); return len(failed) == 11 })
	stop(t, wrong)
	same(t, p.list(), "a f 1 1")
	if failed, _ := wrong.Failed(ctx); !strings.Contains(failed[0].LastError, "encryption_key_old") || failed[0].Attempts != 0 {
		t.Errorf("got %+v; want what to do, and no attempt", failed)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("got %d lines; want one, and one that counts the others:\n%s", n, log.String())
	}

	right, _ := folderOf(t, dir, sealer(t, second, first))
	if found, err := right.Retry(ctx, "id-"+canary); !found || err != nil {
		t.Fatalf("got %v, %v", found, err)
	}
	right.Start(p.deliver)
	await(t, "delivery", func() bool { return len(p.list()) == 2 })
	stop(t, right)
	same(t, p.list(), "a f 1 1", "a f "+canary+" 1")
}

func TestTwoProcessesOnOneFolderDeliverEachPushOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, _ := folderOf(t, dir, nil)
	const each = 20
	for i := range each {
		add(t, a, push("a", "f", fmt.Sprint("a", i)))
	}
	slow, p := make(chan struct{}, 1), new(program)
	p.set(func(push *Push) error {
		if string(push.Body) == "a10" {
			slow <- struct{}{}
			time.Sleep(300 * time.Millisecond)
		}
		return nil
	})
	a.Start(p.deliver)
	b, _ := folderOf(t, dir, nil) // the process that is to take its place
	b.Start(p.deliver)
	for i := range each {
		add(t, b, push("a", "f", fmt.Sprint("b", i)))
	}
	<-slow
	stop(t, a)
	await(t, "deliveries", func() bool { return len(p.list()) >= 2*each })
	time.Sleep(50 * time.Millisecond)
	stop(t, b)
	var want []string
	for i := range each {
		want = append(want, fmt.Sprintf("a f a%d 1", i))
	}
	for i := range each {
		want = append(want, fmt.Sprintf("a f b%d 1", i))
	}
	same(t, p.list(), want...)
	if s, _ := b.State(context.Background()); s.Bytes != 0 || len(s.Waiting) != 0 {
		t.Errorf("got %+v; want nothing left", s)
	}
}

func TestWhatIsInTheFolderBesidesIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README", "new/1", "new/2", "0000000000000000-zzzzzzzzzzzzzzzz-0.push"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if name != "new/2" {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	b, _ := folderOf(t, dir, nil)
	b.Start(func(context.Context, *Push) error { return nil })
	names := func(dir string) (got []string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			got = append(got, e.Name())
		}
		return got
	}
	await(t, "end of what was never finished", func() bool { return len(names(filepath.Join(dir, "new"))) == 1 })
	same(t, names(filepath.Join(dir, "new")), "2")
	stop(t, b)
	same(t, names(dir), "0000000000000000-zzzzzzzzzzzzzzzz-0.push", "README", "failed", "lock", "new")
}

// What a process dies over while others work is removed by them.
func TestFilesThatWereNeverFinishedGoWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store, err := newLocal(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	now, path := time.Now(), filepath.Join(dir, "new", "1")
	store.tidy(now)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, now.Add(-leftOver), now.Add(-leftOver)); err != nil {
		t.Fatal(err)
	}
	store.tidy(now.Add(seldom - 1))
	if _, err := os.Stat(path); err != nil {
		t.Errorf("before a minute was over got %v", err)
	}
	store.tidy(now.Add(seldom))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("got %v; want no file", err)
	}
}

// A clock that is set back puts nothing before what waits.
func TestAClockThatIsSetBackKeepsTheOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := folderOf(t, dir, nil)
	l := b.store.(*local)
	l.mu.Lock()
	l.last = uint64(time.Now().Add(time.Hour).UnixMicro()) * tick
	l.mu.Unlock()
	add(t, b, push("a", "f", "1"))
	stop(t, b)
	b, _ = folderOf(t, dir, nil)
	add(t, b, push("a", "f", "2"))
	p := new(program)
	b.Start(p.deliver)
	await(t, "deliveries", func() bool { return len(p.list()) == 2 })
	stop(t, b)
	same(t, p.list(), "a f 1 1", "a f 2 1")
}

// A large is a shelf of many records of 2 KiB, which it makes when one is read.
type large struct {
	*ram
	count int
}

func (l large) list() ([]listed, error) {
	all := make([]listed, l.count)
	for n := range all {
		i := item{seq: uint64(n+1) * tick}
		all[n] = listed{name: i.name(hashOf(Queue("a", fmt.Sprint(n%10)))), size: 2 << 10}
	}
	return all, nil
}

func (l large) part(string, int64, int) ([]byte, error) { return Encode(push("a", "f", "1"), nil) }

// What waits on the disk is not in memory.
func TestPushesThatWaitInFilesTakeLittleMemory(t *testing.T) {
	const count = 100_000
	used := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	b := openMemory(t, nil)
	l := b.store.(*local)
	l.shelf = large{l.shelf.(*ram), count}
	before := used()
	if err := l.read(); err != nil {
		t.Fatal(err)
	}
	if each := (used() - before) / count; each > 60 {
		t.Errorf("got %d bytes of memory for each; want at most 60", each)
	}
	if s, _ := b.State(context.Background()); s.Waiting["a"] != count || s.Bytes != count*(2<<10) {
		t.Errorf("got %+v", s)
	}
}

func TestAddsAtTheSameTimeAreAllThere(t *testing.T) {
	t.Parallel()
	b, _ := folderOf(t, t.TempDir(), nil)
	p := new(program)
	b.Start(p.deliver)
	var adding sync.WaitGroup
	const workers, each = 8, 50
	for w := range workers {
		adding.Go(func() {
			for i := range each {
				if err := b.Add(context.Background(), push("a", fmt.Sprint(w), fmt.Sprintf("%03d", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	adding.Wait()
	await(t, "deliveries", func() bool { return len(p.list()) >= workers*each })
	stop(t, b)
	got := p.list()
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(strings.Fields(a)[1], strings.Fields(b)[1]) })
	for i, line := range got {
		if want := fmt.Sprintf("a %d %03d 1", i/each, i%each); line != want {
			t.Fatalf("got %q; want %q", line, want)
		}
	}
}

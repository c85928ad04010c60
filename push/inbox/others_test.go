package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// A rollback: the process that was to take the place of another one ends first.
func TestWhatAnotherProcessHasAddedIsDeliveredInItsPlace(t *testing.T) {
	t.Parallel()
	dir, p, began, goOn := t.TempDir(), new(program), make(chan struct{}), make(chan struct{})
	a, logA := folderOf(t, dir, nil)
	p.set(func(push *Push) error {
		if string(push.Body) == "a0" {
			close(began)
			<-goOn
		}
		return nil
	})
	a.Start(p.deliver)
	add(t, a, push("a", "f", "a0"))
	<-began
	b, logB := folderOf(t, dir, nil)
	b.Start(p.deliver)
	add(t, b, push("a", "f", "b0"), push("new", "f", "b1"))
	waiting := func(b *Inbox) map[string]int {
		s, err := b.State(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s.Waiting
	}
	await(t, "delivery of a new queue", func() bool { return len(p.list()) == 2 })
	await(t, "push of the other process", func() bool { return waiting(a)["a"] == 2 })
	add(t, a, push("a", "f", "a1"))
	close(goOn)
	await(t, "deliveries", func() bool { return len(p.list()) == 4 })
	same(t, p.list(), "a f a0 1", "new f b1 1", "a f b0 1", "a f a1 1")
	await(t, "end of what was delivered", func() bool { return len(waiting(b)) == 0 })
	add(t, b, push("a", "f", "b2"))
	stop(t, b)
	await(t, "delivery after the other process", func() bool { return len(p.list()) == 5 })
	await(t, "end of what was delivered", func() bool { return len(waiting(a)) == 0 })
	stop(t, a)
	if s, _ := a.State(context.Background()); s.Bytes != 0 {
		t.Errorf("got %d bytes; want none", s.Bytes)
	}
	const stands, lost = "another process delivers the pushes", "lost"
	if strings.Count(logB.String(), stands) != 1 || strings.Contains(logA.String(), stands) || strings.Contains(logA.String()+logB.String(), lost) {
		t.Errorf("got %s and %s", logA, logB)
	}
}

// What was delivered elsewhere takes no room.
func TestAProcessThatStandsByDoesNotFillUp(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), new(program)
	a, _ := folderOf(t, dir, nil)
	a.Start(p.deliver)
	const room = 300 // for one
	log := new(safeBuffer)
	b, err := Open(Config{Dir: dir, Max: room, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	b.Start(p.deliver)
	for i := range 3 {
		await(t, "room", func() bool {
			err := b.Add(context.Background(), push("a", "f", fmt.Sprint(i)))
			if err != nil && !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	await(t, "deliveries", func() bool { return len(p.list()) == 3 })
	stop(t, a)
	await(t, "word of the change", func() bool { return strings.Contains(log.String(), "this one delivers them from now on") })
	stop(t, b)
	same(t, p.list(), "a f 0 1", "a f 1 1", "a f 2 1")
}

func TestAPushThatAnotherProcessRetriesIsTriedAgain(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), new(program)
	store, err := newLocal(Config{Dir: dir, Max: 1 << 20, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := store.Add(ctx, push("a", "f", "1")); err != nil {
		t.Fatal(err)
	}
	e, err := store.Next(ctx, hashOf(Queue("a", "f")))
	if err != nil {
		t.Fatal(err)
	}
	e.LastError = "words"
	if err := store.GiveUp(ctx, e); err != nil {
		t.Fatal(err)
	}
	a, err := Open(Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	a.Start(p.deliver)
	b, _ := folderOf(t, dir, nil)
	b.Start(p.deliver)
	if found, err := b.Retry(ctx, e.ID); !found || err != nil {
		t.Fatalf("got %v, %v; want it found", found, err)
	}
	await(t, "delivery", func() bool { return len(p.list()) == 1 })
	await(t, "end of the failed one", func() bool {
		failed, _ := a.Failed(ctx)
		s, _ := a.State(ctx)
		return len(failed) == 0 && s.Bytes == 0
	})
	stop(t, b)
	stop(t, a)
}

// A slowDisk is a folder that says late that a record is there.
type slowDisk struct {
	*folder
	there chan struct{}
	goOn  chan struct{}
}

func (s slowDisk) put(name string, record []byte) error {
	err := s.folder.put(name, record)
	close(s.there)
	<-s.goOn
	return err
}

// A process that takes over reads the folder while it adds.
func TestAPushThatIsBeingAddedAtATakeoverIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	dir, p := t.TempDir(), new(program)
	a, _ := folderOf(t, dir, nil)
	b, log := folderOf(t, dir, nil)
	l := b.store.(*local)
	disk := slowDisk{l.shelf.(*folder), make(chan struct{}), make(chan struct{})}
	l.shelf = disk
	b.Start(p.deliver)
	var adding sync.WaitGroup
	adding.Go(func() { add(t, b, push("a", "f", "1")) })
	<-disk.there
	stop(t, a)
	await(t, "word of the change", func() bool { return strings.Contains(log.String(), "this one delivers them from now on") })
	time.Sleep(100 * time.Millisecond)
	close(disk.goOn)
	adding.Wait()
	await(t, "end of the delivery", func() bool {
		s, err := b.State(context.Background())
		return err == nil && len(p.list()) == 1 && len(s.Waiting) == 0
	})
	stop(t, b)
	same(t, p.list(), "a f 1 1")
	if s, _ := b.State(context.Background()); s.Lost != 0 || s.Bytes != 0 || strings.Contains(log.String(), "is lost") {
		t.Errorf("got %+v and %s; want nothing lost", s, log)
	}
}

// A busyDisk is a slow one on which something happens once it has been listed, and when a
// record is looked into after that.
type busyDisk struct {
	slowDisk
	listed, lookedInto func()
}

func (b busyDisk) list() ([]listed, error) {
	all, err := b.slowDisk.list()
	b.listed()
	return all, err
}

func (b busyDisk) part(name string, offset int64, n int) ([]byte, error) {
	b.lookedInto()
	return b.slowDisk.part(name, offset, n)
}

// The owner goes on while it looks what others have added.
func TestPushesThatComeAndGoWhileTheFolderIsListedAreCountedOnce(t *testing.T) {
	t.Parallel()
	ctx, dir := context.Background(), t.TempDir()
	a, log := folderOf(t, dir, nil)
	b, _ := folderOf(t, dir, nil)
	l := a.store.(*local)
	end := func(account string, how func(context.Context, *Entry) error) {
		e, err := l.Next(ctx, hashOf(Queue(account, "f")))
		if err != nil || e == nil || how(ctx, e) != nil {
			t.Errorf("got %v, %v of %s; want a push", e, err, account)
		}
	}
	add(t, a, push("done", "f", "1"), push("failed", "f", "2"))
	disk := slowDisk{l.shelf.(*folder), make(chan struct{}), make(chan struct{})}
	var adding sync.WaitGroup
	l.shelf = busyDisk{disk, func() {
		end("done", l.Done)
		end("failed", l.GiveUp)
	}, sync.OnceFunc(func() {
		close(disk.goOn)
		adding.Wait()
		end("new", l.Done)
	})}
	adding.Go(func() { add(t, a, push("new", "f", "3")) })
	<-disk.there
	add(t, b, push("other", "f", "4"))
	l.meet()
	end("other", l.Done)
	s, err := l.State(ctx)
	if len(s.Waiting) != 0 || s.Failed["failed"] != 1 || s.Bytes != l.wasted || s.Lost != 0 || err != nil {
		t.Errorf("got %+v, %v and %s; want the failed one and no other", s, err, log)
	}
}

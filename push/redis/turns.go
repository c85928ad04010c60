package redis

import (
	"context"
	"errors"
	"time"

	"wxproxy/push/inbox"
)

// poll is how often Redis is asked what is due: others add pushes, and leave queues.
const poll = time.Second

// errAnswer says that a script has returned something else than it does.
var errAnswer = errors.New("reading what the inbox in Redis has answered: it is something else")

// Wake implements [inbox.Store].
func (s *Store) Wake(ctx context.Context) error {
	const batch = 1000
	for from := int64(0); ; {
		answer, err := s.run(ctx, s.scripts.wake, s.keys, from, batch)
		if err != nil {
			return err
		}
		numbers := numbersIn(answer, 2)
		if from += numbers[1]; numbers[0] < batch {
			return nil
		}
	}
}

// Take implements [inbox.Store].
func (s *Store) Take(ctx context.Context, fresh, again int) (taken []inbox.Taken, next time.Duration, err error) {
	s.forgetFailed(ctx)
	answer, err := s.run(ctx, s.scripts.take, s.keys, s.owner, fresh, again, s.lease.Milliseconds())
	if err != nil {
		return nil, 0, err
	}
	list, _ := answer.([]any)
	const parts = 3
	if len(list) != parts {
		return nil, 0, errAnswer
	}
	for _, queue := range stringsIn(list[0]) {
		taken = append(taken, inbox.Taken{Queue: queue})
	}
	for _, queue := range stringsIn(list[1]) {
		taken = append(taken, inbox.Taken{Queue: queue, Again: true})
	}
	next = poll
	if wait, ok := list[2].(int64); ok && wait >= 0 {
		next = min(next, time.Duration(wait+1)*time.Millisecond)
	}
	return taken, next, nil
}

// Next implements [inbox.Store].
func (s *Store) Next(ctx context.Context, queue string) (*inbox.Entry, error) {
	for {
		answer, err := s.run(ctx, s.scripts.next, s.keysOf(queue), queue, s.owner, s.lease.Milliseconds())
		if err != nil {
			return nil, err
		}
		list, _ := answer.([]any)
		if len(list) == 0 {
			return nil, nil
		}
		e, err := s.entry(queue, list)
		if err == nil {
			return e, nil
		}
		if errors.Is(err, inbox.ErrNewer) {
			s.newer.Note(func(int) {
				s.log.Error("pushes are waiting that a later version of wxproxy has stored: this one leaves them alone, and those behind them wait too",
					"queue", queue, "remedy", "update this replica, too; or, if the later version is not to come back, delete the stream of this queue")
			})
			return nil, errors.Join(err, s.Uncount(ctx, e))
		}
		s.lost.Add(1)
		s.damaged.Note("", func(count int) {
			s.log.Error("a push that was waiting is lost, since its record cannot be read", "err", err, "queue", queue, "entry", e.Key, "count", count,
				"remedy", inbox.LostRemedy)
		})
		if err := s.Done(ctx, e); err != nil {
			return nil, err
		}
	}
}

// entry returns what the script of Next has answered. If the push in it cannot be read,
// the entry is there all the same.
func (s *Store) entry(queue string, answer []any) (*inbox.Entry, error) {
	const parts = 4
	e := &inbox.Entry{Queue: queue}
	if len(answer) != parts {
		return e, errAnswer
	}
	e.Key, _ = answer[0].(string)
	record, _ := answer[1].(string)
	attempt := int(numbersIn(answer, parts)[2])
	waited, _ := answer[3].(int64)
	e.Size, e.Waited = int64(len(record)), time.Duration(waited)*time.Millisecond
	e.Push = &inbox.Push{Attempts: attempt}
	p, err := inbox.Decode([]byte(record), s.link.Sealer())
	if err != nil && !errors.Is(err, inbox.ErrClosed) {
		return e, err
	}
	p.Attempts = attempt
	p.Closed = err
	e.Push = p
	return e, nil
}

// Uncount implements [inbox.Store].
func (s *Store) Uncount(ctx context.Context, e *inbox.Entry) error {
	_, err := s.run(ctx, s.scripts.uncount, s.keysOf(e.Queue), e.Queue, s.owner, e.Key, e.Attempts-1)
	return err
}

// Done implements [inbox.Store].
func (s *Store) Done(ctx context.Context, e *inbox.Entry) error {
	_, err := s.run(ctx, s.scripts.done, s.keysOf(e.Queue), e.Queue, e.Key)
	return err
}

// Release implements [inbox.Store].
func (s *Store) Release(ctx context.Context, queue string, failed bool) error {
	args := []any{queue, s.owner, failed}
	for n := 1; ; n++ {
		args = append(args, inbox.Backoff(n).Milliseconds())
		if inbox.Backoff(n) == inbox.LongestBackoff {
			break
		}
	}
	_, err := s.run(ctx, s.scripts.release, s.keysOf(queue), args...)
	return err
}

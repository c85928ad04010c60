package redis

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/push/inbox"
)

// A failure is what Redis tells of a push that could not be delivered.
type failure struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Forward   string    `json:"forward"`
	Queue     string    `json:"queue"`
	Type      string    `json:"type"`
	Received  time.Time `json:"received"`
	At        time.Time `json:"failed_at"`
	Attempts  int       `json:"attempts"`
	LastError string    `json:"last_error"`
}

// GiveUp implements [inbox.Store].
func (s *Store) GiveUp(ctx context.Context, e *inbox.Entry) error {
	meta, err := json.Marshal(failure{e.ID, e.Account, e.Title(), e.Queue, e.Type, e.Received.UTC(), time.Now().UTC(), e.Attempts, e.LastError})
	if err != nil {
		return err
	}
	answer, err := s.run(ctx, s.scripts.giveUp, s.keysOf(e.Queue), e.Queue, e.Key, e.Key+":"+e.Queue, meta, inbox.MaxFailed)
	if err == nil {
		dropped, _ := answer.(int64)
		s.noteDropped(dropped)
	}
	return err
}

// forgetFailed removes those whose time is over, once a minute.
func (s *Store) forgetFailed(ctx context.Context) {
	const batch = 1000
	now, last := time.Now().Unix(), s.forgot.Load()
	if now-last < int64(time.Minute/time.Second) || !s.forgot.CompareAndSwap(last, now) {
		return
	}
	for {
		answer, err := s.run(ctx, s.scripts.forget, s.keys, inbox.FailedLife.Milliseconds(), batch)
		if forgotten, _ := answer.(int64); err != nil || forgotten < batch {
			return // what is wrong is said
		}
	}
}

// failures returns all failed ones, the oldest first, by their names.
func (s *Store) failures(ctx context.Context) (names []string, all []failure, err error) {
	err = s.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		members, err := client.ZRange(ctx, s.keys[failed], 0, -1).Result()
		if err != nil {
			return err
		}
		const batch = 1000
		for some := range slices.Chunk(members, batch) {
			metas, err := client.HMGet(ctx, s.keys[failedMeta], some...).Result()
			if err != nil {
				return err
			}
			for i, meta := range metas {
				var f failure
				if text, ok := meta.(string); ok && json.Unmarshal([]byte(text), &f) == nil {
					names, all = append(names, some[i]), append(all, f)
				}
			}
		}
		return nil
	})
	return names, all, err
}

// Failed implements [inbox.Store].
func (s *Store) Failed(ctx context.Context) ([]inbox.Failure, error) {
	_, all, err := s.failures(ctx)
	failed := make([]inbox.Failure, 0, len(all))
	for _, f := range slices.Backward(all) {
		failed = append(failed, inbox.Failure{ID: f.ID, Account: f.Account, Forward: f.Forward, Type: f.Type, Received: f.Received,
			At: f.At, Attempts: f.Attempts, LastError: f.LastError})
	}
	return failed, err
}

// Retry implements [inbox.Store].
func (s *Store) Retry(ctx context.Context, id string) (found bool, err error) {
	names, all, err := s.failures(ctx)
	if err != nil {
		return false, err
	}
	for i, f := range all {
		if f.ID != id {
			continue
		}
		answer, problem := s.run(ctx, s.scripts.retry, s.keysOf(f.Queue), f.Queue, names[i], f.Attempts)
		err = errors.Join(err, problem)
		found = found || answer == int64(1)
	}
	return found, err
}

// State implements [inbox.Store].
func (s *Store) State(ctx context.Context) (inbox.State, error) {
	state := inbox.State{Waiting: map[string]int{}, Failed: map[string]int{}, Max: s.limit.Load(), Dropped: s.dropped.Load(), Lost: s.lost.Load()}
	err := s.use(ctx, func(ctx context.Context, client redis.UniversalClient) error {
		pipe := client.Pipeline()
		wait, fail := pipe.HGetAll(ctx, s.keys[waiting]), pipe.HGetAll(ctx, s.keys[failedCounts])
		bytes, oldest := pipe.HGet(ctx, s.keys[totals], "bytes"), pipe.ZRangeWithScores(ctx, s.keys[heads], 0, 0)
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		countsIn(state.Waiting, wait.Val())
		countsIn(state.Failed, fail.Val())
		state.Bytes, _ = bytes.Int64()
		for _, head := range oldest.Val() {
			state.Oldest = time.UnixMilli(int64(head.Score))
		}
		return nil
	})
	return state, err
}

// countsIn puts the counts of accounts that Redis has into counts.
func countsIn(counts map[string]int, stored map[string]string) {
	for account, count := range stored {
		if n, err := strconv.Atoi(strings.TrimSpace(count)); err == nil {
			counts[account] = n
		}
	}
}

package redis

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/token"
)

const (
	// changesKept is how many changes of a platform's records Redis keeps: who has missed
	// more reads all records.
	changesKept = 8192

	// changesBatch is how many changes are read in one go.
	changesBatch = 500

	// changesEvery is how often the changes are read. What is announced is known at once;
	// announcements get lost.
	changesEvery = 500 * time.Millisecond
)

var (
	//go:embed note.lua
	noteScript string
	//go:embed changes.lua
	changesScript string
)

// changes are what replicas have written of platforms: each write is noted in Redis, in the hash
// PREFIX:COMPONENT_APPID:changes. A reader has the number of the change that he knows last.
type changes struct {
	note, read *redis.Script

	// Guarded by the store's mu.
	unnoted map[string]map[string]int64 // the generations of records that Redis did not note, by platform and path
	heard   map[string]int64            // the generations that were announced since the changes were read, by path
}

func newChanges() changes {
	return changes{
		note: redis.NewScript(noteScript), read: redis.NewScript(changesScript),
		unnoted: map[string]map[string]int64{}, heard: map[string]int64{},
	}
}

// A position is how far a follower has read the changes.
type position struct {
	number int64  // of the last one
	change string // what it says: after a loss of data Redis has another one of that number
}

// changesName returns the name of the changes of a platform.
func (s *Store) changesName(platform string) string { return s.prefix + ":" + platform + ":changes" }

// changesAfter reads the changes after one that is known; below zero: none is. The error wraps
// [errSilent] if Redis does not answer in time.
func (s *Store) changesAfter(ctx context.Context, platform string, known int64) (answer []string, err error) {
	isSilent := false
	err = s.try(ctx, changed, func(ctx context.Context) (err error) {
		answer, err = s.changes.read.Run(ctx, s.link.Load().client, []string{s.changesName(platform)}, changesKept, known, changesBatch).StringSlice()
		if err == nil && len(answer) < 2 {
			err = errStrange
		}
		isSilent = isTimeout(err)
		return err
	})
	if isSilent {
		err = errors.Join(err, errSilent)
	}
	return answer, err
}

// place has the follower of a platform, if there is one, know the newest change: all records are
// about to be read.
func (s *Store) place(platform string) error {
	s.mu.Lock()
	f := s.followed[platform]
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	answer, err := s.changesAfter(context.Background(), platform, -1)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.at = &position{number(answer[0]), answer[1]}
	return nil
}

// readChanges tells the followers what was written since they looked last. An error is that of
// a Redis that does not answer.
func (s *Store) readChanges(ctx context.Context) error {
	s.mu.Lock()
	platforms := make([]string, 0, len(s.followed))
	for platform := range s.followed {
		platforms = append(platforms, platform)
	}
	s.mu.Unlock()
	for _, platform := range platforms {
		s.noteChanges(ctx, platform)
		for more, err := true, error(nil); more; {
			if more, err = s.readSome(ctx, platform); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.changes.heard)
	return nil
}

// readSome tells the follower of a platform the next changes, and reports whether there may be
// more.
func (s *Store) readSome(ctx context.Context, platform string) (more bool, err error) {
	s.mu.Lock()
	f := s.followed[platform]
	if f == nil || f.at == nil {
		s.mu.Unlock()
		return false, nil // it reads all records first
	}
	at := f.at
	s.mu.Unlock()
	answer, err := s.changesAfter(ctx, platform, at.number)
	if err != nil {
		return false, err
	}
	next := at.after(answer)
	s.mu.Lock()
	isCurrent := f.at == at // or all records are being read
	if isCurrent {
		f.at = next
	}
	s.mu.Unlock()
	if isCurrent && next == nil {
		f.look(token.Key{})
	}
	if !isCurrent || next == nil {
		return false, nil
	}
	for _, change := range answer[2:] {
		s.tellChange(change)
	}
	return next.number < number(answer[0]), nil
}

// after returns the position after the changes in an answer; nil: some were missed.
func (p *position) after(answer []string) *position {
	last, found := number(answer[0]), answer[2:]
	switch {
	case last < p.number, last-p.number > changesKept, answer[1] != p.change:
		return nil
	case len(found) == 0:
		return p
	}
	return &position{p.number + int64(len(found)), found[len(found)-1]}
}

// tellChange tells of a change that another replica has noted, unless it was announced, too.
func (s *Store) tellChange(change string) {
	words := strings.Fields(change) // its number, and what is announced
	if len(words) != 4 || words[2] == s.writer {
		return
	}
	generation := number(words[3])
	s.mu.Lock()
	isKnown := s.changes.heard[words[1]] >= generation
	s.mu.Unlock()
	if !isKnown {
		s.tell(words[1], generation)
	}
}

func number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

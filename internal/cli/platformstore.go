package cli

import (
	"context"
	"errors"
	"slices"
	"sync"

	"wxproxy/internal/language"
	"wxproxy/internal/secret"
	"wxproxy/platform"
	"wxproxy/token"
)

// An imported says what became of a line.
type imported int

const (
	isNew    imported = iota // it is stored
	wasThere                 // the store had it
	isOlder                  // the store had it before it got the one that it has
	isRefused
)

// atATime is how many records are written at a time: each waits for the disk, or for Redis.
const atATime = 16

// An importing is what became of the lines so far.
type importing struct {
	mu      sync.Mutex // guards what follows
	counts  [isRefused + 1]int
	refused []grantMistake
	failed  error
}

// note notes what became of a line.
func (i *importing) note(line grantLine, what imported, why string, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil {
		i.failed = errors.Join(i.failed, language.Textf("line %d: %w", line.number, err))
		return
	}
	if i.counts[what]++; what == isRefused {
		i.refused = append(i.refused, grantMistake{line.number, why})
	}
}

func (i *importing) hasFailed() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.failed != nil
}

// errInterrupted is why a part is moved only.
var errInterrupted = language.Phrase("interrupted")

// put stores all lines, and says of each that it refuses why.
func (m *grantMove) put(ctx context.Context, lines []grantLine) error {
	var all importing
	next := make(chan grantLine)
	var workers sync.WaitGroup
	for range atATime {
		workers.Go(func() {
			for line := range next {
				what, why, err := m.putOne(line)
				all.note(line, what, why, err)
			}
		})
	}
	for _, line := range lines {
		if ctx.Err() != nil {
			all.note(line, 0, "", errInterrupted)
		}
		if all.hasFailed() {
			break
		}
		next <- line
	}
	close(next)
	workers.Wait()
	return m.report(&all)
}

// report prints what became of the lines.
func (m *grantMove) report(all *importing) error {
	slices.SortFunc(all.refused, func(a, b grantMistake) int { return a.line - b.line })
	m.tell(asErrors(all.refused))
	m.terminal.sayf(m.terminal.out, "%s (%s): %d imported, %d there already, %d older than what is there, %d refused\n",
		m.platform.Name, m.platform.AppID, all.counts[isNew], all.counts[wasThere], all.counts[isOlder], all.counts[isRefused])
	switch {
	case all.failed != nil:
		return language.Textf("not all was imported; run it again: %w", all.failed)
	case all.counts[isRefused] > 0:
		return language.Phrase("some were refused, since the store knows more of them; -replace overwrites that")
	}
	return nil
}

func asErrors(mistakes []grantMistake) (all []error) {
	for _, one := range mistakes {
		all = append(all, one)
	}
	return all
}

// putOne stores a line.
func (m *grantMove) putOne(line grantLine) (what imported, why string, err error) {
	_, err = m.store.Amend(token.Key{Platform: m.platform.AppID, AppID: line.appID}, func(r *token.Record) bool {
		what, why = judge(r, line, m.replaces)
		if what != isNew {
			return false
		}
		r.Refresh, r.RefreshBefore, r.State, r.Token = line.refresh, secret.Secret{}, token.Authorized, token.Token{}
		return true
	})
	return what, why, err
}

// judge says what is to become of a refresh token beside what the store has of its account.
func judge(r *token.Record, line grantLine, replaces bool) (what imported, why string) {
	refresh, isAuthorized := line.refresh, r.State == token.Authorized
	switch {
	case isAuthorized && !r.Refresh.Empty() && r.Refresh.Equal(refresh.Reveal()):
		return wasThere, ""
	case replaces:
		return isNew, ""
	case isAuthorized && !r.RefreshBefore.Empty() && r.RefreshBefore.Equal(refresh.Reveal()):
		return isOlder, ""
	case platform.Waits(r):
		return isRefused, "an event of WeChat's about " + line.appID + " waits in the store, and may bring a newer refresh token; a proxy that runs acts upon it"
	case r.State == token.Unauthorized:
		return isRefused, "the store knows that " + line.appID + " has not, or no longer, authorized the platform"
	case isAuthorized && !r.Refresh.Empty():
		return isRefused, "the store has another refresh token of " + line.appID + ", which may be newer"
	}
	return isNew, ""
}

// maxShownMistakes is how many mistakes of a file are printed.
const maxShownMistakes = 20

// tell prints what is wrong with lines.
func (m *grantMove) tell(mistakes []error) {
	for _, one := range mistakes[:min(len(mistakes), maxShownMistakes)] {
		m.terminal.sayf(m.terminal.err, "%s: %v\n", m.file, one)
	}
	if more := len(mistakes) - maxShownMistakes; more > 0 {
		m.terminal.sayf(m.terminal.err, "%s: and %d more\n", m.file, more)
	}
}

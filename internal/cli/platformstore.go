package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"wxproxy/internal/secret"
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
		i.failed = errors.Join(i.failed, fmt.Errorf("line %d: %w", line.number, err))
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

// put stores all lines, and says of each that it refuses why.
func (m *grantMove) put(lines []grantLine) error {
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
	fmt.Fprintf(m.terminal.out, "%s (%s): %d imported, %d there already, %d older than what is there, %d refused\n",
		m.platform.Name, m.platform.AppID, all.counts[isNew], all.counts[wasThere], all.counts[isOlder], all.counts[isRefused])
	switch {
	case all.failed != nil:
		return fmt.Errorf("not all was imported; run it again: %w", all.failed)
	case all.counts[isRefused] > 0:
		return errors.New("some were refused, since the store knows more of them; -replace overwrites that")
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
		what, why = judge(r, line.refresh, m.replaces)
		if what != isNew {
			return false
		}
		r.Refresh, r.RefreshBefore, r.State, r.Token = line.refresh, secret.Secret{}, token.Authorized, token.Token{}
		return true
	})
	return what, why, err
}

// judge says what is to become of a refresh token beside what the store has of its account.
func judge(r *token.Record, refresh secret.Secret, replaces bool) (what imported, why string) {
	isAuthorized := r.State == token.Authorized
	switch {
	case isAuthorized && !r.Refresh.Empty() && r.Refresh.Equal(refresh.Reveal()):
		return wasThere, ""
	case replaces:
		return isNew, ""
	case isAuthorized && !r.RefreshBefore.Empty() && r.RefreshBefore.Equal(refresh.Reveal()):
		return isOlder, ""
	case !r.Events.Empty():
		return isRefused, "WeChat has told of this account, and wxproxy is about to act upon that"
	case r.State == token.Unauthorized:
		return isRefused, "the merchant has ended the authorization"
	case isAuthorized && !r.Refresh.Empty():
		return isRefused, "the store has another refresh token, which may be newer"
	}
	return isNew, ""
}

// export writes what the store has, encrypted.
func (m *grantMove) export() error {
	if m.sealer == nil {
		return errors.New("an export is encrypted with token.encryption_key, and there is none; openssl rand -base64 32 makes one")
	}
	out, end, err := m.create()
	if err != nil {
		return err
	}
	written, unreadable, err := m.write(out)
	if err = errors.Join(err, end(err == nil)); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	fmt.Fprintf(m.terminal.err, "%s (%s): %d exported, encrypted with token.encryption_key\n", m.platform.Name, m.platform.AppID, written)
	if unreadable > 0 {
		return fmt.Errorf("%d records could not be read", unreadable)
	}
	return nil
}

// create makes the file, which must not be there, and returns what ends it.
func (m *grantMove) create() (out io.Writer, end func(isGood bool) error, err error) {
	if m.file == "-" {
		return m.terminal.out, func(bool) error { return nil }, nil
	}
	file, err := os.OpenFile(m.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return file, func(isGood bool) error {
		if isGood {
			return errors.Join(file.Sync(), file.Close())
		}
		return errors.Join(file.Close(), os.Remove(m.file))
	}, nil
}

// write writes a line for each account that has a refresh token.
func (m *grantMove) write(to io.Writer) (written, unreadable int, err error) {
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "%s refresh tokens of the platform %s; wxproxy platform import reads them\n", grantComment, m.platform.AppID)
	seen := map[string]bool{}
	err = m.store.Each(m.platform.AppID, func(key token.Key, r token.Record, err error) error {
		switch {
		case err != nil:
			unreadable++
		case r.State != token.Authorized || r.Refresh.Empty() || seen[key.AppID]:
		default:
			seen[key.AppID] = true
			written++
			_, err := fmt.Fprintf(out, "%s,%s%s\n", key.AppID, sealedGrant, m.sealer.Seal(grantName(m.platform.AppID, key.AppID), r.Refresh))
			return err
		}
		return nil
	})
	return written, unreadable, errors.Join(err, out.Flush())
}

// maxShownMistakes is how many mistakes of a file are printed.
const maxShownMistakes = 20

// tell prints what is wrong with lines.
func (m *grantMove) tell(mistakes []error) {
	for _, one := range mistakes[:min(len(mistakes), maxShownMistakes)] {
		fmt.Fprintf(m.terminal.err, "%s: %v\n", m.file, one)
	}
	if more := len(mistakes) - maxShownMistakes; more > 0 {
		fmt.Fprintf(m.terminal.err, "%s: and %d more\n", m.file, more)
	}
}

package redis

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/repeat"
	tokens "wxproxy/token/store/redis"
)

// rights returns those that docs/scaling.md lists for a user of Redis, those for tokens
// and those for pushes.
func rights(t *testing.T) (all []any) {
	t.Helper()
	text, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	lists := regexp.MustCompile(`(?ms)^ACL SETUSER wxproxy (.*?)^`+"```").FindAllStringSubmatch(string(text), -1)
	const want = 2
	if len(lists) != want {
		t.Fatalf("got %d lists of rights in docs/scaling.md; want %d", len(lists), want)
	}
	for _, list := range lists {
		for _, right := range strings.Fields(strings.Replace(list[1], "YOUR_PASSWORD", "canaryQ7", 1)) {
			all = append(all, right)
		}
	}
	return all
}

// Each right that the documents list is enough for whatever the inbox does, and Redis
// refuses nothing.
func TestTheRightsInTheDocumentsAreEnough(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.MustDo(append([]any{"ACL", "SETUSER", "wxproxy", "reset"}, rights(t)...)...)
	link, err := tokens.New(tokens.Config{URL: secret.New("redis://wxproxy:canaryQ7@" + server.Addr + "/0"), KeyPrefix: "wxproxy"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { link.Close() })
	mustDoAll(t, New(link, 1<<20, nil))
	repeats := NewRepeats(link, nil)
	claim, err := repeats.Claim(t.Context(), "id", 0)
	if err := errors.Join(err, repeats.Settle(t.Context(), "id", 1, repeat.Outcome{Status: 200})); err != nil || !claim.Mine {
		t.Errorf("got %v, %v; want a push that is this replica's", claim, err)
	}
	if denied := server.MustDo("ACL", "LOG").([]any); len(denied) > 0 {
		t.Errorf("got %v; want nothing refused", denied)
	}
}

// mustDoAll has a push wait, fail, be given up, be tried again and be delivered.
func mustDoAll(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	p := push("a", "f", "1")
	queue := inbox.Queue(p.Account, p.Forward)
	var problems []error
	note := func(err error) { problems = append(problems, err) }
	take := func() *inbox.Entry {
		_, _, err := s.Take(ctx, 1, 1)
		note(err)
		e, err := s.Next(ctx, queue)
		note(err)
		if e == nil {
			t.Fatalf("got no push; want one: %v", errors.Join(problems...))
		}
		return e
	}
	note(s.Add(ctx, p))
	take()
	_, err := s.Renew(ctx, []string{queue})
	note(err)
	note(s.Release(ctx, queue, true))
	note(s.Wake(ctx))
	note(s.GiveUp(ctx, take()))
	note(s.Release(ctx, queue, false))
	failed, err := s.Failed(ctx)
	note(err)
	found, err := s.Retry(ctx, p.ID)
	note(err)
	note(s.Done(ctx, take()))
	state, err := s.State(ctx)
	note(err)
	s.forgot.Store(0)
	s.forgetFailed(ctx)
	if err := errors.Join(problems...); err != nil || len(failed) != 1 || !found || state.Bytes != 0 {
		t.Errorf("got %v, %v, %t, %+v; want a push that failed and was delivered", err, failed, found, state)
	}
}

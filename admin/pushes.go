package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/push"
	"wxproxy/push/inbox"
)

// Pushes are what WeChat pushes. The functions are methods of a [push.Receiver] and of an
// [inbox.Inbox].
type Pushes struct {
	Status func(account string) (s push.Status, hasPushes bool)
	Hour   func() []push.Minute // of all accounts
	Inbox  func(context.Context) (inbox.State, error)
	Failed func(context.Context) ([]inbox.Failure, error)
	Retry  func(ctx context.Context, id string) (found bool, err error)
}

// inboxPatience is how long the inbox may take to say what it has: it may be in a Redis
// that is away.
const inboxPatience = 3 * time.Second

// pushesStatus is how an account's pushes are, in the answer of /status. Times are in UTC,
// null if there is none; counts are null while the inbox cannot be asked.
type pushesStatus struct {
	LastAt      *time.Time   `json:"last_at"`
	Today       int          `json:"today"`
	Waiting     *int         `json:"waiting"`
	Failed      *int         `json:"failed"`
	LastFailure *pushFailure `json:"last_failure"`
}

// pushFailure is why a program did not take a push.
type pushFailure struct {
	At    *time.Time `json:"at"`
	Words string     `json:"words"`
}

// inboxNow returns what the inbox has, nil if it cannot be asked or there is none.
func (a *Admin) inboxNow(r *http.Request) *inbox.State {
	if a.Pushes == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), inboxPatience)
	defer cancel()
	state, err := a.Pushes.Inbox(ctx)
	if err != nil {
		return nil // the log has it, and the page and /status say how the store is
	}
	return &state
}

// pushesOf returns how an account's pushes are, nil if it has none.
func (a *Admin) pushesOf(account string, box *inbox.State) *pushesStatus {
	if a.Pushes == nil {
		return nil
	}
	s, hasPushes := a.Pushes.Status(account)
	if !hasPushes {
		return nil
	}
	now := &pushesStatus{LastAt: utc(s.LastAt), Today: s.Today}
	if box != nil {
		waiting, failed := box.Waiting[account], box.Failed[account]
		now.Waiting, now.Failed = &waiting, &failed
	}
	if s.LastFailure != nil {
		now.LastFailure = &pushFailure{utc(s.LastFailure.At), s.LastFailure.Words}
	}
	return now
}

// inboxStatus is what waits and has failed of all accounts.
type inboxStatus struct {
	Waiting  int        `json:"waiting"`
	Failed   int        `json:"failed"`
	Lost     uint64     `json:"lost"` // by this process since its start: their records could not be read
	OldestAt *time.Time `json:"oldest_at"`
	Bytes    int64      `json:"bytes"`
	Max      int64      `json:"max"`

	// Those that are not configured, or have no pushes, any more: somebody has to say where
	// theirs go.
	Others []otherAccount `json:"other_accounts"`
}

// otherAccount is one that only the inbox knows.
type otherAccount struct {
	Name    string `json:"name"`
	Waiting int    `json:"waiting"`
	Failed  int    `json:"failed"`
}

// describeInbox returns what the inbox has, nil if it cannot be asked.
func (a *Admin) describeInbox(box *inbox.State) *inboxStatus {
	if box == nil {
		return nil
	}
	s := &inboxStatus{sumOfCounts(box.Waiting), sumOfCounts(box.Failed), box.Lost, utc(box.Oldest), box.Bytes, box.Max, []otherAccount{}}
	for _, name := range a.otherAccounts(box) {
		s.Others = append(s.Others, otherAccount{name, box.Waiting[name], box.Failed[name]})
	}
	return s
}

// otherAccounts returns the names of those that only the inbox knows.
func (a *Admin) otherAccounts(box *inbox.State) (names []string) {
	for _, counts := range []map[string]int{box.Waiting, box.Failed} {
		for name, n := range counts {
			if _, hasPushes := a.Pushes.Status(name); n > 0 && !hasPushes {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// failedPush is a push that could not be delivered. Nothing of what is in it is told.
type failedPush struct {
	ID         string     `json:"id"`
	Account    string     `json:"account"`
	Forward    string     `json:"forward"`
	Type       string     `json:"type"`
	ReceivedAt *time.Time `json:"received_at"`
	Attempts   int        `json:"attempts"`
	LastError  string     `json:"last_error"`
}

// failedPushes returns those that could not be delivered, newest first.
func (a *Admin) failedPushes(ctx context.Context) ([]failedPush, error) {
	if a.Pushes == nil {
		return []failedPush{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, inboxPatience)
	defer cancel()
	failures, err := a.Pushes.Failed(ctx)
	failed := make([]failedPush, 0, len(failures))
	for _, f := range failures {
		failed = append(failed, failedPush{f.ID, f.Account, f.Forward, f.Type, utc(f.Received), f.Attempts, f.LastError})
	}
	return failed, err
}

const errInbox = "the inbox of pushes cannot be asked now; the log says why"

// listFailed answers with the pushes that could not be delivered.
func (a *Admin) listFailed(w http.ResponseWriter, r *http.Request) {
	failed, err := a.failedPushes(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "5")
		writeError(w, http.StatusServiceUnavailable, errInbox)
		return
	}
	writeJSON(w, http.StatusOK, map[string][]failedPush{"failed": failed})
}

// retryPush has a push delivered that could not be.
func (a *Admin) retryPush(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	account, found, err := a.retry(r.Context(), id)
	if found || err != nil {
		a.note(r, audit.RetryPush, account, outcome(err))
	}
	switch {
	case err != nil:
		w.Header().Set("Retry-After", "5")
		writeError(w, http.StatusServiceUnavailable, errInbox)
	case !found:
		writeError(w, http.StatusNotFound, "no push of this id has failed")
	default:
		writeJSON(w, http.StatusOK, map[string]any{"id": id, "retried": true})
	}
}

// retry has the push tried again, and returns whose it is.
func (a *Admin) retry(ctx context.Context, id string) (account string, found bool, err error) {
	failed, err := a.failedPushes(ctx)
	for _, f := range failed {
		if f.ID == id {
			account = f.Account
		}
	}
	if err != nil || account == "" {
		return "", false, err
	}
	ctx, cancel := context.WithTimeout(ctx, inboxPatience)
	defer cancel()
	found, err = a.Pushes.Retry(ctx, id)
	return account, found, err
}

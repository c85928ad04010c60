package admin

import (
	"context"
	"net/http"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/platform"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
)

// A Platform is a third-party platform, which any number of accounts have authorized. Its
// functions are methods of a [platform.Platform].
type Platform struct {
	Component  Account // the platform itself; its token is lent to nobody
	Status     func() platform.Status
	Loaded     func() bool
	Search     func(platform.Query) (total int, page []platform.AuthorizerStatus)
	Authorizer func(appID string) (Authorizer, bool)
	Recover    func(context.Context) (platform.Recovery, error)
	Explain    func(error) token.Explanation
	Hour       func() []traffic.Minute // of the calls for its authorizers
}

// An Authorizer is an account that has authorized a platform: a [platform.Authorizer].
type Authorizer interface {
	// Keeper returns the keeper of its token, or why it has none.
	Keeper() (*token.Keeper, error)

	// Reconsider has WeChat asked for the refresh token of one that is not authorized.
	Reconsider(context.Context) error
}

// NewPlatform returns what operators can ask about p, which has this name and app id. The
// hour has what was asked for an account, as metrics call it.
func NewPlatform(name, appID string, p *platform.Platform, hour func(account string) []traffic.Minute) Platform {
	own := p.Component()
	return Platform{
		Component: Account{
			Name: name, AppID: appID, Status: own.Status, Refresh: own.Refresh, Replace: own.ReplaceByForce,
			Hour: func() []traffic.Minute { return hour(name) }, Keeper: func() (*token.Keeper, error) { return own, nil },
		},
		Status: p.Status, Loaded: p.Loaded, Search: p.Search, Recover: p.RecoverByHand, Explain: p.Explain,
		Authorizer: func(appID string) (Authorizer, bool) {
			a, isKnown := p.Authorizer(appID)
			return a, isKnown
		},
		Hour: func() []traffic.Minute { return hour(name + "/*") },
	}
}

// All returns what counts call all that have authorized the platform together.
func (p *Platform) All() string { return p.Component.Name + "/*" }

// platformStatus is how a platform is, in the answer of /status.
type platformStatus struct {
	Name        string         `json:"name"`
	AppID       string         `json:"app_id"`
	State       string         `json:"state"`
	TicketAge   *int64         `json:"ticket_age"` // seconds since it came, null if there is none
	TokenState  string         `json:"token_state"`
	ExpiresIn   int64          `json:"expires_in"` // of the component's token; seconds, 0 without one
	LastError   *errorStatus   `json:"last_error"`
	Authorizers map[string]int `json:"authorizers"` // how many are in each state

	Loaded   bool          `json:"loaded"`                      // what the store has of the authorizers is known
	ListedAt *time.Time    `json:"listed_at"`                   // when WeChat's list of them was last read
	Waiting  int           `json:"events_waiting"`              // accounts of which events were not acted upon or not forwarded yet
	Pushes   *pushesStatus `json:"pushes,omitempty"`            // of what WeChat tells the platform
	Messages *pushesStatus `json:"authorizer_pushes,omitempty"` // of those for its authorizers
}

func describePlatform(p *Platform, now time.Time) platformStatus {
	s := p.Status()
	told := platformStatus{
		Name: p.Component.Name, AppID: p.Component.AppID, State: s.State, TokenState: s.Token.State, ExpiresIn: secondsLeft(s.Token.Expires, now),
		LastError: errorOf(s.Problem), Authorizers: s.Authorizers, Loaded: s.Loaded, ListedAt: utc(s.ListedAt), Waiting: s.Waiting,
	}
	if !s.TicketArrived.IsZero() {
		age := int64(max(0, now.Sub(s.TicketArrived)) / time.Second)
		told.TicketAge = &age
	}
	return told
}

// errorOf returns a problem for JSON, nil if there is none.
func errorOf(e token.Explanation) *errorStatus {
	if e.Reason == "" {
		return nil
	}
	return &errorStatus{Errcode: e.Code, Errmsg: e.Reason, Remedy: e.Remedy, RemedyZH: e.RemedyZH}
}

// withPlatform answers for the platform that the path names.
func (a *Admin) withPlatform(answer func(*Platform, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := range a.Platforms {
			if a.Platforms[i].Component.Name == r.PathValue("name") {
				answer(&a.Platforms[i], w, r)
				return
			}
		}
		writeError(w, http.StatusNotFound, "there is no platform of this name")
	}
}

// recoverPatience is how long the list of authorizers may take: it has 200 pages of
// 100,000.
const recoverPatience = 10 * time.Minute

// recover has the list of authorizers read, and answers when that is done.
func (a *Admin) recover(p *Platform, w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w) // the server's own deadlines are for what takes seconds
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(recoverPatience + answerTimeout))
	ctx, cancel := context.WithTimeout(r.Context(), recoverPatience)
	defer cancel()
	done, err := p.Recover(ctx)
	a.note(r, audit.Recover, p.Component.Name, outcome(err))
	if err != nil {
		e := p.Explain(err)
		writeJSON(w, http.StatusBadGateway, struct {
			Error string `json:"error"`
			errorStatus
		}{"the list of authorizers was not read to its end; no account was ended", errorStatus{e.Code, e.Reason, e.Remedy, e.RemedyZH}})
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Listed   int `json:"listed"`
		Restored int `json:"restored"`
		Ended    int `json:"ended"`
	}{done.Listed, done.Restored, done.Ended})
}

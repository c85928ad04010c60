package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxproxy/platform"
	"wxproxy/token"
)

// How many authorizers one answer has.
const (
	usualAuthorizers = 100
	mostAuthorizers  = 1000
)

// authorizerStatus is how an account is that has authorized a platform.
type authorizerStatus struct {
	AppID        string       `json:"app_id"`
	State        string       `json:"state"`
	ExpiresIn    int64        `json:"expires_in"`    // seconds, 0 without a token
	AuthorizedAt *time.Time   `json:"authorized_at"` // null if that is not known
	LastError    *errorStatus `json:"last_error"`
}

// listAuthorizers answers with a page of the accounts that have authorized a platform.
func (a *Admin) listAuthorizers(p *Platform, w http.ResponseWriter, r *http.Request) {
	q, err := queryOf(r.URL.RawQuery)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	now := time.Now()
	total, page := p.Search(q)
	told := make([]authorizerStatus, 0, len(page))
	for _, s := range page {
		told = append(told, authorizerStatus{s.AppID, s.State, secondsLeft(s.Expires, now), utc(s.Authorized), errorOf(s.Problem)})
	}
	writeJSON(w, http.StatusOK, struct {
		Total       int                `json:"total"`
		Authorizers []authorizerStatus `json:"authorizers"`
	}{total, told})
}

// authorizerStates are the states that one can ask for.
var authorizerStates = []string{platform.StateReady, platform.StateFailing, platform.StateNeedsAuthorization, platform.StateUnauthorized}

// errNoQuery says what a question for authorizers has to be.
var errNoQuery = errors.New("the query is offset=N, limit=N (100 by default, at most 1000), state=" + strings.Join(authorizerStates, "|") +
	" and q=PART-OF-AN-APPID, each of them once at most")

// queryOf reads a question for authorizers. A limit above the most counts as that: who asks
// for the next page begins behind what came.
func queryOf(raw string) (q platform.Query, err error) {
	asked, err := url.ParseQuery(raw)
	if err != nil {
		return q, errNotEncoded
	}
	q.Limit = usualAuthorizers
	state, part := "", ""
	for name, values := range asked {
		ok := len(values) == 1
		switch value := values[0]; name {
		case "offset":
			ok = ok && count(value, &q.Offset)
		case "limit":
			ok = ok && count(value, &q.Limit)
		case "state":
			state, ok = value, ok && (value == "" || slices.Contains(authorizerStates, value))
		case "q":
			part = strings.ToLower(strings.TrimSpace(value))
		default:
			ok = false
		}
		if !ok {
			return q, errNoQuery
		}
	}
	q.Limit = min(q.Limit, mostAuthorizers)
	q.Matches = func(m platform.Match) bool {
		return (state == "" || m.State == state) && strings.Contains(strings.ToLower(m.AppID), part)
	}
	return q, nil
}

// count reads a number that is not negative.
func count(text string, into *int) bool {
	n, err := strconv.Atoi(text)
	*into = n
	return err == nil && n >= 0
}

// These errors say why a name leads to no account.
var (
	errNoAccount = errors.New("there is no account of this name")
	errNotRead   = errors.New("there is no account of this name, as far as is known: what the store has of a platform's accounts is not read yet; /readyz says when it is")
	errShared    = errors.New("several platforms have this account; write the platform's name and a colon before it, as saas:APPID")
)

// find returns the account of a name: one that is configured, a platform, or one that has
// authorized a platform, whose name is its app id, with the platform's and a colon before it
// or without.
func (a *Admin) find(name string) (Account, error) {
	if account, found := a.account(name); found {
		return account, nil
	}
	of, appID, isNamed := strings.Cut(name, ":")
	if !isNamed {
		of, appID = "", name
	}
	found, err := Account{}, errNoAccount
	for i := range a.Platforms {
		p := &a.Platforms[i]
		own := p.Component
		if name == own.Name || name == own.AppID {
			return own, nil
		}
		if of != "" && of != own.Name {
			continue
		}
		if authorizer, isKnown := p.Authorizer(appID); isKnown {
			if err == nil {
				return Account{}, errShared
			}
			found, err = p.account(appID, authorizer), nil
		}
	}
	if errors.Is(err, errNoAccount) && !a.isLoaded() {
		err = errNotRead
	}
	return found, err
}

// account returns one that has authorized the platform as an account like others, for one
// request.
func (p *Platform) account(appID string, of Authorizer) Account {
	var failed error // what WeChat was asked for last
	keeper := func(wait time.Duration) (k *token.Keeper, left time.Duration, err error) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		if failed = of.Reconsider(ctx); failed == nil {
			k, failed = of.Keeper()
		}
		return k, wait - time.Since(began), failed
	}
	return Account{
		Name: appID, AppID: appID, Hour: p.Hour, Keeper: of.Keeper,
		Status: func() token.Status { return p.tokenStatus(of, failed) },
		Refresh: func(refused string, wait time.Duration) (bool, error) {
			_, unusable := of.Keeper()
			k, left, err := keeper(wait)
			if err != nil {
				return true, err
			}
			asked, err := refreshLazy(k, refused, left)
			return asked || unusable != nil, err
		},
		Replace: func(wait time.Duration) error {
			k, left, err := keeper(wait)
			if err != nil {
				return err
			}
			return k.ReplaceByForce(left)
		},
		Lend: func(wait time.Duration) (string, time.Duration, error) {
			k, err := of.Keeper()
			if err != nil {
				return "", 0, err
			}
			return k.Lend(wait)
		},
	}
}

// tokenStatus returns how the token of an authorizer is. One that is not authorized has none;
// failed is why it is still not, if somebody has just asked.
func (p *Platform) tokenStatus(of Authorizer, failed error) token.Status {
	k, err := of.Keeper()
	if err == nil {
		return k.Status()
	}
	if failed == nil {
		failed = err
	}
	return token.Status{State: token.StateGone, LastError: failed, Issuer: &token.Issuer{Explain: p.Explain}}
}

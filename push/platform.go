package push

import (
	"context"
	"errors"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/push/inbox"
)

// A Platform is a third-party platform. What comes to /push/NAME is about the platform, and
// what comes to /push/NAME/APPID, or to /push/NAME/APPID/callback, is for an account that has
// authorized it, known here or not. All of it is encrypted for the platform.
//
// Its messages are counted as those of the account "NAME/*", and wait in the inbox as those
// of "NAME/APPID"; its events are counted as those of "NAME", and those about an account wait as
// those of "NAME/APPID:events".
type Platform struct {
	Name   string
	AppID  string        // component_appid
	Token  secret.Secret // push_token
	Key    secret.Secret // push_aes_key; never empty: a platform's pushes are always encrypted
	KeyOld secret.Secret // push_aes_key_old; empty: there is none

	// Events is what the platform does with what it is told. nil, as where a configuration is
	// only looked at: WeChat is told to keep it.
	Events Events
}

// Events takes what WeChat tells a platform. *platform.Platform does. It calls
// [Receiver.ForwardEvent] for what it has kept.
type Events interface {
	// Event takes an event. When the error is nil, WeChat gets "success", unless it is
	// [event.PassOn], which is forwarded as any push. [event.ErrForeign] is a refusal, and
	// after other errors WeChat is told to send the event again.
	Event(ctx context.Context, e event.Push) (event.Taken, error)

	// Check answers a message for an account if it is of WeChat's check before a platform is
	// published. Such messages are not forwarded. The reply is in the clear, and empty for
	// "success".
	Check(appID string, plain []byte) (reply []byte, isCheck bool)
}

// newPlatform returns the account that a platform is.
func newPlatform(p Platform) (*account, error) {
	if p.Key.Empty() {
		return nil, errNoKey
	}
	one, err := newAccount(Account{Name: p.Name, ID: p.AppID, Token: p.Token, Key: p.Key, KeyOld: p.KeyOld})
	if err != nil {
		return nil, err
	}
	one.isPlatform, one.events = true, p.Events
	return one, nil
}

// errNoKey says what a platform lacks.
var errNoKey = errors.New("it has no push_aes_key, which WeChat encrypts everything with that it sends to a platform")

// find returns whose the pushes are that come to a path, behind /push/: an account's, a
// platform's, or those of an account that has authorized one. The check of a URL may name
// nobody yet.
func (c *configuration) find(path string, isCheck bool) *account {
	name, rest, isLong := strings.Cut(path, "/")
	a := c.accounts[name]
	if a == nil || !isLong {
		return a
	}
	const template, escaped, callback = "$APPID$", "%24APPID%24", "/callback" // which the samples of WeChat's manual end with
	appID := strings.TrimSuffix(rest, callback)
	if !a.isPlatform || !event.IsAppID(appID) && (!isCheck || appID != template && appID != escaped) {
		return nil
	}
	return a.authorizedBy(appID, c)
}

// authorizedBy returns the account of an app id that has authorized a platform.
func (a *account) authorizedBy(appID string, c *configuration) *account {
	one := &account{Account: a.Account, keys: a.keys, owner: a, authorizer: appID}
	one.forwards = c.forwardsFor(one)
	return one
}

// isOfPlatform reports whether pushes of an account are a platform's.
func (a *account) isOfPlatform() bool { return a.isPlatform || a.owner != nil }

// title returns what programs know an account by.
func (a *account) title() string {
	if a.owner != nil {
		return a.authorizer
	}
	return a.Name
}

// appID returns its app id.
func (a *account) appID() string {
	if a.owner != nil {
		return a.authorizer
	}
	return a.ID
}

// key returns what its pushes are told apart by from others'.
func (a *account) key() string {
	if a.owner != nil {
		return a.Name + "/" + a.authorizer
	}
	return a.Name
}

// group returns what its pushes are counted under; those of nobody, nil, under "".
func (a *account) group() string {
	if a == nil {
		return ""
	}
	return groupOf(a.key())
}

// Grouped returns a state of the inbox with the accounts of a platform taken together, as
// "PLATFORM/*", and the events about them as "PLATFORM": there may be very many.
func Grouped(s inbox.State) inbox.State {
	s.Waiting, s.Failed = grouped(s.Waiting), grouped(s.Failed)
	return s
}

func grouped(counts map[string]int) map[string]int {
	groups := make(map[string]int, len(counts))
	for account, n := range counts {
		groups[groupOf(account)] += n
	}
	return groups
}

// groupOf returns what an account's pushes are counted under, of which the inbox has the name.
func groupOf(account string) string {
	platform, rest, isAuthorizer := strings.Cut(account, "/")
	switch {
	case !isAuthorizer:
		return account
	case strings.HasSuffix(rest, eventsOf):
		return platform
	}
	return platform + "/*"
}

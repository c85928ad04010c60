package wecomtest

import (
	"cmp"
	"slices"
	"time"
)

// An App is what the console keeps of an application of a corp.
type App struct {
	CorpID string

	// AgentID is a number; empty: one that WeCom has by itself, as that which synchronizes
	// contacts.
	AgentID string

	Secret string

	// TrustedIPs are the addresses that may call APIs; others get 60020. Empty means every
	// address, as with applications made before June 2022.
	TrustedIPs []string

	// ContactsSync makes it the assistant that synchronizes contacts, which may read
	// details from DetailIPs alone; others get 48009.
	ContactsSync bool
	DetailIPs    []string

	// MiniProgram makes it an application that a mini program belongs to: the token of
	// another gets 40014 from jscode2session.
	MiniProgram bool

	Life time.Duration // of its tokens; 0: two hours
}

// trustAfter is how long a list of trusted addresses takes to work.
const trustAfter = time.Minute

// An Application is an application of a corp. Its methods may be called concurrently.
type Application struct {
	wecom *WeCom

	// What follows is guarded by wecom.mu.

	App
	disabled  bool
	former    []string // the trusted addresses until trustedAt
	trustedAt time.Time
	current   *accessToken
	tickets   map[string]ticket // by type
	fetches   Fetches
}

// Add registers an application.
func (w *WeCom) Add(settings App) *Application {
	settings.Life = cmp.Or(settings.Life, 2*time.Hour)
	a := &Application{wecom: w, App: settings, tickets: make(map[string]ticket)}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, other := range w.apps {
		if other.CorpID == a.CorpID && (other.AgentID == a.AgentID && a.AgentID != "" || other.Secret == a.Secret) {
			panic("BUG: the corp " + a.CorpID + " has that agent or secret already")
		}
	}
	w.apps = append(w.apps, a)
	if w.corps[a.CorpID] == nil {
		w.corps[a.CorpID] = &corp{media: make(map[string]media)}
	}
	return a
}

// ResetSecret replaces the secret, as an administrator can in the console. The token ends,
// unless the rules keep it.
func (a *Application) ResetSecret(secret string) {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	a.Secret = secret
	if !a.wecom.rules.ResetKeeps {
		a.end(true)
		a.current = nil
	}
}

// Disable disables the application, or enables it again.
func (a *Application) Disable(disabled bool) {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	a.disabled = disabled
}

// Trust replaces the list of trusted addresses. That works a minute later.
func (a *Application) Trust(ips ...string) {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	a.former, a.TrustedIPs, a.trustedAt = a.trusted(), ips, a.wecom.now().Add(trustAfter)
}

// trusted returns the list of trusted addresses that works now.
func (a *Application) trusted() []string {
	if a.wecom.now().Before(a.trustedAt) {
		return a.former
	}
	return a.TrustedIPs
}

// Expire ends the life of the token, as time does.
func (a *Application) Expire() {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	a.end(false)
}

// Revoke ends the token before its time, as WeCom says that it may for operational needs.
func (a *Application) Revoke() {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	a.end(true)
}

// end ends every token of a.
func (a *Application) end(early bool) {
	now := a.wecom.now()
	for _, t := range a.wecom.tokens {
		if t.app == a && now.Before(t.until) {
			t.until = now
			if early {
				t.revokedAt = now
			}
		}
	}
}

// Tokens returns the tokens that are good now, the newest last.
func (a *Application) Tokens() []string {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	now := a.wecom.now()
	var good []*accessToken
	for _, t := range a.wecom.tokens {
		if t.app == a && now.Before(t.until) {
			good = append(good, t)
		}
	}
	slices.SortFunc(good, func(t, u *accessToken) int { return t.issued - u.issued })
	values := make([]string, len(good))
	for i, t := range good {
		values[i] = t.value
	}
	return values
}

// Fetches counts an application's calls of gettoken that WeCom itself answered.
type Fetches struct {
	Tokens  int // answered with a token
	New     int // how many of them had not been given out before
	Refused int // answered with an error although the secret was right
}

// Fetches returns how often the application fetched tokens.
func (a *Application) Fetches() Fetches {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	return a.fetches
}

// Secrets returns everything that nobody but the application may see: its secret, tokens
// and tickets.
func (a *Application) Secrets() []string {
	a.wecom.mu.Lock()
	defer a.wecom.mu.Unlock()
	secrets := []string{a.Secret}
	for value, t := range a.wecom.tokens {
		if t.app == a {
			secrets = append(secrets, value)
		}
	}
	for _, t := range a.tickets {
		secrets = append(secrets, t.value)
	}
	if t := a.wecom.corps[a.CorpID].ticket; t.value != "" {
		secrets = append(secrets, t.value)
	}
	return secrets
}

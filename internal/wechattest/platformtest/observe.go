package platformtest

import (
	"slices"
)

// Counts are how often a platform has used its APIs, as far as no fault struck.
type Counts struct {
	Tickets int // that were made
	Starts  int // of api_start_push_ticket

	ComponentTokens, RefusedComponentTokens int
	PreAuthCodes                            int
	QueryAuths, RefusedQueryAuths           int
	Refreshes, RefusedRefreshes             int // of api_authorizer_token
	Infos, Lists                            int
}

// Counts returns the counts.
func (p *Platform) Counts() Counts {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.counts
}

// Refreshes returns how often an account got a token by api_authorizer_token.
func (p *Platform) Refreshes(appID string) int {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.mustAccount(appID).refreshes
}

// Deliveries returns what became of each event, in the order in which that was clear.
func (p *Platform) Deliveries() []Delivery {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return slices.Clone(p.pushed)
}

// Alarms returns how many events were not answered with success, whose developers WeChat
// sends an alarm.
func (p *Platform) Alarms() int {
	n := 0
	for _, d := range p.Deliveries() {
		if d.Fault != "" {
			n++
		}
	}
	return n
}

// Tokens returns the good tokens of the platform or of an account, the newest last.
func (p *Platform) Tokens(appID string) []string {
	now := p.wechat.Now()
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.lineOf(appID).tokens(now)
}

// RefreshToken returns the refresh token of an account; "": no code of its authorization was
// redeemed.
func (p *Platform) RefreshToken(appID string) string {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.mustAccount(appID).refresh
}

// Secrets returns everything that the platform was ever given and that nobody else may see:
// its secret, tickets, codes, refresh tokens that are good, and tokens.
func (p *Platform) Secrets() []string {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	secrets := []string{p.settings.Secret}
	for ticket := range p.tickets {
		secrets = append(secrets, ticket)
	}
	for value := range p.codes {
		secrets = append(secrets, value)
	}
	for _, a := range p.accounts {
		if a.refresh != "" {
			secrets = append(secrets, a.refresh)
		}
	}
	for value, t := range p.all.tokens {
		if t.platform == p {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

func (p *Platform) lineOf(appID string) *line {
	if appID == p.settings.AppID {
		return &p.token
	}
	return &p.mustAccount(appID).token
}

// Ticket returns the ticket that was made last; "": none was.
func (p *Platform) Ticket() string {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	return p.ticket
}

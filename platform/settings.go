package platform

import (
	"log/slog"
	"time"

	"wxproxy/token"
)

// Settings are those of the Options that may change while a platform runs.
type Settings struct {
	Name          string
	RefreshBefore time.Duration
	Lent          bool
}

// settings are Settings, with what is made of them.
type settings struct {
	Settings
	log *slog.Logger
}

// Adjust has the platform obey other settings from now on: what is due by them is so at
// once, and nothing that is under way ends.
func (p *Platform) Adjust(to Settings) {
	p.mu.Lock()
	before := p.settings.Load().Settings
	if before != to {
		p.set(to)
	}
	p.mu.Unlock()
	if before.RefreshBefore == to.RefreshBefore && before.Lent == to.Lent {
		return
	}
	p.component.Replan()
	p.background(func() { // it may be about a hundred thousand
		p.each(func(a *Authorizer) {
			if k := a.kept(); k != nil {
				k.Replan()
			}
		})
	})
}

// set takes settings. The component's own token is handed to nobody.
func (p *Platform) set(to Settings) {
	p.settings.Store(&settings{to, slog.New(p.lines).With("platform", to.Name)})
	p.ownAdjust.Set(token.Adjusted{Name: to.Name, RefreshBefore: to.RefreshBefore})
	p.eachAdjust.Set(token.Adjusted{Platform: to.Name, RefreshBefore: to.RefreshBefore, Lent: to.Lent})
}

// name returns what its users call the platform.
func (p *Platform) name() string { return p.settings.Load().Name }

func (p *Platform) log() *slog.Logger { return p.settings.Load().log }

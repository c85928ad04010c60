package service

import (
	"sync"

	"wxproxy/proxy/upstream"
	"wxproxy/token"
)

// uses counts how many setups need each part that they may share: the present setup,
// and earlier ones that still answer requests. So no setup has to know another one.
// The zero value counts none.
type uses struct {
	mu      sync.Mutex // guards what follows
	keepers map[*token.Keeper]int
	hosts   map[*upstream.Hosts]int
}

// take counts one more setup.
func (u *uses) take(by *setup) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.keepers == nil {
		u.keepers, u.hosts = map[*token.Keeper]int{}, map[*upstream.Hosts]int{}
	}
	for _, hosts := range by.hosts {
		u.hosts[hosts]++
	}
	for _, keeper := range by.keepers {
		u.keepers[keeper]++
	}
}

// drop counts one setup less, and returns its accounts and its hosts that no setup
// needs any more.
func (u *uses) drop(by *setup) (accounts []string, unused []*upstream.Hosts) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, hosts := range by.hosts {
		if u.hosts[hosts]--; u.hosts[hosts] == 0 {
			delete(u.hosts, hosts)
			unused = append(unused, hosts)
		}
	}
	for name, keeper := range by.keepers {
		if u.keepers[keeper]--; u.keepers[keeper] == 0 {
			delete(u.keepers, keeper)
			accounts = append(accounts, name)
		}
	}
	return accounts, unused
}

// start starts the parts of next that it does not share with before, which may be
// nil.
func (s *Service) start(next, before *setup) {
	s.uses.take(next)
	for kind, hosts := range next.hosts {
		if before == nil || before.hosts[kind] != hosts {
			hosts.Start()
		}
	}
	for name, keeper := range next.keepers {
		if before == nil || before.keepers[name] != keeper {
			keeper.Start()
		} else { // an operator who reloads has repaired something
			keeper.Retry()
			next.tickets[name].Retry()
		}
	}
	s.startPlatforms(next)
	if before == nil {
		return
	}
	for name, keeper := range before.keepers {
		if next.keepers[name] != keeper {
			keeper.MarkUnused()
		}
	}
}

// release stops what only old needs, and waits until that is done.
func (s *Service) release(old *setup) {
	accounts, hosts := s.uses.drop(old)
	var stopping sync.WaitGroup
	for _, name := range accounts {
		stopping.Go(func() {
			old.tickets[name].Stop()
			old.keepers[name].Stop()
		})
	}
	stopping.Go(func() { s.platforms.DropAll(old.platforms) })
	stopping.Wait()
	for _, one := range hosts {
		one.Close()
	}
}

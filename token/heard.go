package token

// watch listens to the other processes that use the store, until the Keeper stops.
func (k *Keeper) watch() {
	if k.options.Shared == nil {
		return
	}
	end := k.options.Shared.Watch(k.options.key(), k.heard)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unwatch = end
}

// heard is told the generation of the record in a shared store.
func (k *Keeper) heard(generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := generation == k.state.Load().generation && !k.lost; known || k.stopped {
		return
	}
	k.saves.Add(1)
	k.options.Queue.Add(func() {
		defer k.saves.Done()
		k.catchUp()
	})
}

package token

import "time"

// awaitSaves waits a moment for the store.
func (k *Keeper) awaitSaves() {
	saved := make(chan struct{})
	go func() {
		k.saves.Wait()
		close(saved)
	}()
	patience := time.NewTimer(lastSave)
	defer patience.Stop()
	select {
	case <-saved:
	case <-patience.C:
		k.logger().Warn("the store is slow: the token may not have been stored")
	}
}

package token

// FetchSucceeded is the outcome of a fetch that ended with a token. The other
// outcomes are the Classes.
const FetchSucceeded = "success"

// A FetchCount is how many fetches for one reason ended in one way.
type FetchCount struct {
	Reason  string // "start", "due", "refused", "forced" or "asked"
	Outcome string // FetchSucceeded, or the class of the failure
	N       uint64
}

// Fetches returns how often WeChat was asked for a token since the start.
func (k *Keeper) Fetches() []FetchCount {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]FetchCount(nil), k.fetches...)
}

// count counts a fetch that ended with err. There are so few reasons and
// outcomes that a list is smaller than a map, and as fast.
func (k *Keeper) count(reason string, err error) {
	outcome := FetchSucceeded
	if err != nil {
		outcome = string(k.options.Issuer.Explain(err).Class)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range k.fetches {
		if c := &k.fetches[i]; c.Reason == reason && c.Outcome == outcome {
			c.N++
			return
		}
	}
	k.fetches = append(k.fetches, FetchCount{reason, outcome, 1})
}

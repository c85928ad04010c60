package front

import "sync/atomic"

// A phase is how far the request of a connection is.
type phase int32

const (
	phaseIdle     phase = iota // there is none, or not all of its header
	phaseHandling              // from the end of its header to the end of its handling
	phaseAnswered              // its answer is being written: until the next Read
)

// A bodyPhase is what gives a body that is being read its time.
type bodyPhase int32

const (
	bodyNone     bodyPhase = iota // none is being read
	bodyExtended                  // what comes of it gives it more time
	bodyUnproven                  // it has yet to show who the caller is, and gets no more time
)

// A stage is what a caller has shown so far. Each includes those before it.
type stage int

const (
	stageSilent stage = iota // it has sent nothing, ever
	stageSent                // it has sent something
	stageProven              // it has proven to be a client
)

// A state is set by the goroutine that serves a connection, and read by others too.
type state[T ~int32] struct{ value atomic.Int32 }

func (s *state[T]) get() T { return T(s.value.Load()) }

// set costs next to nothing if that is the state already, as it mostly is.
func (s *state[T]) set(to T) {
	if s.get() != to {
		s.value.Store(int32(to))
	}
}

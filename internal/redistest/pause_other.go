//go:build !unix

package redistest

// Pause skips the test: no process can be stopped here for a while.
func (s *Server) Pause() { s.t.Skip("SKIPPED: this system stops no process for a while") }

// Resume does nothing, since nothing can be paused.
func (s *Server) Resume() {}

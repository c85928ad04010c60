//go:build !unix

package redistest

// Pause skips the test: no process can be stopped here for a while.
func (s *Server) Pause() { s.t.Skip("SKIPPED: this system stops no process for a while") }

// Resume ends a Pause, which there is none of here.
func (s *Server) Resume() {}

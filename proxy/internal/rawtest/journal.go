package rawtest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// A Journal keeps the text that was logged. Several goroutines may use it.
type Journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements [io.Writer].
func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String returns the text.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// Lines returns how many times part was logged, and the whole text.
func (j *Journal) Lines(part string) (int, string) {
	text := j.String()
	return strings.Count(text, part), text
}

// Log returns a logger that writes to the journal.
func (j *Journal) Log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

package rawtest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
)

// A Journal is the text that was logged.
type Journal struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (j *Journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// Lines returns how many lines have part in them, and all text.
func (j *Journal) Lines(part string) (int, string) {
	text := j.String()
	return strings.Count(text, part), text
}

// Log returns a logger that writes to the journal.
func (j *Journal) Log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

package admin

import (
	"io"
	"net/http"
)

// A body calls complete when all of it has been read.
type body struct {
	io.ReadCloser
	complete func()
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.complete()
	}
	return n, err
}

// A response calls begins before its first byte is written.
type response struct {
	http.ResponseWriter
	begins func()
	begun  bool
}

// WriteHeader implements [http.ResponseWriter].
func (r *response) WriteHeader(status int) {
	r.begin()
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (r *response) Write(p []byte) (int, error) {
	r.begin()
	return r.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *response) begin() {
	if !r.begun {
		r.begun = true
		r.begins()
	}
}

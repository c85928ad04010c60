package push

import (
	"io"
	"net/http"
)

const (
	maxBody   = 1 << 20
	smallBody = 64 << 10 // as nearly all are
	maxLarge  = 64       // larger ones that are in memory at a time
	maxDrain  = 8 << 20  // that is read of one that is refused
)

// A body is that of a request. Anybody can send one, so that only few large ones are read
// at a time.
type body struct {
	request *http.Request
	large   chan struct{}
	isLarge bool // whether it has its place among the large ones
}

// read returns the whole body if admit, which judges the rest of the request, lets it in.
// One whose size is known is judged before it is read.
func (b *body) read(admit func() refusal) ([]byte, refusal) {
	size := b.request.ContentLength
	if size > maxBody {
		return nil, tooLarge
	}
	if size >= 0 {
		if why := admit(); why != taken {
			return nil, why
		}
		if size > smallBody && !b.enlarge() {
			return nil, tooMany
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(b.request.Body, text); err != nil {
			return nil, brokenOff
		}
		return text, taken
	}
	text, why := b.readToEnd()
	if why != taken {
		return nil, why
	}
	return text, admit()
}

// readToEnd reads a body whose size is not known.
func (b *body) readToEnd() ([]byte, refusal) {
	text, err := io.ReadAll(io.LimitReader(b.request.Body, smallBody+1))
	if err != nil {
		return nil, brokenOff
	}
	if len(text) <= smallBody {
		return text, taken
	}
	if !b.enlarge() {
		return nil, tooMany
	}
	rest, err := io.ReadAll(io.LimitReader(b.request.Body, maxBody+1-int64(len(text))))
	switch text = append(text, rest...); {
	case err != nil:
		return nil, brokenOff
	case len(text) > maxBody:
		return nil, tooLarge
	}
	return text, taken
}

// enlarge takes a place among the large ones, if there is one.
func (b *body) enlarge() bool {
	select {
	case b.large <- struct{}{}:
		b.isLarge = true
	default:
	}
	return b.isLarge
}

// drain reads what is left of a body that was refused, into nothing. A client, as nginx, that
// is still sending when the connection ends would see a reset in place of the answer.
func drain(request *http.Request) {
	if request.ContentLength <= maxDrain && request.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, request.Body, maxDrain)
	}
}

// release gives the place back.
func (b *body) release() {
	if b.isLarge {
		<-b.large
	}
}

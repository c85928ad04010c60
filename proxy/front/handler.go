package front

import (
	"errors"

	"github.com/valyala/fasthttp"
)

// A Handler answers what comes to a Server. Its methods may be called concurrently.
type Handler interface {
	// Handle answers a request, whose body may be that long.
	Handle(ctx *fasthttp.RequestCtx, maxBody int64)

	// Expect decides about a request whose caller waits to be told to send the body:
	// it returns 100 for that, or the status of its refusal, which is in ctx then.
	Expect(ctx *fasthttp.RequestCtx, maxBody int64) (status int)

	// Refuse answers what cannot be read, for one of the reasons that begin with Err.
	Refuse(ctx *fasthttp.RequestCtx, reason error)

	// IsProvenByBody reports whether only the body of a request with that target can
	// show who the caller is.
	IsProvenByBody(target []byte) bool
}

// Reasons for which a request cannot be read. They go to the caller and quote nothing.
var (
	ErrUnreadable    = errors.New("the request is not HTTP/1.1 as RFC 9112 has it")
	ErrBodyTooLarge  = errors.New("the body is larger than max_body allows")
	ErrHeaderTooLong = errors.New("the header is longer than 16 KiB")
	ErrLate          = errors.New("the request did not arrive in time")
)

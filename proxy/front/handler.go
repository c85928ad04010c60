package front

import (
	"errors"
	"net"

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

// What a Handler may ask of a caller's connection, and tell it.

// Prove notes that the caller has proven to be a client.
func (c *Conn) Prove() { c.slots.prove(c) }

// IsProven reports whether it has.
func (c *Conn) IsProven() bool { return c.proven }

// Admit reports whether the request of a connection that was one too many when it came
// can be handled after all, given whether the caller proves to be a client and whether
// a key is what proves that.
func (c *Conn) Admit(proves, byKey bool) bool { return c.slots.admit(c, proves, byKey) }

// OnLoopback reports whether only programs of this machine reach the caller's
// listener by TCP. No browser reaches a unix socket.
func (c *Conn) OnLoopback() bool { return c != nil && c.listener.onLoopback }

// HasSent reports whether the caller has ever sent something.
func (c *Conn) HasSent() bool { return c != nil && c.spoke }

// NetConn returns the connection itself, to be looked at.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// IsTLS reports whether what is written to NetConn is not what the caller reads.
func (c *Conn) IsTLS() bool { return c.secure != nil }

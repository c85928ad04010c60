package front

import (
	"errors"
	"net"

	"github.com/valyala/fasthttp"
)

// A Handler answers what comes to a Server. Its methods may be called concurrently.
type Handler interface {
	// Handle answers a request, whose body may have maxBody bytes.
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

// The following is what a Handler may ask of a caller's connection, and tell it. Bodies
// are in bodytime.go, certificates in certificate.go.

// Prove notes that the caller has proven to be a client.
func (c *Conn) Prove() {
	c.stage = stageProven
	c.slots.noteProven(c)
}

// IsProven reports whether the caller has proven to be a client.
func (c *Conn) IsProven() bool { return c.stage == stageProven }

// IsSurplus reports whether the connection is one more than are allowed.
func (c *Conn) IsSurplus() bool { return c != nil && !c.surplus.IsZero() }

// Admit reports whether the request of a surplus connection can be handled after all,
// given whether the caller proves to be a client and whether a key is what proves that.
func (c *Conn) Admit(proves, byKey bool) bool { return c.slots.admit(c, proves, byKey) }

// OnLoopback reports whether only programs of this machine reach the caller's
// listener by TCP. No browser reaches a unix socket.
func (c *Conn) OnLoopback() bool { return c != nil && c.listener.onLoopback }

// HasSent reports whether the caller has ever sent something.
func (c *Conn) HasSent() bool { return c != nil && c.stage != stageSilent }

// HasEnded reports whether a Read came to the connection's end.
func (c *Conn) HasEnded() bool { return c != nil && c.eof }

// ReadError returns the error of the last Read that failed since BeginBody; nil: none did.
func (c *Conn) ReadError() error {
	if c == nil {
		return nil
	}
	return c.readError
}

// OnCut says what to do if the process ends before EndCut is called: an answer is passed on
// until then.
func (c *Conn) OnCut(do func()) {
	if c != nil {
		c.onCut.Store(&do)
	}
}

// EndCut takes OnCut back, and reports whether it came too late for that.
func (c *Conn) EndCut() (wasCut bool) { return c != nil && c.onCut.Swap(nil) == nil }

// IsCut reports whether the process is about to end, and waits for nothing any more.
func (c *Conn) IsCut() bool { return c != nil && c.isCut.Load() }

// Linger has Close wait until the caller has had time to read the answer.
func (c *Conn) Linger() {
	if c != nil {
		c.lingers.Store(true)
	}
}

// LimitSendBuffer bounds what the kernel holds for the caller, so that the pace of
// the caller is felt where the answer comes from. An answer of that length or less needs
// no bound.
func (c *Conn) LimitSendBuffer(length int) {
	if c == nil || c.bounded || 0 <= length && length <= sendBuffer {
		return
	}
	c.bounded = true
	if buffered, ok := c.Conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = buffered.SetWriteBuffer(sendBuffer) // without it, more is held
	}
}

// NetConn returns the connection below, to be looked at.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// IsTLS reports whether what is written to NetConn is not what the caller reads.
func (c *Conn) IsTLS() bool { return c.secure != nil }

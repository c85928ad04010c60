package proxy

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"
)

// A mistake of the programmer's ends the connection that met it, not the process.
// What a panic says stays unsaid: it could hold a part of a request.

// handleSafely is handle for fasthttp's server, which ends the process otherwise.
func (f *front) handleSafely(ctx *fasthttp.RequestCtx) {
	defer func() {
		if recover() != nil {
			f.log.Error("panic while serving a connection", "stack", string(debug.Stack()))
			ctx.Response.Reset()
			ctx.Error("", fasthttp.StatusInternalServerError)
			ctx.Response.SetConnectionClose()
		}
	}()
	f.handle(ctx)
}

// safely keeps the process alive if do panics. What the panic says stays unsaid:
// it could hold a part of the request.
func (p *Proxy) safely(x *exchange, do func(*exchange) error) (err error) {
	defer func() {
		if recover() != nil {
			p.config.Log.Error("panic while answering a request", "stack", string(debug.Stack()))
			err = refuse(internalError, "the proxy made a mistake; its log says more")
		}
	}()
	return do(x)
}

package push

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// ServeHTTP answers /push/NAME and /push/NAME/APPID, and nothing else.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	began := time.Now()
	defer r.survive(func() { w.WriteHeader(http.StatusInternalServerError) })
	name, isPush := strings.CutPrefix(request.URL.EscapedPath(), "/push/")
	if !isPush {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	a := r.now.Load().find(name, request.Method == http.MethodGet)
	switch {
	case a == nil:
		r.refuse(w, request, nil, unknownName)
	case request.Method == http.MethodGet:
		r.check(w, request, a)
	case request.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		r.refuse(w, request, a, wrongMethod)
	default:
		b := &body{request: request, large: r.large}
		defer b.release()
		p, why := a.read(b)
		if why != taken {
			r.refuse(w, request, a, why)
			return
		}
		r.serve(w, request, p)
		r.counts.took(time.Since(began))
	}
}

// survive keeps the process alive if its caller panics. The log gets the stack alone: the
// panic's own words could hold a part of a push. The call has to be deferred itself.
func (r *Receiver) survive(answer func()) {
	if recover() != nil {
		r.log.Error("panic while answering a push", "stack", string(debug.Stack()))
		answer()
	}
}

// serve answers a push that is proven.
func (r *Receiver) serve(w http.ResponseWriter, request *http.Request, p *push) {
	p.requestID = requestID(request.Header["X-Request-Id"])
	p.contentType = request.Header.Get("Content-Type")
	outcome := repeated
	o, _ := r.repeats.Do(request.Context(), p.id, func(attempt int) (o result) {
		p.attempt = attempt
		o, outcome = r.take(request.Context(), p)
		return o
	})
	if outcome == refused {
		r.refuse(w, request, p.account, wrongAppID)
		return
	}
	r.counts.push(p.account.group(), p.message.Type, outcome)
	p.answer(w, o)
}

// refuse answers a push that is not taken: with nothing, whatever is wrong. Only
// senders of pushes keep a connection. a is nil if there is no such account.
func (r *Receiver) refuse(w http.ResponseWriter, request *http.Request, a *account, why refusal) {
	r.counts.refuse(a.group(), why)
	r.lines.refused(a, why)
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", "0")
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // which a test's writer cannot
	w.WriteHeader(why.status())
	_ = control.Flush()
	drain(request)
}

// check answers WeChat's check of the URL, by which it sees that push_token is the
// account's: with what it asks, decrypted for WeCom.
func (r *Receiver) check(w http.ResponseWriter, request *http.Request, a *account) {
	echo, why := a.echo(query(request.URL.RawQuery))
	if why != taken {
		r.refuse(w, request, a, why)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(echo))
}

package proxy

import (
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/members"
	"wxproxy/proxy/internal/quota"
	"wxproxy/proxy/internal/virtual"
	"wxproxy/proxy/upstream"
)

// A problem is a row of the table of errors that the proxy itself answers.
type problem struct {
	status  int
	errcode int
	slug    string
}

// The errors that the proxy answers. Their errcodes are negative and have five
// digits, which WeChat's own never are.
var (
	badRequest          = problem{fasthttp.StatusBadRequest, -40000, "bad_request"}
	unauthenticated     = problem{fasthttp.StatusUnauthorized, -40100, "unauthenticated"}
	forbiddenAccount    = problem{fasthttp.StatusForbidden, -40300, "forbidden_account"}
	forbiddenPath       = problem{fasthttp.StatusForbidden, -40301, "forbidden_path"}
	noCredential        = problem{fasthttp.StatusForbidden, -40302, "no_credential"}
	unknownAccount      = problem{fasthttp.StatusNotFound, -40400, "unknown_account"}
	bodyTooLarge        = problem{fasthttp.StatusRequestEntityTooLarge, -41300, "body_too_large"}
	tooManyRequests     = problem{fasthttp.StatusTooManyRequests, -42900, "too_many_requests"}
	internalError       = problem{fasthttp.StatusInternalServerError, -50000, "internal_error"}
	upstreamUnreachable = problem{fasthttp.StatusBadGateway, -50200, "upstream_unreachable"}
	tokenUnavailable    = problem{fasthttp.StatusServiceUnavailable, -50300, "token_unavailable"}
	upstreamBusy        = problem{fasthttp.StatusServiceUnavailable, -50301, "upstream_busy"}
	notAuthorized       = problem{fasthttp.StatusServiceUnavailable, -50303, "not_authorized"}
	noTicket            = problem{fasthttp.StatusServiceUnavailable, -50304, "no_ticket"}
	tooManyConnections  = problem{fasthttp.StatusServiceUnavailable, -50302, "too_many_connections"}
	upstreamTimeout     = problem{fasthttp.StatusGatewayTimeout, -50400, "upstream_timeout"}
)

// A failure is a problem with the words that the caller gets. These hold no secret: they
// come from fixed texts and from the errors of Tokens.
type failure struct {
	problem
	detail     string
	retryAfter time.Duration // 0: no Retry-After
	wrongKey   bool          // the caller has shown a key that is nobody's
	isUsual    bool          // it happens to every program, and is not logged
}

func (f *failure) Error() string {
	if f.slug == "" {
		return f.detail
	}
	return f.slug + ": " + f.detail
}

func refuse(p problem, detail string) error { return &failure{problem: p, detail: detail} }

// refuseAsWeChat refuses with an errcode of WeChat's, upon which SDKs act.
func refuseAsWeChat(errcode int, errmsg string) error {
	return &failure{problem: problem{status: fasthttp.StatusOK, errcode: errcode}, detail: errmsg}
}

// refuseKey refuses a request with a key that is nobody's, in the API's words.
func refuseKey(errcode int, errmsg string) error {
	return &failure{problem: problem{status: fasthttp.StatusOK, errcode: errcode}, detail: errmsg, wrongKey: true}
}

func secretUnreadable(a *Account) error {
	return refuse(tokenUnavailable, "the AppSecret of account "+a.Name+" cannot be read; see the log")
}

// refuse answers the request with the failure that err is.
func (x *exchange) refuse(err error) {
	x.message.Head.Reset()
	f := x.asFailure(err)
	x.errcode = f.errcode
	f.answer(&x.ctx.Response)
	if x.admitted {
		x.ctx.Response.Header.Set("Wxproxy-Account", x.account.Name)
	}
}

// reason returns what the log and the metrics call a failure: its slug, or its errcode if
// it has WeChat's words.
func (f *failure) reason() string {
	if f.slug == "" {
		return strconv.Itoa(f.errcode)
	}
	return f.slug
}

// answer makes f the answer, in the form of WeChat's own errors.
func (f *failure) answer(resp *fasthttp.Response) {
	resp.ResetBody()
	resp.Header.Reset()
	resp.Header.SetNoDefaultContentType(true)
	resp.SetStatusCode(f.status)
	resp.Header.SetBytesV(fasthttp.HeaderDate, fasthttp.AppendHTTPDate(nil, time.Now()))
	resp.Header.SetContentType("application/json; charset=utf-8")
	errmsg := f.detail
	if f.slug != "" {
		resp.Header.Set("Wxproxy-Error", f.slug)
		errmsg = "wxproxy: " + f.Error()
	}
	if f.status == fasthttp.StatusUnauthorized {
		resp.Header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
	}
	if f.retryAfter > 0 {
		seconds := (f.retryAfter + time.Second - 1) / time.Second
		resp.Header.Set(fasthttp.HeaderRetryAfter, strconv.FormatInt(int64(seconds), 10))
	}
	body, err := members.Marshal(struct {
		Errcode int    `json:"errcode"`
		Errmsg  string `json:"errmsg"`
	}{f.errcode, errmsg})
	if err != nil {
		panic("BUG: a number and a string cannot be written as JSON")
	}
	resp.SetBody(body)
}

// asFailure returns the failure that the caller gets for err.
func (x *exchange) asFailure(err error) *failure {
	var known *failure
	var later interface {
		error
		RetryAfter() time.Duration
	}
	var short *upstream.ShortageError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &short):
		return &failure{problem: upstreamBusy, detail: "this machine is out of " + short.Shortage() + ", so there is no connection to " + x.kind.Table.Name + " for the request; nothing was sent", retryAfter: time.Second}
	case errors.As(err, &later):
		return &failure{problem: whyUnavailable(err), detail: later.Error(), retryAfter: later.RetryAfter()}
	case whyUnavailable(err) != tokenUnavailable:
		return &failure{problem: whyUnavailable(err), detail: err.Error()}
	case errors.Is(err, upstream.ErrUnreachable) && upstream.FaultOf(err) != nil:
		fault := upstream.FaultOf(err)
		remedy, _ := fault.Remedies()
		return &failure{problem: upstreamUnreachable, detail: "no connection to " + x.kind.Table.Name + " could be established: " + fault.Words() + "; " + remedy + "; nothing was sent"}
	case errors.Is(err, upstream.ErrUnreachable):
		return &failure{problem: upstreamUnreachable, detail: "no connection to " + x.kind.Table.Name + " could be established; nothing was sent"}
	case errors.Is(err, upstream.ErrTimeout):
		return &failure{problem: upstreamTimeout, detail: x.kind.Table.Name + " did not answer in time; the request may have taken effect and is not sent again"}
	case errors.Is(err, upstream.ErrBusy):
		return &failure{problem: upstreamBusy, detail: "every connection to " + x.kind.Table.Name + " stayed in use; nothing was sent", retryAfter: time.Second}
	case errors.Is(err, upstream.ErrLeftQueue):
		return &failure{problem: upstreamBusy, detail: "the caller left while every connection to " + x.kind.Table.Name + " was in use; nothing was sent"}
	case errors.Is(err, upstream.ErrBroken):
		by, remedy := upstream.Between(err)
		return &failure{problem: upstreamUnreachable, detail: "the connection to " + x.kind.Table.Name + " broke, or what came over it was not HTTP, before the answer was complete" + by + "; the request may have taken effect and is not sent again" + remedy}
	}
	return &failure{problem: internalError, detail: "the proxy made a mistake; its log says more"}
}

// tooLarge returns the refusal of a body above its limit. After one that should be
// small the connection ends, because its rest is never read.
func (x *exchange) tooLarge() error {
	switch {
	case x.route.traits.callerInBody:
		x.closes = true
		return refuse(bodyTooLarge, "a request for a token is at most 4 KiB long")
	case x.smallBody:
		x.closes = true
		return refuse(bodyTooLarge, "of a caller that shows its key in the body, that is at most 4 KiB long; show it in the header Authorization")
	case x.route.traits.getsSecret:
		return refuse(bodyTooLarge, "a body to a path that takes the AppSecret is at most 64 KiB long")
	}
	return refuse(bodyTooLarge, "the body is larger than max_body allows")
}

// inWords returns the refusal of a virtual token with WeChat's errcodes, upon which SDKs
// fetch another one, and that of a client that asks for more than its quota; any other
// error as it is.
func (x *exchange) inWords(err error) error {
	if err == nil {
		return nil // the usual case, without an allocation
	}
	var exceeded *quota.ErrExceeded
	switch {
	case errors.Is(err, errNoKey):
		return refuse(unauthenticated, showKey+x.proxy.strayCertificate(x))
	case errors.Is(err, virtual.ErrExpired), errors.Is(err, virtual.ErrForged) && x.kind.Table.InvalidToken == x.kind.Table.ExpiredToken:
		return &failure{problem: problem{status: fasthttp.StatusOK, errcode: x.kind.Table.ExpiredToken}, detail: "access_token expired (wxproxy: " + err.Error() + ")", isUsual: errors.Is(err, virtual.ErrExpired)}
	case errors.Is(err, virtual.ErrForged), errors.Is(err, virtual.ErrMisplaced):
		return refuseAsWeChat(x.kind.Table.InvalidToken, "invalid credential, access_token is invalid or not latest (wxproxy: "+err.Error()+")")
	case !errors.As(err, &exceeded):
		return err
	case exceeded.InFlight:
		return &failure{problem: tooManyRequests, detail: "the client " + exceeded.Client + " has max_in_flight requests under way", retryAfter: exceeded.Wait}
	}
	return &failure{problem: tooManyRequests, detail: "the client " + exceeded.Client + " makes more requests than its rate allows", retryAfter: exceeded.Wait}
}

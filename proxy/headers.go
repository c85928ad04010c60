package proxy

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
)

// Reasons to refuse a request's header. They go to the caller and quote nothing.
var (
	errHeaderLine    = errors.New("the header holds a line that HTTP does not allow")
	errHeaderFraming = errors.New("the header holds both Content-Length and Transfer-Encoding, or a Transfer-Encoding other than chunked")
	errHeaderHost    = errors.New("the header holds a Host that is none")
	errHeaderTwice   = errors.New("the header holds Authorization or Wxproxy-Account twice, with two values")
	errHeaderOptions = errors.New("the header's Connection names too much")
)

// maxOptions is how many headers Connection may name. Each line of the header is
// compared with each of them, so it bounds what a header of 16 KiB costs.
const maxOptions = 32

// fields is what the proxy reads in a caller's header lines. Its slices point into these
// lines unless their comment says otherwise.
type fields struct {
	length   bool // Content-Length was there
	encoding bool // Transfer-Encoding was there
	close    bool // the caller's connection ends with this request
	options  bool // Connection names more than close and keep-alive

	wantsRequestID bool // every request has an X-Request-Id
	secretID       bool // one of those that the caller sent is a secret
	ids            int  // how many the caller sent

	makesSpans bool // there is tracing: WeChat is sent the names of the proxy's own spans
	hasTrace   bool // the caller's span is named, or seems to be

	isSecret func(word []byte) bool // whether a word is a secret; nil: none is

	connection    []byte // a copy of the values of Connection, with a comma behind each
	account       []byte // of Wxproxy-Account
	authorization []byte
	packed        bool // Content-Encoding names a compression
	host          []byte
	origin        []byte
	site          []byte // of Sec-Fetch-Site
	id            []byte // of the last X-Request-Id
}

// readHeader reads the method and the header lines, and decides about the request's id
// and its span.
func (x *exchange) readHeader() error {
	req, m := &x.ctx.Request, &x.message
	if version := string(req.Header.Protocol()); version != "HTTP/1.1" && version != "HTTP/1.0" {
		x.closes = true
		return refuse(badRequest, "the proxy speaks HTTP/1.1 and HTTP/1.0 only")
	}
	var err error
	if m.Fields, err = x.fields.appendEndToEnd(m.Fields[:0], req.Header.RawHeaders()); err != nil {
		x.closes = true
		return refuse(badRequest, err.Error())
	}
	x.closes = x.fields.close
	x.setRequestID()
	x.setTrace()
	m.Method = req.Header.Method()
	if !isForwarded(m.Method) {
		return refuse(badRequest, "the method is none that WeChat's API uses")
	}
	return nil
}

// isForwarded reports whether requests with method are forwarded.
func isForwarded(method []byte) bool {
	switch string(method) {
	case fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost, fasthttp.MethodPut,
		fasthttp.MethodPatch, fasthttp.MethodDelete, fasthttp.MethodOptions:
		return true
	}
	return false
}

// appendEndToEnd appends the caller's raw header lines that are meant for WeChat to dst,
// byte for byte. It leaves out the hop-by-hop headers, those that Connection names, those
// that are meant for the proxy, and those that the proxy writes itself: Host and
// Content-Length.
func (f *fields) appendEndToEnd(dst, raw []byte) ([]byte, error) {
	*f = fields{connection: f.connection[:0], wantsRequestID: f.wantsRequestID, makesSpans: f.makesSpans, isSecret: f.isSecret}
	start := len(dst)
	dst, err := f.read(dst, raw)
	if err == nil && (f.options || f.wantsRequestID && f.ids > 0 && !f.hasGoodID()) {
		dst = append(dst[:start], f.without(dst[start:])...)
	}
	return dst, err
}

// without returns the lines except those that Connection names, and except ids that the
// proxy replaces.
func (f *fields) without(lines []byte) (kept []byte) {
	replacesID := f.wantsRequestID && !f.hasGoodID()
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		name := lines[:bytes.IndexByte(lines, ':')]
		if !wire.Listed(f.connection, name) && (!replacesID || !f.isID(name)) {
			kept = append(kept, lines[:end]...)
		}
		lines = lines[end:]
	}
	return kept
}

// read checks every line of a header block, keeps what the proxy needs of it, and appends
// to dst the lines that may be meant for WeChat. It is stricter than fasthttp, which
// accepts lines that HTTP forbids and that WeChat could understand in another way.
func (f *fields) read(dst, raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return dst, nil // HTTP/1.0 needs no line at all
	}
	for string(raw) != "\r\n" {
		headerKind, value, length, ok := wire.NextField(raw)
		if !ok {
			return dst, errHeaderLine
		}
		if err := f.note(headerKind, value); err != nil {
			return dst, err
		}
		if headerKind < wire.KindForProxy && (headerKind < wire.KindTraceparent || f.passesTrace()) {
			dst = append(dst, raw[:length]...)
		}
		raw = raw[length:]
	}
	if f.length && f.encoding {
		return dst, errHeaderFraming
	}
	if bytes.Count(f.connection, []byte(",")) > maxOptions {
		return dst, errHeaderOptions
	}
	// fasthttp decides where a chunked body ends, and accepts a bare line feed as its end
	// and folded lines as trailers. So the connection ends with such a body, and nothing
	// that follows it is read as a request.
	f.close = f.encoding || wire.Listed(f.connection, []byte("close"))
	return dst, nil
}

// noteOptions takes the options of Connection.
func (f *fields) noteOptions(value []byte) {
	f.connection = append(append(f.connection, value...), ',')
	f.options = f.options || !wire.IsFold(value, "keep-alive") && !wire.IsFold(value, "close")
}

// note takes what the proxy needs from a header whose value is trimmed.
func (f *fields) note(headerKind wire.HeaderKind, value []byte) (err error) {
	switch headerKind {
	case wire.KindAuthorization:
		err = setOnce(&f.authorization, value)
	case wire.KindAccount:
		err = setOnce(&f.account, value)
	case wire.KindConnection:
		f.noteOptions(value)
	case wire.KindContentLength:
		f.length = true
	case wire.KindContentEncoding:
		f.packed = f.packed || len(value) > 0 && !wire.IsFold(value, "identity")
	case wire.KindTransferEncoding:
		if f.encoding = true; !wire.IsFold(value, "chunked") {
			err = errHeaderFraming
		}
	case wire.KindHost:
		if f.host = value; !wire.IsHost(value) {
			err = errHeaderHost
		}
	case wire.KindOrigin:
		f.origin = value
	case wire.KindSite:
		f.site = value
	case wire.KindRequestID:
		f.readID(value)
	}
	return err
}

// setOnce sets a value that says who calls, or for which account. Two different values
// are an error, so that neither wins.
func setOnce(field *[]byte, value []byte) error {
	if len(*field) > 0 && len(value) > 0 && !bytes.Equal(*field, value) {
		return errHeaderTwice
	}
	if len(value) > 0 {
		*field = value
	}
	return nil
}

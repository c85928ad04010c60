package wire

import "bytes"

// A HeaderKind says how the proxy treats a header.
type HeaderKind uint8

// The kinds of headers.
const (
	kindOther HeaderKind = iota // it is passed on unread
	KindContentEncoding
	KindRequestID
	KindOrigin
	KindSite

	// Headers that name a span of the caller's. With tracing they end here, too.
	KindTraceparent
	KindTracestate

	// Headers of a request that are meant for the proxy, or that it writes itself. A
	// caller's Authorization holds its key to the proxy and must not reach WeChat, whose
	// server API does not use that header.
	KindForProxy
	KindAuthorization
	KindContentLength
	KindHost

	kindOurs // its name begins with "Wxproxy-"
	KindAccount

	// Headers in either direction that end at the next hop (RFC 9110, 7.6.1) or are about
	// the transfer to it.
	kindHopByHop
	KindConnection
	KindTransferEncoding
)

// IsOurs reports whether the header is one of those that only the proxy may write.
func (k HeaderKind) IsOurs() bool { return kindOurs <= k && k < kindHopByHop }

// IsHopByHop reports whether the header ends at the next hop.
func (k HeaderKind) IsHopByHop() bool { return kindHopByHop <= k }

// A FieldName is a header's name in lower case. Of a name that is longer than all that the
// proxy knows, it is the beginning.
type FieldName [24]byte

// KindOf returns the kind of the header called name.
func KindOf(name []byte) HeaderKind {
	var folded FieldName
	n := copy(folded[:], name)
	for i, c := range folded[:n] {
		folded[i] = Lower(c)
	}
	return folded.Kind(n)
}

// Kind returns the kind of the header with that name, which has n bytes.
func (f *FieldName) Kind(n int) HeaderKind {
	name := f[:min(n, len(f))]
	switch string(name) {
	case "content-encoding":
		return KindContentEncoding
	case "x-request-id":
		return KindRequestID
	case "origin":
		return KindOrigin
	case "sec-fetch-site":
		return KindSite
	case "traceparent":
		return KindTraceparent
	case "tracestate":
		return KindTracestate
	case "accept-encoding", "expect":
		return KindForProxy
	case "authorization":
		return KindAuthorization
	case "content-length":
		return KindContentLength
	case "host":
		return KindHost
	case "wxproxy-account":
		return KindAccount
	case "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade":
		return kindHopByHop
	case "connection":
		return KindConnection
	case "transfer-encoding":
		return KindTransferEncoding
	}
	return kindByPrefix(name)
}

func kindByPrefix(name []byte) HeaderKind {
	if bytes.HasPrefix(name, []byte("wxproxy-")) {
		return kindOurs
	}
	return kindOther
}

package wire

import "bytes"

// A HeaderKind is what a header is to the proxy.
type HeaderKind uint8

// The kinds of headers.
const (
	kindOther HeaderKind = iota // it passes, whatever it is
	KindContentEncoding
	KindRequestID
	KindOrigin
	KindSite

	// Of a request, for the proxy or written by it. A caller's Authorization is its
	// key here and must not reach WeChat, whose server API has no use for it.
	KindForProxy
	KindAuthorization
	KindContentLength
	KindHost

	kindOurs // its name begins with "Wxproxy-"
	KindAccount

	// In either direction, ends at the next hop (RFC 9110, 7.6.1) or is about the
	// transfer to it.
	kindHopByHop
	KindConnection
	KindTransferEncoding
)

// IsOurs reports whether the header is one of those that only the proxy may write.
func (k HeaderKind) IsOurs() bool { return kindOurs <= k && k < kindHopByHop }

// IsHopByHop reports whether the header ends at the next hop.
func (k HeaderKind) IsHopByHop() bool { return kindHopByHop <= k }

// A FieldName is a header's name in lower case, or the beginning of one that is
// longer than all that the proxy knows.
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

// Kind returns the kind of a name of n bytes.
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
	if bytes.HasPrefix(name, []byte("wxproxy-")) {
		return kindOurs
	}
	return kindOther
}

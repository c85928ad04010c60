package proxy

import "bytes"

// A headerKind is what a header is to the proxy.
type headerKind uint8

const (
	kindOther headerKind = iota // it passes, whatever it is
	kindContentEncoding
	kindRequestID
	kindOrigin
	kindSite

	// Of a request, for the proxy or written by it. A caller's Authorization is its
	// key here and must not reach WeChat, whose server API has no use for it.
	kindForProxy
	kindAuthorization
	kindContentLength
	kindHost

	kindOurs // its name begins with "Wxproxy-"
	kindAccount

	// In either direction, ends at the next hop (RFC 9110, 7.6.1) or is about the
	// transfer to it.
	kindHopByHop
	kindConnection
	kindTransferEncoding
)

func (k headerKind) isOurs() bool     { return kindOurs <= k && k < kindHopByHop }
func (k headerKind) isHopByHop() bool { return kindHopByHop <= k }

// A fieldName is a header's name in lower case, or the beginning of one that is
// longer than all that the proxy knows.
type fieldName [24]byte

// kindOf returns the kind of the header called name.
func kindOf(name []byte) headerKind {
	var folded fieldName
	n := copy(folded[:], name)
	for i, c := range folded[:n] {
		folded[i] = lower(c)
	}
	return folded.kind(n)
}

// kind returns the kind of a name of n bytes.
func (f *fieldName) kind(n int) headerKind {
	name := f[:min(n, len(f))]
	switch string(name) {
	case "content-encoding":
		return kindContentEncoding
	case "x-request-id":
		return kindRequestID
	case "origin":
		return kindOrigin
	case "sec-fetch-site":
		return kindSite
	case "accept-encoding", "expect":
		return kindForProxy
	case "authorization":
		return kindAuthorization
	case "content-length":
		return kindContentLength
	case "host":
		return kindHost
	case "wxproxy-account":
		return kindAccount
	case "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade":
		return kindHopByHop
	case "connection":
		return kindConnection
	case "transfer-encoding":
		return kindTransferEncoding
	}
	if bytes.HasPrefix(name, []byte("wxproxy-")) {
		return kindOurs
	}
	return kindOther
}

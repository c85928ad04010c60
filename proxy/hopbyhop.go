package proxy

import "bytes"

// isHopByHop reports whether a header ends at the next hop (RFC 9110, 7.6.1) or
// is about the transfer to it, in either direction.
func isHopByHop(name []byte) bool {
	switch lower(name[0]) {
	case 'c':
		return isFold(name, "connection")
	case 'k':
		return isFold(name, "keep-alive")
	case 'p':
		return isFold(name, "proxy-connection") || isFold(name, "proxy-authenticate") || isFold(name, "proxy-authorization")
	case 't':
		return isFold(name, "te") || isFold(name, "trailer") || isFold(name, "transfer-encoding")
	case 'u':
		return isFold(name, "upgrade")
	}
	return false
}

// isForProxy reports whether a request header is for the proxy, or is written
// by it. A caller's Authorization is its key here and must not reach WeChat,
// whose server API has no use for that header.
func isForProxy(name []byte) bool {
	switch lower(name[0]) {
	case 'a':
		return isFold(name, "accept-encoding") || isFold(name, "authorization")
	case 'c':
		return isFold(name, "content-length")
	case 'e':
		return isFold(name, "expect")
	case 'h':
		return isFold(name, "host")
	}
	return isOurs(name)
}

// isOurs reports whether name begins with "Wxproxy-".
func isOurs(name []byte) bool {
	const prefix = "wxproxy-"
	return len(name) >= len(prefix) && isFold(name[:len(prefix)], prefix)
}

// listed reports whether the comma-separated list holds name.
func listed(list, name []byte) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		if equalFold(trimSpace(item), name) {
			return true
		}
	}
	return false
}

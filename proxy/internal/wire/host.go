package wire

import "bytes"

// IsHost reports whether value can be a host, with or without a port (RFC 3986, 3.2.2).
func IsHost(value []byte) bool {
	host, port := value, value[len(value):]
	if len(value) > 0 && value[0] == '[' {
		end := bytes.LastIndexByte(value, ']')
		if end < 0 {
			return false
		}
		host, port = value[1:end], value[end+1:]
	} else if colon := bytes.IndexByte(value, ':'); colon >= 0 {
		host, port = value[:colon], value[colon:]
	}
	for _, c := range host {
		if !isHostByte(c) {
			return false
		}
	}
	for i, c := range port {
		if i == 0 && c != ':' || i > 0 && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isHostByte reports whether c can stand in the name or address of a host.
func isHostByte(c byte) bool {
	switch c {
	case '@', '/', '\\', '?', '#', '"', '<', '>', '^', '`', '{', '|', '}', '[', ']':
		return false
	}
	return ' ' < c && c < 0x7f
}

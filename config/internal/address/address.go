// Package address reads where to listen: host:port, or unix:PATH.
package address

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"wxproxy/internal/language"
)

// Split splits a listen setting into what [net.Listen] wants.
func Split(listen string) (network, address string) {
	if socket, ok := strings.CutPrefix(listen, "unix:"); ok {
		return "unix", socket
	}
	return "tcp", listen
}

// Check says what is wrong with a listen setting.
func Check(listen string) error {
	network, address := Split(listen)
	if network == "unix" {
		return checkSocket(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New(`is not an address; write host:port, as "127.0.0.1:8080", or "unix:/run/wxproxy.sock"`)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("has no valid port; write a number from 1 to 65535 after the colon")
	}
	if !IsHost(host) {
		return errors.New("has no valid host; write an IP address or a name before the colon")
	}
	return nil
}

// checkSocket says what is wrong with the path of a unix socket.
func checkSocket(socket string) error {
	const longest = 107 // sun_path of Linux, less its final NUL
	switch {
	case !path.IsAbs(socket) || strings.HasSuffix(socket, "/"):
		return errors.New(`has no absolute path; write it as "unix:/run/wxproxy.sock"`)
	case len(socket) > longest:
		return errors.New("has too long a path for a socket; use at most 107 bytes")
	case strings.ContainsRune(socket, 0):
		return errors.New("has a zero byte in its path")
	}
	return nil
}

// IsHost reports whether host can stand before a port: nothing for every
// address of the machine, an IP address, or a name.
func IsHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "" || isName(host)
}

// isName reports whether DNS, or a hosts file, can have the name. It cannot have
// what looks like an address and is none.
func isName(host string) bool {
	const longest, longestLabel = 253, 63
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > longestLabel || strings.Trim(label, labelAlphabet) != "" || label[0] == '-' {
			return false
		}
	}
	return len(host) <= longest && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// BeyondLoopback reports whether other machines can reach a listen setting.
func BeyondLoopback(listen string) bool {
	network, address := Split(listen)
	host, _, err := net.SplitHostPort(address)
	if network == "unix" || err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.Unmap().IsLoopback()
	}
	return !strings.EqualFold(host, "localhost")
}

// Collide reports whether two listen settings want the same port or socket.
func Collide(a, b string) bool {
	networkA, addressA := Split(a)
	networkB, addressB := Split(b)
	if networkA != networkB {
		return false
	}
	if networkA == "unix" {
		return path.Clean(addressA) == path.Clean(addressB)
	}
	hostA, portA, _ := net.SplitHostPort(addressA)
	hostB, portB, _ := net.SplitHostPort(addressB)
	samePort := strings.TrimLeft(portA, "0") == strings.TrimLeft(portB, "0")
	anyPort := strings.TrimLeft(portA, "0") == ""
	return samePort && !anyPort && (Everywhere(hostA) || Everywhere(hostB) || sameHost(hostA, hostB))
}

// Everywhere reports whether host stands for every address of the machine.
func Everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

const labelAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// sameHost reports whether two hosts are one address. As for package net,
// localhost is that of IPv4.
func sameHost(a, b string) bool {
	ipA, errA := netip.ParseAddr(addressOf(a))
	ipB, errB := netip.ParseAddr(addressOf(b))
	if errA == nil && errB == nil {
		return ipA.Unmap() == ipB.Unmap()
	}
	return strings.EqualFold(a, b)
}

func addressOf(host string) string {
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1"
	}
	return host
}

// CheckURL says what is wrong with the URL of an upstream host, and what a good one is
// like.
func CheckURL(raw, good string) error {
	u, err := url.Parse(raw)
	var problem language.Phrase
	switch {
	case err != nil:
		problem = "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		problem = "has to begin with https:// or http://"
	case u.User != nil:
		problem = "has a user name or password"
	case u.Scheme+"://"+u.Host != raw:
		problem = "has more than scheme and host"
	case u.Hostname() == "" || !IsHost(u.Hostname()):
		problem = "has no valid host"
	case !IsPort(u.Port()) && strings.HasSuffix(u.Host, ":"+u.Port()):
		problem = "has no valid port"
	default:
		return nil
	}
	return language.Textf("%s; write scheme and host only, as \"%s\"", problem, good)
}

package config

import (
	"errors"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// ListenOn splits a listen setting into what [net.Listen] wants.
func ListenOn(listen string) (network, address string) {
	if socket, ok := strings.CutPrefix(listen, "unix:"); ok {
		return "unix", socket
	}
	return "tcp", listen
}

// checkListen reports a listen setting that nobody can listen on, and remarks on a
// socket in the place of which every user could listen.
func (t *table) checkListen(listen string) {
	if err := checkListen(listen); err != nil {
		t.wrong("listen", "%v", err)
	} else if network, address := ListenOn(listen); network == "unix" {
		t.warnIfReplaceable(t.key("listen"), address)
	}
}

// checkListen says what is wrong with a listen setting.
func checkListen(listen string) error {
	network, address := ListenOn(listen)
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
	if !isHost(host) {
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

// isHost reports whether host can stand before a port: nothing for every
// address of the machine, an IP address, or a name.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "" || isHostName(host)
}

// isHostName reports whether DNS, or a hosts file, can have the name. It cannot have
// what looks like an address and is none.
func isHostName(host string) bool {
	const longest, longestLabel = 253, 63
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > longestLabel || strings.Trim(label, nameAlphabet) != "" || label[0] == '-' {
			return false
		}
	}
	return len(host) <= longest && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// BeyondLoopback reports whether other machines can reach a listen setting.
func BeyondLoopback(listen string) bool {
	network, address := ListenOn(listen)
	host, _, err := net.SplitHostPort(address)
	if network == "unix" || err != nil {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.Unmap().IsLoopback()
	}
	return !strings.EqualFold(host, "localhost")
}

// collide reports whether two listen settings want the same port or socket.
func collide(a, b string) bool {
	networkA, addressA := ListenOn(a)
	networkB, addressB := ListenOn(b)
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
	return samePort && !anyPort && (everywhere(hostA) || everywhere(hostB) || sameHost(hostA, hostB))
}

func everywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.Unmap().IsUnspecified()
}

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

func (l *loader) checkListeners() {
	proxy, admin := l.cfg.Proxy, l.cfg.Admin
	guarded := len(l.cfg.Clients) > 0 || proxy.AllowAnonymous || l.anyReported("client", "proxy.allow_anonymous")
	if BeyondLoopback(proxy.Listen) && !guarded {
		l.report("proxy.listen", "would let every machine that reaches it use your accounts; "+
			"add a [[client]], or set allow_anonymous = true in [proxy] if the network is all yours")
	}
	if BeyondLoopback(proxy.Listen) && proxy.TokenEndpoint == "real" && len(l.cfg.Clients) == 0 && !l.anyReported("client") {
		l.report("proxy.token_endpoint", `is "real", which would hand WeChat's own tokens to every machine that reaches proxy.listen; `+
			`add a [[client]], or write "virtual"`)
	}
	l.checkOptional()
	guarded = !admin.Key.Empty() || l.anyReported("admin.key", "admin.key_env", "admin.key_file")
	if BeyondLoopback(admin.Listen) && !guarded {
		l.report("admin.listen", "is reachable beyond loopback and needs a key; "+
			"set key, key_env or key_file in [admin], or WXPROXY_ADMIN_KEY")
	}
	if admin.Listen != "" && collide(proxy.Listen, admin.Listen) {
		l.report("admin.listen", "is the address of proxy.listen, too; take another port")
	}
}

// checkOptional reports a certificate that may be left out where nobody has a key to show
// instead.
func (l *loader) checkOptional() {
	isOptional := l.cfg.Proxy.TLSClientAuth == "optional" && len(l.cfg.Clients) == 0
	if isOptional && !l.anyReported("client", "proxy.tls_client_auth", "proxy.tls_client_ca") {
		l.report("proxy.tls_client_auth", `is "optional", so that callers without a certificate show a key, and there is no [[client]] that has one; `+
			`add a [[client]], or write "require"`)
	}
}

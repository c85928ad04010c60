package address

import (
	"cmp"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Proof returns which parameter of a query, if any, is one of those that prove a push. An
// SDK takes the first of that name, which would be this one.
func Proof(rawQuery string) string {
	q, _ := url.ParseQuery(rawQuery) // what cannot be read proves nothing
	for _, name := range []string{"signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature"} {
		if q.Has(name) {
			return name
		}
	}
	return ""
}

// LeadsTo reports whether a request to a URL, as a forward has it, comes to a listener.
func LeadsTo(raw, listen string) bool {
	if rest, isSocket := strings.CutPrefix(raw, "unix:"); isSocket {
		socket, _, _ := strings.Cut(rest, ":/")
		return Collide("unix:"+socket, listen)
	}
	u, err := url.Parse(raw)
	host, _, noAddress := net.SplitHostPort(listen)
	if err != nil || noAddress != nil || u.Scheme != "http" { // TLS ends before the listener
		return false
	}
	ip, _ := netip.ParseAddr(addressOf(u.Hostname()))
	if Everywhere(host) && !ip.IsLoopback() { // another host may have the same port
		return false
	}
	return Collide(net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), listen)
}

// CheckForward says what is wrong with where pushes are sent to.
func CheckForward(raw string) error {
	if rest, ok := strings.CutPrefix(raw, "unix:"); ok {
		socket, target, found := strings.Cut(rest, ":/")
		if !found || !path.IsAbs(socket) {
			return errors.New("has no absolute path of a socket with a colon and a path behind it")
		}
		if err := Check("unix:" + socket); err != nil {
			return err
		}
		raw = "http://localhost/" + target
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsFunc(raw, isInvisible):
		return errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("begins with neither http:// nor https:// nor unix: but something else")
	case u.User != nil:
		return errors.New("has a user name or password, which is not sent; a program knows wxproxy by the signature")
	case u.Fragment != "":
		return errors.New("has a #, behind which nothing is sent")
	case u.Hostname() == "" || !IsHost(u.Hostname()):
		return errors.New("has no valid host")
	case !IsPort(u.Port()) && strings.HasSuffix(u.Host, ":"+u.Port()):
		return errors.New("has no valid port")
	}
	return nil
}

// IsPort reports whether port is a number that one can connect to.
func IsPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func isInvisible(r rune) bool { return r <= ' ' || r > '~' }

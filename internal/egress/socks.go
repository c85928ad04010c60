package egress

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// What SOCKS version 5 is made of: RFC 1928, and RFC 1929 for passwords.
const (
	version5     = 5
	freely       = 0
	byPassword   = 2
	passwords1   = 1 // the version of RFC 1929
	toConnect    = 1
	addressIPv4  = 1
	addressName  = 3
	addressIPv6  = 4
	longestWord  = 255
	notAllowed   = 2
	noSuchThings = 7 // the first reply that says that the proxy does not know how
)

// socks asks a SOCKS proxy for target, by name if it has one.
func (p *Proxy) socks(conn net.Conn, target string) error {
	if err := p.introduce(conn); err != nil {
		return err
	}
	request, err := appendTarget([]byte{version5, toConnect, 0}, target)
	if err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	return readReply(conn)
}

// introduce agrees with the proxy upon how to show who asks, and shows it.
func (p *Proxy) introduce(conn net.Conn) error {
	greeting := []byte{version5, 1, freely}
	if p.user != "" {
		greeting = []byte{version5, 2, freely, byPassword}
	}
	if _, err := conn.Write(greeting); err != nil {
		return err
	}
	var chosen [2]byte
	if _, err := io.ReadFull(conn, chosen[:]); err != nil {
		return err
	}
	switch {
	case chosen == [2]byte{version5, freely}:
		return nil
	case chosen == [2]byte{version5, byPassword} && p.user != "":
		return p.showPassword(conn)
	case chosen[0] == version5 && p.user == "":
		return &Fault{cause: noPassword}
	}
	return &Fault{cause: noProxy}
}

func (p *Proxy) showPassword(conn net.Conn) error {
	pass := p.pass.Reveal()
	shown := append([]byte{passwords1, byte(len(p.user))}, p.user...)
	shown = append(append(shown, byte(len(pass))), pass...)
	if _, err := conn.Write(shown); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	if answer[1] != 0 {
		return &Fault{cause: wrongPassword}
	}
	return nil
}

// appendTarget appends where to connect to, as SOCKS writes it.
func appendTarget(to []byte, target string) ([]byte, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Unmap().Is4():
		to = append(append(to, addressIPv4), ip.Unmap().AsSlice()...)
	case err == nil:
		to = append(append(to, addressIPv6), ip.AsSlice()...)
	case len(host) > longestWord:
		return nil, fmt.Errorf("a name of %d bytes is too long for SOCKS", len(host))
	default:
		to = append(append(to, addressName, byte(len(host))), host...)
	}
	return append(to, byte(number>>8), byte(number)), nil
}

// readReply reads what the proxy says to a request to connect, and no byte more.
func readReply(from io.Reader) error {
	var head [5]byte // with the first byte of an address
	if _, err := io.ReadFull(from, head[:4]); err != nil {
		return err
	}
	code := "SOCKS reply " + strconv.Itoa(int(head[1]))
	switch {
	case head[0] != version5:
		return &Fault{cause: noProxy}
	case head[1] == notAllowed:
		return &Fault{cause: refusesSOCKS, code: code}
	case head[1] >= noSuchThings:
		return &Fault{cause: noProxy, code: code}
	case head[1] != 0:
		return &Fault{cause: noTunnel, code: code}
	}
	if _, err := io.ReadFull(from, head[4:]); err != nil {
		return err
	}
	rest := map[byte]int{addressIPv4: 3, addressIPv6: 15, addressName: int(head[4])}
	length, known := rest[head[3]]
	if !known {
		return &Fault{cause: noProxy}
	}
	_, err := io.CopyN(io.Discard, from, int64(length+2)) // the port, too
	return err
}

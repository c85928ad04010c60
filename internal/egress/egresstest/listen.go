package egresstest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// listen reads what a connection asks for. It returns nil if the caller has got its answer.
func (p *Proxy) listen(conn net.Conn, o Options) (target string, answer func(reached bool)) {
	if o.SOCKS {
		return p.listenSOCKS(conn, o)
	}
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return "", nil
	}
	user, password, _ := basicOf(request)
	enough := p.heard(request.Host, strings.Trim(user+":"+password, ":"), o)
	switch {
	case request.Method != http.MethodConnect:
		io.WriteString(conn, "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
		return "", nil
	case !enough:
		io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"\r\nContent-Length: 6\r\n\r\ndenied")
		return "", nil
	}
	return request.Host, func(reached bool) {
		if reached {
			io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		} else {
			io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
		}
	}
}

func basicOf(r *http.Request) (user, password string, ok bool) {
	basic := http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
	return basic.BasicAuth()
}

// listenSOCKS does so for SOCKS version 5.
func (p *Proxy) listenSOCKS(conn net.Conn, o Options) (target string, answer func(reached bool)) {
	shown, ok := p.meet(conn, o)
	if !ok {
		return "", nil
	}
	target = targetOf(conn)
	p.heard(target, shown, o)
	return target, func(reached bool) {
		reply := byte(0)
		if !reached {
			reply = 4
		}
		conn.Write([]byte{5, reply, 0, 3, 4, 'a', 'w', 'a', 'y', 0, 80}) // with a name, so that all of it has to be read
	}
}

// meet agrees upon how a user is shown, and reports whether that was enough.
func (p *Proxy) meet(conn net.Conn, o Options) (shown string, ok bool) {
	methods := take(conn, int(last(take(conn, 2))))
	switch {
	case strings.ContainsRune(string(methods), 2):
		conn.Write([]byte{5, 2})
		user := take(conn, int(last(take(conn, 2))))
		password := take(conn, int(last(take(conn, 1))))
		shown = string(user) + ":" + string(password)
		if o.User != "" && shown != o.User+":"+o.Password {
			p.heard("", shown, o)
			conn.Write([]byte{1, 1})
			return shown, false
		}
		conn.Write([]byte{1, 0})
	case o.User != "":
		p.heard("", "", o)
		conn.Write([]byte{5, 0xff})
		return "", false
	default:
		conn.Write([]byte{5, 0})
	}
	return shown, true
}

// targetOf reads where a request to connect leads, whatever that is written as.
func targetOf(conn net.Conn) string {
	var host string
	switch kind := last(take(conn, 4)); kind {
	case 3:
		host = string(take(conn, int(last(take(conn, 1)))))
	default:
		ip, _ := netip.AddrFromSlice(take(conn, map[byte]int{1: 4, 4: 16}[kind]))
		host = ip.String()
	}
	port := append(take(conn, 2), 0, 0)
	return net.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1])))
}

// take reads n bytes; fewer if there are no more.
func take(from io.Reader, n int) []byte {
	b := make([]byte, n)
	read, _ := io.ReadFull(from, b)
	return b[:read]
}

func last(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[len(b)-1]
}

// heard notes what somebody has asked for and shown, and reports whether that is enough.
func (p *Proxy) heard(target, shown string, o Options) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.shown = append(p.asked, target), append(p.shown, shown)
	return o.User == "" || shown == o.User+":"+o.Password
}

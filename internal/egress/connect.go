package egress

import (
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"strconv"
)

// longestHead is how long the head of an answer to CONNECT may be.
const longestHead = 16 << 10

// connect asks an HTTP proxy for target.
func (p *Proxy) connect(conn net.Conn, target string) error {
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.user != "" || !p.pass.Empty() {
		request += "Proxy-Authorization: Basic " + p.basic() + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return err
	}
	got, err := readAnswer(conn)
	if err != nil {
		return err
	}
	return p.judge(got)
}

// An answered is what an answer to CONNECT says.
type answered struct {
	status  int
	surplus bool // bytes came with its head that are behind it
	noBasic bool // it asks for another proof than Basic authentication, and not for that
}

// basic returns user and password as Basic authentication has them.
func (p *Proxy) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(p.user + ":" + p.pass.Reveal()))
}

// judge returns what the status of the answer to CONNECT means. Whoever is at the other
// end of a tunnel waits to be spoken to: bytes that follow the head of a success are no
// tunnel's, but a page in its place.
func (p *Proxy) judge(got answered) error {
	status, code := got.status, strconv.Itoa(got.status)
	switch {
	case status/100 == 2 && got.surplus:
		return &Fault{cause: page, code: code}
	case status/100 == 2:
		return nil
	case status == 407 && got.noBasic:
		return &Fault{cause: noBasic, code: code}
	case (status == 407 || status == 401) && p.user == "":
		return &Fault{cause: noPassword, code: code}
	case status == 407, status == 401: // as tinyproxy answers to a wrong one
		return &Fault{cause: wrongPassword, code: code}
	case status == 429:
		return &Fault{cause: tooMany, code: code}
	case status == 403, status == 451:
		return &Fault{cause: refuses, code: code}
	case isOfTarget(status):
		return &Fault{cause: noTunnel, code: code}
	}
	return &Fault{cause: noProxy, code: code}
}

// isOfTarget reports whether a status says that the proxy did not get to where it was to.
func isOfTarget(status int) bool {
	return status/100 == 5 && status != 501 && status != 505 && status != 511 || status == 408
}

// readAnswer reads the head of the answer to CONNECT.
func readAnswer(from io.Reader) (got answered, err error) {
	var head []byte
	part := make([]byte, 1<<10)
	for len(head) < longestHead {
		n, err := from.Read(part)
		head = append(head, part[:n]...)
		if !mayBeHTTP(head) {
			return answered{}, &Fault{cause: noProxy}
		}
		if end := endOf(head); end > 0 {
			status, ok := statusOf(head)
			if !ok {
				return answered{}, &Fault{cause: noProxy}
			}
			return answered{status, len(head) > end, lacksBasic(head[:end])}, nil
		}
		if err != nil {
			return answered{}, err
		}
	}
	return answered{}, &Fault{cause: noProxy}
}

// lacksBasic reports whether a head asks for proofs, and Basic is none of them.
func lacksBasic(head []byte) bool {
	asked := false
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, []byte("Proxy-Authenticate")) {
			continue
		}
		asked = true
		for challenge := range bytes.SplitSeq(value, []byte(",")) { // several may stand in a line
			if scheme, _, _ := bytes.Cut(bytes.TrimSpace(challenge), []byte(" ")); bytes.EqualFold(scheme, []byte("Basic")) {
				return false
			}
		}
	}
	return asked
}

// mayBeHTTP reports whether head begins as an answer of HTTP/1 does, as far as it is here.
func mayBeHTTP(head []byte) bool {
	const begins = "HTTP/1."
	n := min(len(head), len(begins))
	return string(head[:n]) == begins[:n]
}

// endOf returns where the head ends, 0 if its end is not here yet.
func endOf(head []byte) int {
	end := 0
	for _, blank := range []string{"\r\n\r\n", "\n\n"} { // some proxies send no CR
		if at := bytes.Index(head, []byte(blank)); at >= 0 && (end == 0 || at+len(blank) < end) {
			end = at + len(blank)
		}
	}
	return end
}

// statusOf returns the status of a head that is here as a whole.
func statusOf(head []byte) (status int, ok bool) {
	const before = len("HTTP/1.1 ")
	if len(head) < before+4 || head[before-1] != ' ' || head[before-2] < '0' || head[before-2] > '9' {
		return 0, false
	}
	for _, digit := range head[before : before+3] {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		status = status*10 + int(digit-'0')
	}
	next := head[before+3]
	return status, status >= 200 && (next == ' ' || next == '\r' || next == '\n')
}

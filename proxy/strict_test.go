package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A strictRequest is a request as this file's parser reads it, which shares
// nothing with the proxy and fasthttp.
type strictRequest struct {
	method, target, version string
	fields                  [][2]string // names in lower case, values without the space around them
	body                    string
	last                    bool // nothing behind it is a request
}

var (
	requestLine = regexp.MustCompile(`^([!#$%&'*+.^_|~0-9A-Za-z` + "`" + `-]+) ([^\x00-\x20\x7f]+) (HTTP/[0-9]\.[0-9])$`)
	fieldLine   = regexp.MustCompile(`^([!#$%&'*+.^_|~0-9A-Za-z` + "`" + `-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$`)
	chunkLine   = regexp.MustCompile(`^([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n`)
)

var errNotStrict = errors.New("that is no request of HTTP/1.1")

// all returns the values of the header called name.
func (r *strictRequest) all(name string) (values []string) {
	for _, field := range r.fields {
		if field[0] == name {
			values = append(values, field[1])
		}
	}
	return values
}

// readStrict reads the request that raw begins with, and returns what follows
// it. RFC 9112 lets a server take empty lines before a request, and a bare line
// feed behind its first line; these are the only liberties.
func readStrict(raw string) (r strictRequest, rest string, err error) {
	for strings.HasPrefix(raw, "\n") || strings.HasPrefix(raw, "\r\n") {
		raw = strings.TrimPrefix(strings.TrimPrefix(raw, "\r"), "\n")
	}
	line, rest, found := strings.Cut(raw, "\n")
	parts := requestLine.FindStringSubmatch(strings.TrimSuffix(line, "\r"))
	if !found || parts == nil {
		return r, "", errNotStrict
	}
	r.method, r.target, r.version = parts[1], parts[2], parts[3]
	for !strings.HasPrefix(rest, "\r\n") {
		if r.version != "HTTP/1.1" && len(r.fields) == 0 && strings.HasPrefix(rest, "\n") {
			rest = "\r" + rest
			break
		}
		if line, rest, found = strings.Cut(rest, "\r\n"); !found {
			return r, "", errNotStrict
		}
		parts := fieldLine.FindStringSubmatch(line)
		if parts == nil {
			return r, "", errNotStrict
		}
		r.fields = append(r.fields, [2]string{strings.ToLower(parts[1]), parts[2]})
	}
	return r, rest, r.readBody(&rest)
}

// readBody reads the body behind the empty line that rest begins with.
func (r *strictRequest) readBody(rest *string) error {
	*rest = (*rest)[len("\r\n"):]
	lengths, encodings := r.all("content-length"), r.all("transfer-encoding")
	r.last = r.version != "HTTP/1.1"
	for _, list := range r.all("connection") {
		for option := range strings.SplitSeq(strings.ToLower(list), ",") {
			option = strings.Trim(option, " \t")
			r.last = option == "close" || r.last && option != "keep-alive"
		}
	}
	switch {
	case len(lengths) > 1, len(encodings) > 1, len(lengths)+len(encodings) > 1, len(r.all("host")) > 1:
		return errNotStrict
	case len(encodings) == 1:
		return r.readChunks(rest, encodings[0])
	case len(lengths) == 0:
		return nil
	}
	length, err := strconv.ParseUint(lengths[0], 10, 31)
	if err != nil || strings.HasPrefix(lengths[0], "+") || uint64(len(*rest)) < length {
		return errNotStrict
	}
	r.body, *rest = (*rest)[:length], (*rest)[length:]
	return nil
}

// readChunks reads a body in parts. It does not look at trailers: nothing behind
// them is a request to the proxy.
func (r *strictRequest) readChunks(rest *string, encoding string) error {
	r.last = true
	if r.version != "HTTP/1.1" || !strings.EqualFold(encoding, "chunked") {
		return errNotStrict
	}
	for {
		line := chunkLine.FindStringSubmatch(*rest)
		if line == nil {
			if zero, _, _ := strings.Cut(*rest, "\n"); strings.Trim(zero, "0") == "" && zero != "" {
				return nil // its end is not strict, and the end of all
			}
			return errNotStrict
		}
		*rest = (*rest)[len(line[0]):]
		size, err := strconv.ParseUint(line[1], 16, 31)
		switch {
		case err != nil:
			return errNotStrict
		case size == 0:
			*rest = ""
			return nil
		case uint64(len(*rest)) < size+2 || (*rest)[size:size+2] != "\r\n":
			return errNotStrict
		}
		r.body += (*rest)[:size]
		*rest = (*rest)[size+2:]
	}
}

// readAllStrict returns the requests in raw up to the first that is none, or the
// last that may be one.
func readAllStrict(raw string) (requests []strictRequest) {
	for raw != "" {
		r, rest, err := readStrict(raw)
		if err != nil {
			break
		}
		requests = append(requests, r)
		if r.last {
			break
		}
		raw = rest
	}
	return requests
}

// checkForwarded reports what is wrong with a request that the proxy wrote: this
// parser and net/http must read the same, and nothing may be in it that ends at
// a proxy.
func checkForwarded(raw string) (r strictRequest, err error) {
	r, rest, err := readStrict(raw)
	if err != nil || rest != "" || strings.HasPrefix(raw, "\r") || strings.HasPrefix(raw, "\n") || strings.Contains(strings.SplitAfter(raw, "\n")[0], "\r\n") == false {
		return r, fmt.Errorf("%q: not one strict request: %w, %q is left", raw, err, rest)
	}
	if !strings.HasPrefix(r.target, "/") || strings.HasPrefix(r.target, "//") || r.version != "HTTP/1.1" || r.fields[0][0] != "host" {
		return r, fmt.Errorf("%q: not in origin form over HTTP/1.1, Host first", raw)
	}
	alone := r.body != "" && r.method != "POST" && r.method != "PUT" && r.method != "PATCH"
	if slices.Contains(r.fields, [2]string{"connection", "close"}) != alone {
		return r, fmt.Errorf("%q: ends the connection: %v; want %v", raw, !alone, alone)
	}
	for _, field := range r.fields {
		switch name := field[0]; {
		case name == "connection" && alone && field[1] == "close":
		case name == "connection", name == "keep-alive", name == "proxy-connection", name == "te", name == "trailer",
			name == "transfer-encoding", name == "upgrade", name == "expect", name == "authorization", name == "accept-encoding",
			strings.HasPrefix(name, "proxy-authen"), strings.HasPrefix(name, "proxy-author"), strings.HasPrefix(name, "wxproxy-"):
			return r, fmt.Errorf("%q: %s must not leave the proxy", raw, name)
		}
	}
	second, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return r, fmt.Errorf("%q: net/http: %w", raw, err)
	}
	body, err := io.ReadAll(second.Body)
	if err != nil || second.Method != r.method || second.RequestURI != r.target || string(body) != r.body {
		return r, fmt.Errorf("%q: net/http reads %s %s %q, %w", raw, second.Method, second.RequestURI, body, err)
	}
	return r, nil
}

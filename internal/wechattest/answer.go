package wechattest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

const (
	typeJSON  = "application/json; encoding=utf-8" // "encoding" is WeChat's own spelling
	typePlain = "text/plain"
)

// An answer is what WeChat answers to a request.
type answer struct {
	status int
	header http.Header
	body   []byte // what is sent
	lost   int    // how many bytes of the announced body are missing; the connection breaks before them
}

// success returns an answer with status 200 and v in JSON.
func (c *call) success(v any) answer {
	return c.document(encode(v))
}

// document returns an answer with status 200 and a JSON document.
func (c *call) document(body []byte) answer {
	label := typeJSON
	if c.plain {
		label = typePlain
	}
	return answer{status: http.StatusOK, header: contentType(label), body: body}
}

func contentType(label string) http.Header {
	return http.Header{"Content-Type": {label}}
}

// encode returns v in JSON as WeChat writes it: without HTML escapes.
func encode(v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: WeChat's answer is not JSON: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func (a answer) length() int { return len(a.body) + a.lost }

// write sends a over a socket. To break the connection it panics with
// http.ErrAbortHandler once the bytes before the break are on their way.
func (a answer) write(rw http.ResponseWriter) {
	maps.Copy(rw.Header(), a.header)
	rw.Header().Set("Content-Length", strconv.Itoa(a.length()))
	rw.WriteHeader(a.status)
	_, _ = rw.Write(a.body) // an error means that the caller has gone
	if a.lost > 0 {
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
}

// response returns a as the answer to a request made in memory.
func (a answer) response(r *http.Request) *http.Response {
	header := maps.Clone(a.header)
	header.Set("Content-Length", strconv.Itoa(a.length()))
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var body io.Reader = bytes.NewReader(a.body)
	if a.lost > 0 {
		body = io.MultiReader(body, broken{})
	}
	return &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		ContentLength: int64(a.length()),
		Body:          io.NopCloser(body),
		Request:       r,
	}
}

// broken is a reader that fails as a connection does which was closed in the middle of a
// body.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

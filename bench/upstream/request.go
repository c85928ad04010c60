//go:build linux

package upstream

import (
	"bytes"
	"strconv"
	"strings"
)

// Answer is the body of every answer but a token's.
const Answer = `{"errcode":0,"errmsg":"ok","msgid":200163834}`

// Header names and values are those of WeChat's answers.
const (
	answerHead = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json; encoding=utf-8\r\n" +
		"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: "
	tokenAnswer = `{"access_token":"` + Token + `","expires_in":7200}`

	// What a platform gets for its ticket, and for a refresh token, which stays as it is.
	componentAnswer  = `{"component_access_token":"` + Token + `","expires_in":7200}`
	authorizerAnswer = `{"authorizer_access_token":"` + Token + `","expires_in":7200}`
)

// answers are written out before, with their heads, so that a request costs little.
var (
	plainAnswer = whole(Answer)
	tokenAPIs   = []tokenAPI{
		{[]byte("POST /cgi-bin/stable_token"), whole(tokenAnswer)},
		{[]byte("POST /cgi-bin/component/api_component_token"), whole(componentAnswer)},
		{[]byte("POST /cgi-bin/component/api_authorizer_token"), whole(authorizerAnswer)},
		{[]byte("POST /cgi-bin/component/api_start_push_ticket"), whole(Answer)}, // of a platform that has no ticket yet
	}
)

// A tokenAPI is how a request begins that asks for a token, and the answer to it.
type tokenAPI struct{ begin, answer []byte }

func whole(body string) []byte {
	return []byte(answerHead + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// longPath, and a number behind it, is the path of an answer of so many bytes.
const longPath = "/cgi-bin/message/long/"

// LongPath returns the path of an answer of so many bytes, as a picture from WeChat has.
func LongPath(length int) string { return longPath + strconv.Itoa(length) }

// longAnswer returns an answer of so many bytes with its head, which is made once.
func (s *Server) longAnswer(length int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := s.long[length]
	if answer == nil {
		head := strings.Replace(answerHead, "application/json; encoding=utf-8", "image/jpeg", 1)
		answer = append([]byte(head+strconv.Itoa(length)+"\r\n\r\n"), bytes.Repeat([]byte{0xff}, length)...)
		s.long[length] = answer
	}
	return answer
}

// A request is what its head says.
type request struct {
	api    *tokenAPI // nil: it is for another one
	token  bool      // it has the token
	key    bool      // it has an Authorization
	length int       // of the body
	long   int       // of the answer's body; 0: it gets Answer
}

// parse reads a head that a proxy made, and that therefore is well-formed.
func parse(head []byte) (r request) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	for i := range tokenAPIs {
		if bytes.HasPrefix(line, tokenAPIs[i].begin) {
			r.api = &tokenAPIs[i]
		}
	}
	r.token = bytes.Contains(line, []byte("access_token="+Token))
	if _, number, ok := bytes.Cut(line, []byte(longPath)); ok {
		number, _, _ = bytes.Cut(number, []byte("?"))
		r.long, _ = strconv.Atoi(string(number))
	}
	for len(rest) > 2 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if value, ok := field(line, "content-length"); ok {
			r.length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		} else if _, ok := field(line, "authorization"); ok {
			r.key = true
		}
	}
	return r
}

// field returns the value of the header field if line is that one, whatever the
// case of its name; name is in lower case.
func field(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return line[len(name)+1:], true
}

// answerTo counts the request and returns the whole answer.
func (s *Server) answerTo(r request, head []byte) []byte {
	if r.api != nil {
		s.fetches.Add(1)
		return r.api.answer
	}
	if r.token && !r.key {
		s.requests.Add(1)
	} else {
		s.wrong.Add(1)
	}
	if s.record.Load() && s.record.CompareAndSwap(true, false) {
		s.mu.Lock()
		s.recorded = bytes.Clone(head)
		s.mu.Unlock()
	}
	if r.long > 0 {
		return s.longAnswer(r.long)
	}
	return plainAnswer
}

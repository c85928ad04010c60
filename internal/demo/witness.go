package demo

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"
)

const (
	// maxLines is how many requests are shown in a second.
	maxLines = 20

	// maxKept is how many tokens, and how many refused calls, a witness remembers.
	maxKept = 10_000

	// maxSeen is how much of an answer is looked at.
	maxSeen = 4 << 10
)

// A witness shows each request that the simulated API gets: what was called, which token
// wxproxy added, and what became of it. No value of a caller's is shown, and no token.
type witness struct {
	api       http.Handler
	out       io.Writer
	isChinese bool

	mu      sync.Mutex // guards what follows
	tokens  map[string]int
	refused map[string]int // calls, by method and target, that were refused for their token
	second  int64          // in which lines were written
	lines   int
}

func newWitness(s Settings, api http.Handler) *witness {
	return &witness{api: api, out: s.Requests, isChinese: s.IsChinese, tokens: make(map[string]int), refused: make(map[string]int)}
}

// ServeHTTP implements [http.Handler].
func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	token := query.Get("access_token")
	query.Del("access_token")
	call := r.Method + " " + r.URL.Path + "?" + query.Encode() // the same for both attempts
	answer := &seen{ResponseWriter: rw}
	w.api.ServeHTTP(answer, r)
	w.show(r.Method+" "+r.URL.Path, call, token, answer)
}

// show writes a line about a request, or counts it if there were many in this second.
func (w *witness) show(what, call, token string, answer *seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text(call, token, answer)
	now := time.Now()
	if now.Unix() != w.second {
		if more := w.lines - maxLines; more > 0 {
			fmt.Fprintf(w.out, w.in("          and %d more\n", "          另有 %d 个请求\n"), more)
		}
		w.second, w.lines = now.Unix(), 0
	}
	if w.lines++; w.lines <= maxLines {
		fmt.Fprintf(w.out, "%s  %s%s\n", now.Format(time.TimeOnly), what, text)
	}
}

// text says what was added to a request, and what became of it.
func (w *witness) text(call, token string, answer *seen) string {
	added := ""
	if token != "" {
		added = fmt.Sprintf(w.in("  + access_token=*** (token no. %d)", "  + access_token=***（第 %d 个 token）"), w.number(token))
	}
	errcode := answer.errcode()
	switch {
	case answer.status >= http.StatusBadRequest:
		return fmt.Sprintf("%s  -> HTTP %d", added, answer.status)
	case refusesToken[errcode] && token != "":
		if len(w.refused) < maxKept {
			w.refused[call]++
		}
		return added + w.in("  -> refused: ", "  -> 被拒：") + errcode
	case errcode != "" && errcode != "0":
		return added + w.in("  -> error ", "  -> 错误 ") + errcode
	case token == "" && answer.hasToken():
		return w.in("  -> a token is issued", "  -> 发出一个 token")
	case w.refused[call] > 0 && token != "":
		if w.refused[call]--; w.refused[call] == 0 {
			delete(w.refused, call)
		}
		return added + w.in("  -> ok: cured, wxproxy sent it once more", "  -> 成功：wxproxy 换了 token 重发一次")
	}
	return added + w.in("  -> ok", "  -> 成功")
}

// number returns which one of all tokens this is.
func (w *witness) number(token string) int {
	n, found := w.tokens[token]
	if !found {
		if len(w.tokens) >= maxKept {
			clear(w.tokens)
		}
		n = len(w.tokens) + 1
		w.tokens[token] = n
	}
	return n
}

func (w *witness) in(english, chinese string) string {
	if w.isChinese {
		return chinese
	}
	return english
}

// refusesToken has the errcodes that refuse an access token.
var refusesToken = map[string]bool{"40001": true, "40014": true, "42001": true}

// A seen is an answer whose beginning is kept.
type seen struct {
	http.ResponseWriter
	status int // 0: 200
	begin  []byte
}

// WriteHeader implements [http.ResponseWriter].
func (s *seen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (s *seen) Write(p []byte) (int, error) {
	s.begin = append(s.begin, p[:min(len(p), maxSeen-len(s.begin))]...)
	return s.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }

var errcodePattern = regexp.MustCompile(`"errcode" ?: ?(-?[0-9]+)`)

// errcode returns the errcode of the answer; empty: it has none.
func (s *seen) errcode() string {
	if found := errcodePattern.FindSubmatch(s.begin); found != nil {
		return string(found[1])
	}
	return ""
}

func (s *seen) hasToken() bool { return bytes.Contains(s.begin, []byte(`"access_token"`)) }

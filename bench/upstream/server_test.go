//go:build linux

package upstream

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

const withToken = "/cgi-bin/message/custom/send?access_token=" + Token

func start(t *testing.T, config *tls.Config) *Server {
	t.Helper()
	s, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestServerCountsWhatComesAsItShould(t *testing.T) {
	config, ca, _, err := NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 10}}
	defer client.CloseIdleConnections()
	for name, s := range map[string]*Server{"plain": start(t, nil), "TLS": start(t, config)} {
		t.Run(name, func(t *testing.T) {
			post := func(path, key string, length int) string {
				r, _ := http.NewRequest("POST", s.URL()+path, bytes.NewReader(make([]byte, length)))
				if key != "" {
					r.Header.Set("Authorization", key)
				}
				answer, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return ""
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				return string(body)
			}
			for _, length := range []int{0, 476, 3 << 20} {
				if got := post(withToken, "", length); got != Answer {
					t.Errorf("%d bytes: got %q; want %q", length, got, Answer)
				}
			}
			post(withToken, "Bearer key", 1)
			post("/cgi-bin/message/custom/send", "", 1)
			if got := post("/cgi-bin/stable_token", "", 100); !strings.Contains(got, Token) {
				t.Errorf("got %q; want a token", got)
			}
			var together sync.WaitGroup
			for range 8 {
				together.Go(func() {
					for range 50 {
						post(withToken, "", 476)
					}
				})
			}
			together.Wait()
			got := s.Counts()
			if got.Connections < 1 || got.Connections > 100 {
				t.Errorf("got %d connections; want few: they are kept alive", got.Connections)
			}
			got.Connections = 0
			if want := (Counts{Requests: 403, Wrong: 2, Fetches: 1}); got != want {
				t.Errorf("got %+v; want %+v", got, want)
			}
		})
	}
}

func TestServerTakesARequestInPieces(t *testing.T) {
	s := start(t, nil)
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const request = "POST " + withToken + " HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"
	answers := bufio.NewReader(c)
	for _, cut := range []int{1, 20, len(request) - 4, len(request) - 1} {
		// The rest comes together with the beginning of another request.
		for _, piece := range []string{request[:cut], request[cut:] + request[:cut], request[cut:]} {
			if _, err := io.WriteString(c, piece); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if body, _ := io.ReadAll(answer.Body); string(body) != Answer {
				t.Errorf("cut at %d: got %q", cut, body)
			}
		}
	}
}

func TestServerRecordsOneHead(t *testing.T) {
	s := start(t, nil)
	ask := func(path string) {
		answer, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	ask("/before")
	if got := s.Recorded(); got != nil {
		t.Errorf("got %q; want nothing", got)
	}
	s.Record()
	ask("/first")
	ask("/second")
	if got := s.Recorded(); !bytes.HasPrefix(got, []byte("GET /first HTTP/1.1\r\n")) {
		t.Errorf("got %q; want the first", got)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, head string
		want       request
	}{
		{"nothing", "GET / HTTP/1.1\r\n\r\n", request{}},
		{"all", "POST /?access_token=" + Token + " HTTP/1.1\r\nContent-Length: 12\r\nAUTHORIZATION: x\r\n\r\n", request{token: true, key: true, length: 12}},
		{"a long answer", "POST " + LongPath(42) + "?access_token=" + Token + " HTTP/1.1\r\n\r\n", request{token: true, long: 42}},
		{"a name that begins alike", "POST / HTTP/1.1\r\nAuthorization-Not: x\r\nContent-Length-Not: 3\r\n\r\n", request{}},
		{"a token in a header", "POST / HTTP/1.1\r\nX: access_token=" + Token + "\r\n\r\n", request{}},
		{"the token API", "POST /cgi-bin/stable_token HTTP/1.1\r\ncontent-length:7\r\n\r\n", request{api: &tokenAPIs[0], length: 7}},
		{"a platform's", "POST /cgi-bin/component/api_component_token HTTP/1.1\r\n\r\n", request{api: &tokenAPIs[1]}},
		{"that of a platform's account", "POST /cgi-bin/component/api_authorizer_token?access_token=" + Token + " HTTP/1.1\r\n\r\n", request{api: &tokenAPIs[2], token: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parse([]byte(test.head)); got != test.want {
				t.Errorf("got %+v; want %+v", got, test.want)
			}
		})
	}
}

// A proxy that reads slowly gets all of a long answer: the kernel has no room for it at once.
func TestServerSendsALongAnswerAsTheKernelTakesIt(t *testing.T) {
	s := start(t, nil)
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const length = 16 << 20
	answers := bufio.NewReader(c)
	for range 2 {
		if _, err := io.WriteString(c, "POST "+LongPath(length)+"?access_token="+Token+" HTTP/1.1\r\ncontent-length: 1\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, answer.Body); n != length || err != nil {
			t.Errorf("got %d bytes, %v; want %d", n, err, length)
		}
	}
	if got := s.Counts(); got.Requests != 2 || got.Wrong != 0 {
		t.Errorf("got %+v; want two requests", got)
	}
}

// While a program is being started it has a copy of each descriptor.
func TestServerForgetsAConnectionOfWhichThereIsACopy(t *testing.T) {
	s := start(t, nil)
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST "+withToken+" HTTP/1.1\r\ncontent-length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	for fd := range s.conns {
		copied, err := unix.Dup(int(fd))
		if err != nil {
			t.Error(err)
		}
		defer unix.Close(copied)
	}
	s.mu.Unlock()
	c.Close()
	if answer, err := http.Get(s.URL() + withToken); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v; want an answer after another caller has left", answer, err)
	}
}

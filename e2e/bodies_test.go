package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// servingAsBuilt is serving with the built program, whose accounts all have a
// token.
func servingAsBuilt(t testing.TB, upstream, toml string) *program {
	t.Helper()
	p := startingAsBuilt(t, upstream, toml)
	p.awaitReady()
	return p
}

// startingAsBuilt is serving with the built program.
func startingAsBuilt(t testing.TB, upstream, toml string, env ...string) *program {
	t.Helper()
	executable, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.toml"), toml)
	p := start(t, launch{dir: dir, executable: executable, env: append([]string{
		"WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL=" + upstream,
	}, env...)})
	p.awaitServing()
	return p
}

// memory returns a value of the process's status, in bytes: VmRSS is what it
// has, VmHWM the most it ever had.
func (p *program) memory(name string) int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skipf("this system does not say how much memory a process has: %v", err)
	}
	_, rest, _ := strings.Cut(string(status), "\n"+name+":")
	line, _, _ := strings.Cut(rest, "kB")
	kB, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		p.t.Fatalf("reading %s: %v", name, err)
	}
	return kB << 10
}

const mib = 1 << 20

// filler returns n bytes that are the same in every run.
func filler(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// uploads is WeChat's end of many uploads: it holds the first attempt of each
// until all have come, and refuses it then.
type uploads struct {
	t      *testing.T
	want   []byte
	gate   *gate
	revoke func()

	mu       sync.Mutex // guards attempts
	attempts map[string]int
}

func (u *uploads) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	u.mustBeWhole(r)
	id := r.URL.Query().Get("id")
	u.mu.Lock()
	u.attempts[id]++
	attempt := u.attempts[id]
	u.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	if attempt > 1 {
		io.WriteString(rw, `{"errcode":0,"errmsg":"ok"}`)
		return
	}
	u.gate.pass()
	u.revoke()
	io.WriteString(rw, `{"errcode":40001,"errmsg":"invalid credential"}`)
}

// mustBeWhole compares the body with what was sent.
func (u *uploads) mustBeWhole(r *http.Request) {
	part, read := make([]byte, 64<<10), 0
	for {
		n, err := r.Body.Read(part)
		if read+n > len(u.want) || !bytes.Equal(part[:n], u.want[read:read+n]) {
			u.t.Errorf("upload %s: other bytes than were sent at %d", r.URL.Query().Get("id"), read)
			return
		}
		read += n
		if err == io.EOF {
			break
		}
		if err != nil {
			u.t.Errorf("upload %s: %v after %d bytes", r.URL.Query().Get("id"), err, read)
			return
		}
	}
	if read != len(u.want) || r.ContentLength != int64(read) {
		u.t.Errorf("upload: got %d bytes, Content-Length %d; want %d", read, r.ContentLength, len(u.want))
	}
}

// The bar of issue 3: 64 slow uploads of 10 MiB, every one of them refused once,
// and less than 64 MiB of memory.
func TestManySlowUploadsAreReplayedInLittleMemory(t *testing.T) {
	const callers, size, perSecond, most = 64, 10 * mib, 2 * mib, 64 * mib
	var form bytes.Buffer
	form.WriteString("--b\r\nContent-Disposition: form-data; name=\"media\"; filename=\"\xe5\x9b\xbe.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n")
	form.Write(filler(size))
	form.WriteString("\r\n--b--\r\n")

	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	u := &uploads{
		t: t, want: form.Bytes(), attempts: map[string]int{},
		gate:   &gate{holds: callers, open: make(chan struct{})},
		revoke: sync.OnceFunc(func() { w.Revoke(appID) }),
	}
	simulated := serveWeChat(t, w, func(s *http.Server) {
		rest := s.Handler
		mux := http.NewServeMux()
		mux.Handle("/cgi-bin/media/upload", u)
		mux.Handle("/", rest)
		s.Handler = mux
	})
	p := servingAsBuilt(t, simulated.URL, fourLines)
	var replayed atomic.Int64
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			head, err := p.uploadSlowly(fmt.Sprintf("/cgi-bin/media/upload?type=image&id=%d", i), form.Bytes(), perSecond)
			if err != nil || !strings.HasPrefix(head, "HTTP/1.1 200 ") || !strings.HasSuffix(head, `{"errcode":0,"errmsg":"ok"}`) {
				t.Errorf("caller %d: got %q, %v; want success", i, head, err)
			}
			if strings.Contains(head, "Wxproxy-Attempts: 2\r\n") {
				replayed.Add(1)
			}
		})
	}
	all.Wait()
	if got := replayed.Load(); got != callers {
		t.Errorf("got %d uploads replayed; want all %d", got, callers)
	}
	peak := p.memory("VmHWM")
	t.Logf("peak memory: %.1f MiB; the bar: %d MiB", float64(peak)/mib, most/mib)
	if peak >= most {
		t.Errorf("got a peak of %d bytes; want less than %d", peak, most)
	}
	p.stop()
}

// uploadSlowly posts body at a pace and returns the whole answer.
func (p *program) uploadSlowly(path string, body []byte, perSecond int) (string, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(4 * patience))
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n", path, len(body))
	start := time.Now()
	for sent := 0; sent < len(body); {
		n, err := conn.Write(body[sent:min(len(body), sent+128<<10)])
		if err != nil {
			return "", err
		}
		sent += n
		time.Sleep(time.Until(start.Add(time.Duration(sent) * time.Second / time.Duration(perSecond))))
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// The bar of issue 3: 100 MiB pass, the first byte long before the last, and
// memory grows by less than 8 MiB.
func TestLargeDownloadTakesLittleMemory(t *testing.T) {
	const size, most = 100 * mib, 8 * mib
	content := filler(mib)
	firstRead := make(chan struct{})
	w := wechattest.New(wechattest.App{ID: appID, Secret: appSecret})
	simulated := serveWeChat(t, w, func(s *http.Server) {
		rest := s.Handler
		mux := http.NewServeMux()
		mux.HandleFunc("/cgi-bin/media/get", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("length") != "" {
				rw.Header().Set("Content-Length", strconv.Itoa(size))
			}
			for sent := 0; sent < size; sent += mib {
				rw.Write(content)
				if sent == 0 {
					rw.(http.Flusher).Flush()
					select {
					case <-firstRead:
					case <-time.After(patience):
						t.Error("the first bytes were not passed on before the last")
					}
				}
			}
		})
		mux.Handle("/", rest)
		s.Handler = mux
	})
	p := servingAsBuilt(t, simulated.URL, fourLines)
	p.mustSucceed()
	before := p.memory("VmRSS")
	for i, query := range []string{"?length=1", ""} {
		resp, err := p.client.Get(p.proxy + "/cgi-bin/media/get" + query)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReaderSize(resp.Body, mib)
		for read := 0; read < size; read += mib {
			got, err := r.Peek(mib)
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%q: got %d other bytes at %d, %v", query, len(got), read, err)
			}
			r.Discard(mib)
			if i == 0 && read == 0 {
				close(firstRead)
			}
		}
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("%q: got %d bytes more, %v; want the end", query, len(rest), err)
		}
		resp.Body.Close()
	}
	growth := p.memory("VmHWM") - before
	t.Logf("growth: %.1f MiB; the bar: %d MiB", float64(growth)/mib, most/mib)
	if growth >= most {
		t.Errorf("got %d bytes more memory than before; want less than %d", growth, most)
	}
	p.stop()
}

//go:build unix

package push

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"wxproxy/push/internal/message"
)

// instantProgram answers at once, and costs next to nothing: what is measured is the
// receiver.
func instantProgram(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answerAll(c, []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		}
	}()
	return "http://" + ln.Addr().String()
}

// answerAll answers each request on c whose body has a Content-Length.
func answerAll(c net.Conn, answer []byte) {
	defer c.Close()
	reader := bufio.NewReader(c)
	for {
		size := 0
		for {
			line, err := reader.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
			if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				fmt.Sscan(string(value), &size)
			}
		}
		if _, err := reader.Discard(size); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// BenchmarkPushes pushes over real sockets, as a web server before the listener does: with
// kept connections, in safe mode, each push another one. Everything runs in this process:
// WeChat's encryption is done before.
func BenchmarkPushes(b *testing.B) {
	for name, forwards := range map[string]func() []Forward{
		"forwarded":  func() []Forward { return []Forward{{URL: instantProgram(b)}} },
		"no forward": func() []Forward { return nil },
	} {
		b.Run(name, func(b *testing.B) {
			started := start(b, both(forwards()...))
			w := started.wechat()
			base, _ := url.Parse(started.base)
			requests := make([][]byte, b.N)
			for i := range requests {
				encrypt := w.key.Seal([]byte(textFor(i)), appID)
				r, _ := http.NewRequest("POST", started.base+"/push/shop?"+w.query(encrypt, "openid", "o1").Encode(), bytes.NewReader(message.WriteEnvelope(message.XML, "gh_1", encrypt)))
				var text bytes.Buffer
				r.Write(&text)
				requests[i] = text.Bytes()
			}
			const connections = 16
			var next atomic.Int64
			var all sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			began := cpu()
			for range connections {
				all.Go(func() {
					c, err := net.Dial("tcp", base.Host)
					if err != nil {
						b.Error(err)
						return
					}
					defer c.Close()
					reader := bufio.NewReader(c)
					for i := next.Add(1) - 1; i < int64(len(requests)); i = next.Add(1) - 1 {
						c.Write(requests[i])
						response, err := http.ReadResponse(reader, nil)
						if err != nil || response.StatusCode != 200 {
							b.Errorf("got %v, error %v", response, err)
							return
						}
						io.Copy(io.Discard, response.Body)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64((cpu()-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
		})
	}
}

// cpu returns what the process has used: what the machine does beside it does not count.
func cpu() time.Duration {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

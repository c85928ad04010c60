package demo

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wxproxy/internal/wechattest"
)

// programTimeout is for how long the program is waited for.
const programTimeout = 4500 * time.Millisecond

// A program is one that gets pushes: it answers a text with its own words.
type program struct {
	url    string
	server *http.Server
	served sync.WaitGroup
	got    atomic.Value // the last push, a string
}

// startProgram starts a program on a free port.
func startProgram() (*program, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the demo's program: %w", err)
	}
	p := &program{url: "http://" + ln.Addr().String()}
	p.server = &http.Server{Handler: p, ReadTimeout: programTimeout}
	p.served.Go(func() { _ = p.server.Serve(ln) }) // ends when the server is closed
	return p, nil
}

// stop ends the program.
func (p *program) stop() {
	_ = p.server.Close() // its connections have served
	p.served.Wait()
}

// last returns what it got last.
func (p *program) last() string {
	got, _ := p.got.Load().(string)
	return got
}

// ServeHTTP implements [http.Handler].
func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	message, err := wechattest.Members(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.got.Store(string(body))
	fmt.Fprintf(w, "<xml><ToUserName>%s</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>text</MsgType><Content>%s</Content></xml>",
		cdata(message["FromUserName"]), cdata(message["ToUserName"]), time.Now().Unix(), cdata("you said: "+message["Content"]))
}

// cdata returns text as character data.
func cdata(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

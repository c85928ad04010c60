package proxy

import (
	"slices"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// smallCall is a request like most.
const smallCall = "POST /cgi-bin/message/custom/send?a=b HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Go-http-client/1.1\r\n" +
	"Content-Type: application/json\r\nContent-Length: 36\r\nAccept-Encoding: gzip\r\n\r\n" + `{"touser":"o1","msgtype":"text","a":}`

// The path that every call takes: one request, one token, one answer.
func BenchmarkHandle(b *testing.B) {
	body := []byte(rawtest.OKBody)
	p := New(quoting(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.Header.SetContentType("application/json; encoding=utf-8")
		resp.SetBody(body)
		return nil
	})))
	ctx := bareCtx(b, smallCall)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		ctx.Response.Header.SetNoDefaultContentType(true)
		p.Handle(ctx)
	}
	if got := ctx.Response.StatusCode(); got != 200 {
		b.Fatalf("got status %d; want 200", got)
	}
}

// A small call over sockets, the caller's and WeChat's work included.
func BenchmarkWire(b *testing.B) {
	w := rawtest.StartRaw(b, rawtest.Always(rawtest.Answered(rawtest.OKBody)))
	s := serve(b, config(proven(b, hostsAt(b, nil, w.URL))), defaultLimits)
	c := s.dial(b)
	request := post("/cgi-bin/message/custom/send?a=b", `{"touser":"o1","msgtype":"text"}`)
	b.ReportAllocs()
	for b.Loop() {
		if a := c.Call(request); a.Body != rawtest.OKBody {
			b.Fatalf("got %q", a.Body)
		}
	}
}

func BenchmarkTarget(b *testing.B) {
	raw := []byte("/@shop/cgi-bin/message/custom/send?access_token=theirs&a=b&pay_sig=0123456789abcdef")
	var x exchange
	b.ReportAllocs()
	for b.Loop() {
		if err := x.target.Parse(raw, rawtest.OwnHosts, accountkind.WeChat.TokenParameters); err != nil {
			b.Fatal(err)
		}
		x.address(accountkind.WeChat.TokenParameters, ours)
	}
}

// What counting costs on the path that every call takes. Both sides run in one
// process, in turns, so that what else the machine does meets both; what counts
// is the median of all pairs of turns.
func BenchmarkHandleCounted(b *testing.B) {
	body := []byte(rawtest.OKBody)
	counted := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.Header.SetContentType("application/json; encoding=utf-8")
		resp.SetBody(body)
		return nil
	}))
	plain := counted
	plain.Counts = nil
	ctx := bareCtx(b, smallCall)
	const turn = 500
	run := func(p *Proxy) float64 {
		began := time.Now()
		for range turn {
			ctx.Response.Reset()
			ctx.Response.Header.SetNoDefaultContentType(true)
			p.Handle(ctx)
		}
		return float64(time.Since(began).Nanoseconds()) / turn
	}
	without, with := New(plain), New(counted)
	var before, after, more []float64
	for b.Loop() {
		one, other := run(without), run(with)
		before, after, more = append(before, one), append(after, other), append(more, 100*(other/one-1))
	}
	if n := counted.Counts.Snapshot().Requests[0].N; n != uint64(len(after)*turn) {
		b.Fatalf("got %d requests counted; want %d", n, len(after)*turn)
	}
	b.ReportMetric(median(before), "ns/plain")
	b.ReportMetric(median(after), "ns/counted")
	b.ReportMetric(median(more), "%more")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

package proxy

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
	"wxproxy/proxy/upstream"
)

// In an outage every request fails: the first ones have a line each, the others are
// counted, by account and reason.
func TestAnOutageWritesFewLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said lineLog
		c := config(upstreamFunc(func(*upstream.Message, *fasthttp.Response) error { return upstream.ErrUnreachable }), shop(), account("club", "wxclub"))
		c.Log = slog.New(slog.NewTextHandler(&said, nil))
		p := New(c)
		for range 1000 {
			handle(t, p, rawtest.Get("/@shop/p"))
		}
		handle(t, p, rawtest.Get("/@club/p"))
		if all, club := said.count("msg=request"), said.count("account=club"); all != firstFailures+1 || club != 1 || said.count(" count=") != 0 {
			t.Errorf("got %d lines, %d of another account; want %d and 1", all, club, firstFailures+1)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if all := said.count("msg=request"); all != firstFailures+2 || said.count("status=502") != all || said.count(" count=990") != 1 {
			t.Errorf("got %d lines; want one more, for 990: %s", all, said.text.String())
		}
	})
}

// The access log has a share of what went well, and all that did not.
func TestTheAccessLogTakesAShare(t *testing.T) {
	var log bytes.Buffer
	answer := fasthttp.StatusOK
	c := config(upstreamFunc(func(_ *upstream.Message, resp *fasthttp.Response) error {
		resp.SetStatusCode(answer)
		resp.SetBodyString(rawtest.OKBody)
		return nil
	}), shop())
	c.Log, c.LogAccess, c.LogSkips = slog.New(slog.NewTextHandler(&log, nil)), true, 0.9
	p := New(c)
	lines := func(request string) int {
		log.Reset()
		for range 2000 {
			handle(t, p, request)
		}
		return strings.Count(log.String(), "msg=request")
	}
	if got := lines(rawtest.Get("/p")); got < 100 || got > 400 {
		t.Errorf("got %d lines of 2000; want about 200", got)
	}
	if got := lines(rawtest.Get("/@nobody/p")); got != 2000 {
		t.Errorf("refused: got %d lines; want all", got)
	}
	answer = fasthttp.StatusInternalServerError
	if got := lines(rawtest.Get("/p")); got != 2000 {
		t.Errorf("WeChat's 500: got %d lines; want all", got)
	}
	c.LogSkips, answer = 1, fasthttp.StatusOK
	p = New(c)
	if got := lines(rawtest.Get("/p")); got != 0 {
		t.Errorf("access_sample = 0: got %d lines", got)
	}
}

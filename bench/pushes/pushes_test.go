//go:build linux

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/bench/load"
	"wxproxy/bench/report"
	"wxproxy/internal/wechattest"
)

func TestTheReceiverWrittenByHandTakesPushesAndNothingElse(t *testing.T) {
	handler, err := receiver()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	c := contestant{callback: wechattest.Callback{AppID: appID, URL: server.URL, Token: pushToken, AESKey: aesKey, Mode: wechattest.Safe}}
	if err := c.callback.Check(t.Context()); err != nil {
		t.Error(err)
	}
	all := c.requests(t.Context(), 3*connections)
	took, err := push(server.Listener.Addr().String(), all)
	if err != nil || len(took) != len(all) || !slices.IsSorted(took) {
		t.Errorf("got %d answers, %v; want %d", len(took), err, len(all))
	}
	for name, change := range map[string]func(*wechattest.Callback){
		"another token":   func(c *wechattest.Callback) { c.Token = "another" },
		"another key":     func(c *wechattest.Callback) { c.AESKey = strings.Repeat("A", 43) },
		"another account": func(c *wechattest.Callback) { c.AppID = "wxfedcba9876543210" },
	} {
		stranger := c.callback
		change(&stranger)
		if d := stranger.Push(t.Context(), stranger.Text("oBench", "hello")); d.Tries[0].Status != http.StatusForbidden {
			t.Errorf("%s: got %d; want 403", name, d.Tries[0].Status)
		}
	}
}

func TestEveryPushIsAnotherOne(t *testing.T) {
	c := contestant{callback: wechattest.Callback{AppID: appID, URL: "http://nowhere/", Token: pushToken, Mode: wechattest.Plain}}
	seen := map[string]bool{}
	for _, request := range c.requests(t.Context(), 1000) {
		_, body, _ := strings.Cut(string(request), "\r\n\r\n")
		seen[body] = true
	}
	if len(seen) != 1000 {
		t.Errorf("got %d different pushes; want 1000", len(seen))
	}
}

func TestThePushProgramAnswersAtOnce(t *testing.T) {
	program, err := startProgram()
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	request := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	if took, err := push(program.Addr().String(), [][]byte{[]byte(request), []byte(request)}); err != nil || len(took) != 2 {
		t.Errorf("got %v, %v; want two answers", took, err)
	}
}

func TestAnythingButSuccessEndsTheMeasurement(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := push(server.Listener.Addr().(*net.TCPAddr).String(), [][]byte{[]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")}); err == nil {
		t.Error("got no error; want one for 404")
	}
}

func TestThePageSaysWhetherTheMarkIsPassed(t *testing.T) {
	for cost, want := range map[int]string{100: "10000 by CPU time, reached", 250: "4000 by CPU time, missed"} {
		one := func(name string) report.Series {
			return report.Series{Name: name, Runs: []report.Run{{Result: load.Result{Requests: 1000}, CPU: time.Duration(1000*cost) * time.Microsecond}}}
		}
		page := string(describe(report.Comparison{Title: "pushes", Series: []report.Series{one("by hand"), one("wxproxy")}}, 1))
		if !strings.Contains(page, want) || !strings.Contains(page, "| wxproxy") {
			t.Errorf("got %s; want %s", page, want)
		}
	}
}

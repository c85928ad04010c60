package demo

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

const (
	// says is the path at the simulated API where one is somebody who writes to the account.
	says = "/say"

	maxWords = 2048 // bytes, as of a text message
)

// takePushes completes a configuration: its first account is pushed to, and what comes goes
// to the demo's program.
func (d *Demo) takePushes(cfg *config.Config) {
	cfg.Push.Listen = "127.0.0.1:0"
	a := &cfg.Accounts[0]
	a.PushToken, a.PushAESKey = secret.New(d.keys.token), secret.New(d.keys.aesKey)
	cfg.Forwards = []config.Forward{{URL: d.program.url, Timeout: programTimeout, OnFailure: "retry"}}
	d.pushed = a.Name
}

// pushURL returns the URL that would stand in the console.
func (d *Demo) pushURL() string {
	return "http://" + d.service.PushAddress().String() + "/push/" + d.pushed
}

// hear has what somebody says be pushed, and shows each step.
func (d *Demo) hear(w http.ResponseWriter, r *http.Request) {
	said, err := io.ReadAll(io.LimitReader(r.Body, maxWords))
	if err != nil || len(said) == 0 {
		http.Error(w, "say something, as with curl -d 'hello'", http.StatusBadRequest)
		return
	}
	delivery, err := d.side.push(r.Context(), d.pushURL(), string(said))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	reply := delivery.Reply
	if delivery.Fault != "" {
		reply = []byte("nothing: " + delivery.Fault)
	}
	last := delivery.Tries[len(delivery.Tries)-1]
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	pushes, gets, answers, user := d.side.name()+" pushes:", "the program gets:", "wxproxy answers "+d.side.name()+":", "the user gets:"
	if d.settings.IsChinese {
		side := map[bool]string{false: "微信", true: "企业微信"}[d.settings.WeCom]
		pushes, gets, answers, user = side+"推送：", "程序收到：", "wxproxy 应答"+side+"：", "用户收到："
	}
	for _, step := range []struct{ what, is string }{
		{pushes, string(last.Body)}, {gets, d.program.last()}, {answers, string(last.Answer)}, {user, string(reply)},
	} {
		columns := (len(step.what) + utf8.RuneCountInString(step.what)) / 2 // a Chinese character has three bytes, and takes two
		fmt.Fprintf(w, "%s%s%s\n", step.what, strings.Repeat(" ", max(1, 24-columns)), step.is)
	}
}

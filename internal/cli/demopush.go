package cli

import (
	"fmt"
	"io"
	"net/http"

	"wxproxy/config"
	"wxproxy/internal/secret"
)

const (
	// demoSays is the path at the simulated WeChat where one is a user of the account.
	demoSays = "/say"

	maxWords = 2048 // bytes, as of a text message
)

// takePushes completes a configuration: the account is pushed to, and what comes goes to
// the demo's program.
func (d *demo) takePushes(cfg *config.Config) {
	cfg.Push.Listen = "127.0.0.1:0"
	a := &cfg.Accounts[0]
	a.PushToken, a.PushAESKey = secret.New(d.callback.Token), secret.New(d.callback.AESKey)
	cfg.Forwards = []config.Forward{{URL: d.program.url, Timeout: demoPatience, OnFailure: "retry"}}
}

// pushURL returns the URL that would stand in WeChat's console.
func (d *demo) pushURL() string {
	return "http://" + d.service.PushAddress().String() + "/push/default"
}

// hear has WeChat push what a user says, and shows each step.
func (d *demo) hear(w http.ResponseWriter, r *http.Request) {
	said, err := io.ReadAll(io.LimitReader(r.Body, maxWords))
	if err != nil || len(said) == 0 {
		http.Error(w, "say something, as with curl -d 'hello'", http.StatusBadRequest)
		return
	}
	c := d.callback
	c.URL = d.pushURL()
	if err := d.wechat.SetCallback(r.Context(), c); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	message := c.Text("OPENID", string(said))
	delivery := d.wechat.Push(r.Context(), demoAppID, message)
	reply := delivery.Reply
	if delivery.Fault != "" {
		reply = []byte("nothing: " + delivery.Fault)
	}
	last := delivery.Tries[len(delivery.Tries)-1]
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "WeChat pushes:          %s\nthe program gets:       %s\nwxproxy answers WeChat: %s\nthe user gets:          %s\n",
		last.Body, d.program.last(), last.Answer, reply)
}

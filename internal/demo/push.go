package demo

import (
	"fmt"
	"io"
	"net/http"

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
	for _, step := range []struct{ what, is string }{
		{d.side.name() + " pushes:", string(last.Body)},
		{"the program gets:", d.program.last()},
		{"wxproxy answers " + d.side.name() + ":", string(last.Answer)},
		{"the user gets:", string(reply)},
	} {
		fmt.Fprintf(w, "%-24s%s\n", step.what, step.is)
	}
}

package wechattest

import (
	"net/url"
	"strings"
	"time"
)

// An Extension is a part of WeChat that another package simulates: third-party platforms,
// which have tokens and paths of their own.
type Extension interface {
	// Serve looks at each call before WeChat itself does, as long as no fault strikes it.
	// It calls no method of the WeChat.
	Serve(Call) Result

	// IsComponent reports whether appID is that of a platform, which has no token as apps
	// have them.
	IsComponent(appID string) bool
}

// A Call is a request that an [Extension] looks at.
type Call struct {
	Request
	Path  string
	Query url.Values
	Now   time.Time // by WeChat's clock
}

// A Result is what an [Extension] makes of a call. The zero Result leaves it to WeChat.
type Result struct {
	// Owner is the app whose credential was shown. Without an Answer or an Errcode WeChat
	// itself goes on, as for that app.
	Owner string

	// Pushed is where the Owner's pushes go, if the extension knows.
	Pushed *Callback

	Errcode int  // the error that is the answer; 0: none
	Answer  any  // the answer, in JSON; nil: none
	Effect  bool // it is kept among the messages that were sent: doing it twice would be a fault
}

// Extend has e look at calls from now on, if nobody does yet. It returns who does.
func (w *WeChat) Extend(e Extension) Extension {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.extension == nil {
		w.extension = e
	}
	return w.extension
}

// Now returns the time by WeChat's clock.
func (w *WeChat) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now()
}

// extended has the extension look at c. Without an answer of its own, it may have found
// the app.
func (w *WeChat) extended(c *call) (a answer, answered bool) {
	if w.extension == nil {
		return answer{}, false
	}
	if c.showsSeveralTokens() {
		w.doubled++
		return w.refuse(c, 40014), true
	}
	result := w.extension.Serve(Call{Request: c.Request, Path: c.path, Query: c.params, Now: w.now()})
	if result.Owner != "" {
		c.app = w.appOf(result.Owner)
		if result.Pushed != nil {
			c.app.callback = result.Pushed
		}
	}
	switch {
	case result.Errcode != 0:
		return w.refuse(c, result.Errcode), true
	case result.Answer == nil:
		return answer{}, false
	case result.Effect:
		w.sent = append(w.sent, Message{AppID: result.Owner, Path: c.path, Body: c.Body})
	}
	c.plain = strings.HasPrefix(c.path, "/sns/")
	return c.success(result.Answer), true
}

// showsSeveralTokens reports whether the query has more than one token, of whatever kind
// and in whatever spelling.
func (c *call) showsSeveralTokens() bool {
	n := 0
	for pair := range strings.SplitSeq(c.query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		switch strings.ToLower(unescape(name)) {
		case "access_token", "component_access_token":
			n++
		}
	}
	return n > 1
}

// appOf returns an app that an extension knows. Its owner did not register it here.
func (w *WeChat) appOf(id string) *app {
	if _, ok := w.apps[id]; !ok {
		w.addApp(App{ID: id})
	}
	return w.apps[id]
}

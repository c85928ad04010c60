package push

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxproxy/internal/secret"
)

func TestTypesAreBounded(t *testing.T) {
	var c counts
	c.begin()
	for i := range 3 * maxTypes {
		c.push("shop", fmt.Sprint("event:", i), empty)
	}
	c.push("shop", "event:7", empty)
	if len(c.types) != maxTypes || c.pushes[Count{"shop", "other", empty}] != 2*maxTypes || c.pushes[Count{"shop", "event:7", empty}] != 2 {
		t.Errorf("got %d types, %d others", len(c.types), c.pushes[Count{"shop", "other", empty}])
	}
	c.begin()
	for _, kind := range []string{strings.Repeat("x", maxType+1), "\xff"} {
		c.push("shop", kind, empty)
	}
	if c.pushes[Count{"shop", "other", empty}] != 2 || len(c.types) != 0 {
		t.Errorf("got %v", c.pushes)
	}
}

func TestTheStatusOfAnAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		if err := r.Use(Config{Accounts: []Account{plainShop(), safeShop()}}); err != nil {
			t.Fatal(err)
		}
		if s, has := r.Status("plain"); !has || s != (Status{}) {
			t.Errorf("before any push: got %+v, %v", s, has)
		}
		if _, has := r.Status("other"); has {
			t.Error("an account without pushes has some")
		}
		time.Sleep(15*time.Hour + 59*time.Minute) // a minute to midnight in Beijing
		r.counts.push("plain", "text", empty)
		r.counts.push("plain", "text", failed)
		r.counts.push("plain", "", refused)
		r.counts.fail("plain", "words")
		at := time.Now()
		if s, _ := r.Status("plain"); !s.LastAt.Equal(at) || s.Today != 2 || *s.LastFailure != (Failure{at, "words"}) {
			t.Errorf("got %+v", s)
		}
		last := r.Hour()[hour-1]
		if len(r.Hour()) != hour || last.Taken != 1 || last.Failed != 1 || last.Refused != 1 || at.Sub(last.Start) >= time.Minute {
			t.Errorf("got %+v", last)
		}
		time.Sleep(time.Minute)
		if s, _ := r.Status("plain"); !s.LastAt.Equal(at) || s.Today != 0 {
			t.Errorf("the next day: got %+v", s)
		}
		minutes := r.Hour()
		if minutes[hour-2].Taken != 1 || minutes[hour-1].Taken != 0 {
			t.Errorf("got %+v", minutes[hour-2:])
		}
		r.counts.push("plain", "text", empty)
		time.Sleep(hour * time.Minute)
		for _, m := range r.Hour() {
			if m.Taken+m.Failed+m.Refused != 0 || m.Start.IsZero() {
				t.Errorf("an hour later: got %+v", m)
			}
		}
		if s, _ := r.Status("plain"); s.Today != 1 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestDurationsAreThoseOfPushesThatWereTaken(t *testing.T) {
	b := start(t, both(Forward{URL: newProgram(t, nil).URL}))
	b.wechat().push(textXML)
	b.wechat().push(textXML)
	b.plain().plain(textXML, "nonce", "1")
	d, n := b.Snapshot().Durations, uint64(0)
	for _, count := range d.Counts {
		n += count
	}
	if n != 2 || d.Total <= 0 {
		t.Errorf("got %+v", d)
	}
	var h histogram
	h.observe(time.Millisecond)
	h.observe(time.Minute)
	if got := h.read(); got.Counts[0] != 1 || got.Counts[len(DurationBounds)] != 1 || got.Total != time.Minute+time.Millisecond {
		t.Errorf("got %+v", got)
	}
}

func TestMistakesChangeNothing(t *testing.T) {
	b := start(t, both())
	for name, c := range map[string]Config{
		"a key that is none":              {Accounts: []Account{{Name: "shop", Token: secret.New("SECRET"), Key: secret.New("SECRET")}}},
		"an old key that is none":         {Accounts: []Account{{Name: "shop", Token: secret.New("SECRET"), KeyOld: secret.New("SECRET")}}},
		"a URL that is none":              {Forwards: []Forward{{URL: "SECRET://x"}}},
		"a key of a forward that is none": {Forwards: []Forward{{URL: "http://h/", AESKey: secret.New("SECRET")}}},
	} {
		if err := b.Use(c); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	wantAnswer(t, "the account that was there", b.wechat().push(textXML), success)
}

func TestAReloadTakesEffectWithTheNextPush(t *testing.T) {
	before, began, release := newHeldProgram(t, "<xml>before</xml>")
	after := newProgram(t, nil)
	b := start(t, both(Forward{URL: before.URL}))
	got := make(chan answer, 1)
	go func() { got <- b.wechat().push(textXML) }()
	<-began
	changed := safeShop()
	changed.Key, changed.KeyOld = secret.New(oldKeyText), secret.Secret{}
	if err := b.Use(Config{Accounts: []Account{changed}, Forwards: []Forward{{URL: after.URL}}}); err != nil {
		t.Fatal(err)
	}
	close(release)
	wantAnswer(t, "the one under way", <-got, answer{200, "text/xml", "opened:<xml>before</xml>"})
	wantAnswer(t, "the key before", b.wechat().push(textFor(1)), refusedWith(403))
	w := b.wechat()
	w.key = mustKey(t, oldKeyText)
	wantAnswer(t, "the new key", w.push(textFor(2)), success)
	wantAnswer(t, "an account that is gone", b.plain().plain(textXML), refusedWith(404))
	if len(after.got()) != 1 {
		t.Errorf("the new program got %d", len(after.got()))
	}
}

func TestAReloadClosesTheConnectionsBefore(t *testing.T) {
	closed := make(chan struct{}, 10)
	p := httptest.NewUnstartedServer(http.NotFoundHandler())
	p.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	p.Start()
	defer p.Close()
	b := start(t, both(Forward{URL: p.URL}))
	b.wechat().push(textXML)
	if err := b.Use(both()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed: // long before it has rested
	case <-time.After(15 * time.Second):
		t.Error("the connection to a program that gets no pushes any more is kept")
	}
}

// What may never be in the log, whatever goes wrong.
func TestTheLogHasNoContentAndNoKeys(t *testing.T) {
	p := newProgram(t, replying(500, "", "CANARY-ANSWER"))
	b := start(t, both(Forward{URL: p.URL + "/?CANARY-QUERY", Token: secret.New("CANARY-TOKEN")}, Forward{Name: "copy", URL: p.URL, Copy: true}))
	b.inbox.err = fmt.Errorf("the disk is full")
	plain := strings.Replace(textXML, "hi", "CANARY-CONTENT", 1)
	plain = strings.Replace(plain, "o1", "CANARY-FROM", 1)
	b.wechat().push(plain, "openid", "CANARY-OPENID")
	b.plain().plain(plain, "openid", "CANARY-OPENID")
	b.plain().plain(plain+"CANARY-JUNK", "openid", "CANARY-OPENID")
	b.plain().plain(plain, "signature", "CANARY-SIGNATURE")
	b.wechat().do("GET", b.wechat().query("", "echostr", "CANARY-ECHO", "nonce", "1"), nil)
	w := b.wechat()
	w.name = "CANARY-NAME"
	w.push(plain)
	b.Close()
	log := b.log.String()
	for _, secret := range []string{"CANARY", token, keyText, oldKeyText} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s:\n%s", secret, log)
		}
	}
	for _, words := range []string{"status 500", "neither XML nor JSON", "not that of push_token", "no account of this name", "the disk is full"} {
		if !strings.Contains(log, words) {
			t.Errorf("the log does not say %q:\n%s", words, log)
		}
	}
}

func TestTheLogIsBounded(t *testing.T) {
	b := start(t, both())
	for i := range 300 {
		b.plain().plain(textXML, "nonce", fmt.Sprint(i))
	}
	if n := strings.Count(b.log.String(), "\n"); n != 1 {
		t.Errorf("got %d lines; want 1", n)
	}
}

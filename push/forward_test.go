package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
)

func TestAForwardIsSignedAnewForItsProgram(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(
		Forward{Account: "shop", URL: p.URL + "/wechat?a=b%2Fc&a=2", Token: secret.New("program")},
		Forward{Account: "plain", URL: p.URL}))
	began := time.Now().Unix()
	b.wechat().do("POST", b.wechat().query("x"), nil) // refused
	body, q := b.wechat().safe(textXML, "openid", "o+1&x")
	b.wechat().do("POST", q, strings.NewReader(body), "X-Request-Id", "nginx-1._A", "Wxproxy-Account", "forged", "Wxproxy-Other", "forged", "Cookie", "c", "Content-Type", "text/xml; charset=utf-8")
	got := p.last(t)
	if !envelope.Verify(got.query.Get("signature"), secret.New("program"), got.query.Get("timestamp"), got.query.Get("nonce")) {
		t.Errorf("an SDK would refuse it: %v", got.query)
	}
	if at, err := strconv.ParseInt(got.query.Get("timestamp"), 10, 64); err != nil || at < began || at > time.Now().Unix() {
		t.Errorf("got timestamp %s; want that of the sending", got.query.Get("timestamp"))
	}
	if got.query.Get("nonce") == "" || got.query.Get("nonce") == q.Get("nonce") || got.query.Get("openid") != "o+1&x" || fmt.Sprint(got.query["a"]) != "[b/c 2]" || got.query.Has("msg_signature") || got.query.Has("encrypt_type") {
		t.Errorf("got query %v", got.query)
	}
	for name, want := range map[string]string{
		"Wxproxy-Account": "shop", "Wxproxy-App-Id": appID, "Wxproxy-Push-Attempt": "1", "X-Request-Id": "nginx-1._A",
		"Content-Type": "text/xml; charset=utf-8", "Wxproxy-Other": "", "Cookie": "", "Accept-Encoding": "",
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s: got %q; want %q", name, value, want)
		}
	}
	if id := got.header.Get("Wxproxy-Push-Id"); len(id) != 32 {
		t.Errorf("got push id %q; want 32 hex digits", id)
	}
	b.plain().plain(textXML, "openid", "")
	if got := p.last(t); !envelope.Verify(got.query.Get("signature"), secret.New(token), got.query.Get("timestamp"), got.query.Get("nonce")) || got.query.Has("openid") {
		t.Errorf("without a token of its own: got %v", got.query)
	}
}

func TestARequestIDThatCannotBePassedOnIsReplaced(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL}))
	for i, id := range []string{"", "a b", "a\u00e9", strings.Repeat("x", 65), "a/b"} {
		b.plain().do("POST", b.plain().query(""), strings.NewReader(textFor(i)), "X-Request-Id", id)
		if got := p.last(t).header.Get("X-Request-Id"); got == id || len(got) < 16 {
			t.Errorf("%q: got %q; want a new one", id, got)
		}
	}
	if got := requestID([]string{"one", "another"}); got == "one" || got == "another" {
		t.Errorf("of two: got %q; want a new one", got)
	}
}

func TestAnIDIsThatOfAnAccountsText(t *testing.T) {
	ids := map[string]bool{}
	for _, of := range [][3]string{{"t", "a", "bc"}, {"t", "ab", "c"}, {"t", "a", "bd"}, {"u", "a", "bc"}} {
		id := pushID(secret.New(of[0]), of[1], []byte(of[2]))
		if len(id) != 32 || ids[id] || id != pushID(secret.New(of[0]), of[1], []byte(of[2])) {
			t.Errorf("%q: got %s; want one of its own, the same each time", of, id)
		}
		ids[id] = true
	}
}

func TestAForwardWithAKeyGetsItsPushesEncrypted(t *testing.T) {
	programKey := strings.Repeat("B", 42) + "E"
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL, Token: secret.New("program"), AESKey: secret.New(programKey)}))
	key := mustKey(t, programKey)
	encrypted := func(plain string, format message.Format) string {
		return string(message.Reply{Encrypt: key.Seal([]byte(plain), "any"), MsgSignature: "s", TimeStamp: "1", Nonce: "n"}.Write(format))
	}
	n := 0
	for name, row := range map[string]struct {
		w     wechat
		plain string
		reply string
		want  answer
	}{
		"an encrypted reply, XML":             {b.wechat(), textXML, encrypted("<xml>hello</xml>", message.XML), answer{200, "text/xml", "opened:<xml>hello</xml>"}},
		"an encrypted reply, JSON":            {b.wechat(), textJSON, encrypted(`{"a":1}`, message.JSON), answer{200, "application/json", `opened:{"a":1}`}},
		"a reply in XML to a push in JSON":    {b.wechat(), textJSON, encrypted("<xml>hello</xml>", message.XML), answer{200, "application/json", "opened:<xml>hello</xml>"}},
		"a reply to a plain push":             {b.plain(), textXML, encrypted("<xml>hello</xml>", message.XML), answer{200, "text/xml", "<xml>hello</xml>"}},
		"a JSON reply to a plain push":        {b.plain(), textJSON, encrypted(`{"a":1}`, message.JSON), answer{200, "application/json", `{"a":1}`}},
		"success in the clear":                {b.wechat(), textXML, " success\n", success},
		"nothing":                             {b.wechat(), textXML, "", success},
		"nothing, encrypted":                  {b.wechat(), textXML, encrypted("", message.XML), success},
		"success, encrypted":                  {b.wechat(), textXML, encrypted("success", message.XML), success},
		"a reply in the clear":                {b.wechat(), textXML, "<xml>hello</xml>", refusedWith(502)},
		"a reply that does not open":          {b.wechat(), textXML, strings.Replace(encrypted("x", message.XML), "CDATA[", "CDATA[AAAA", 1), refusedWith(502)},
		"a reply encrypted with WeChat's key": {b.wechat(), textXML, string(message.Reply{Encrypt: mustKey(t, keyText).Seal([]byte("x"), appID)}.Write(message.XML)), refusedWith(502)},
	} {
		n++
		plain := strings.Replace(row.plain, "hi", fmt.Sprint("hi", n), 1)
		p.set(replying(200, "", row.reply))
		var got answer
		if row.w.key == nil {
			got = row.w.plain(plain, "openid", "o1")
		} else {
			got = row.w.push(plain, "openid", "o1")
		}
		wantAnswer(t, name, got, row.want)
		sent := p.last(t)
		e, err := message.ReadEnvelope([]byte(sent.body))
		if err != nil || e.ToUserName != "gh_1" || e.Format != message.FormatOf([]byte(plain)) {
			t.Errorf("%s: the program got %s", name, sent.body)
		}
		q := sent.query
		if q.Get("encrypt_type") != "aes" || q.Get("openid") != "o1" || !envelope.Verify(q.Get("msg_signature"), secret.New("program"), q.Get("timestamp"), q.Get("nonce"), e.Encrypt) {
			t.Errorf("%s: got query %v", name, q)
		}
		id := map[bool]string{true: "wxplain", false: appID}[row.w.key == nil]
		if opened, got, err := key.Open(e.Encrypt); err != nil || string(opened) != plain || got != id {
			t.Errorf("%s: it opens to %s of %s, error %v", name, opened, got, err)
		}
	}
	if log := b.log.String(); !strings.Contains(log, "neither encrypted nor") {
		t.Errorf("the log does not say what is wrong: %s", log)
	}
}

func TestTheProgramsAnswerIsTheReply(t *testing.T) {
	large := strings.Repeat("x", 1<<20)
	p := newProgram(t, nil)
	b := start(t, both(Forward{URL: p.URL}))
	n := 0
	for name, row := range map[string]struct {
		reply func(http.ResponseWriter, *http.Request)
		safe  answer
		plain answer
	}{
		"nothing":                  {replying(200, "", ""), success, success},
		"204":                      {replying(204, "", ""), success, success},
		"success":                  {replying(200, "", "success"), success, success},
		"success with white space": {replying(200, "", "\r\n success \n"), success, success},
		"white space":              {replying(200, "", " \n"), success, success},
		"a reply":                  {replying(200, "application/xml", "<xml>hello</xml>"), answer{200, "text/xml", "opened:<xml>hello</xml>"}, answer{200, "application/xml", "<xml>hello</xml>"}},
		"any text":                 {replying(200, "text/weird", "hello"), answer{200, "text/xml", "opened:hello"}, answer{200, "text/weird", "hello"}},
		"1 MiB":                    {replying(200, "text/xml", large), answer{200, "text/xml", "opened:" + large}, answer{200, "text/xml", large}},
		"more than 1 MiB":          {replying(200, "text/xml", large+"x"), refusedWith(502), refusedWith(502)},
		"Encrypt without a key":    {replying(200, "text/xml", "<xml><Encrypt>QQ==</Encrypt></xml>"), refusedWith(502), refusedWith(502)},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "x")
		}, refusedWith(502), refusedWith(502)},
		"201": {replying(201, "", "success"), refusedWith(502), refusedWith(502)},
		"404": {replying(404, "", "success"), refusedWith(502), refusedWith(502)},
		"500": {replying(500, "", ""), refusedWith(502), refusedWith(502)},
		"504": {replying(504, "", ""), refusedWith(502), refusedWith(502)},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other", http.StatusTemporaryRedirect)
		}, refusedWith(502), refusedWith(502)},
		"a reply that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "x")
		}, refusedWith(502), refusedWith(502)},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, refusedWith(502), refusedWith(502)},
	} {
		n++
		p.set(row.reply)
		wantAnswer(t, name+", safe mode", b.wechat().push(textFor(n)), row.safe)
		wantAnswer(t, name+", plain mode", b.plain().plain(textFor(n)), row.plain)
	}
	for _, got := range p.got() {
		if got.path != "/" {
			t.Errorf("a redirect was followed to %s", got.path)
		}
	}
	if b.counted("shop", "text", answered) != 3 || b.counted("shop", "text", empty) != 5 || b.counted("shop", "text", failed) != 10 {
		t.Errorf("got %v", b.Snapshot().Pushes)
	}
	if !strings.Contains(b.log.String(), "aes_key") {
		t.Error("the log does not say that the forward has no aes_key")
	}
}

func TestAProgramThatIsLateOrAwayIsAFailure(t *testing.T) {
	late := newProgram(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	gone := newProgram(t, nil)
	gone.Close()
	noHTTP := newProgram(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(c, "SECRET-CONTENT of the program\r\n\r\n")
		c.Close()
	})
	forward := func(account string, f Forward) Forward { f.Account = account; return f }
	b := start(t, Config{
		Accounts: []Account{{Name: "late", Token: secret.New(token)}, {Name: "gone", Token: secret.New(token)}, {Name: "nohttp", Token: secret.New(token)},
			{Name: "late-ok", Token: secret.New(token)}, {Name: "gone-ok", Token: secret.New(token)}},
		Forwards: []Forward{
			forward("late", Forward{URL: late.URL + "?secret=SECRET-QUERY", Timeout: 300 * time.Millisecond}),
			forward("gone", Forward{URL: gone.URL}),
			forward("nohttp", Forward{URL: strings.Replace(noHTTP.URL, "http://", "http://user:SECRET-PASSWORD@", 1)}),
			forward("late-ok", Forward{URL: late.URL, Timeout: 300 * time.Millisecond, Succeeds: true}),
			forward("gone-ok", Forward{URL: gone.URL, Succeeds: true}),
		},
	})
	for name, row := range map[string]struct {
		want  answer
		words string
	}{
		"late":    {refusedWith(504), "did not answer in time"},
		"gone":    {refusedWith(502), "cannot be reached"},
		"nohttp":  {refusedWith(502), "not HTTP"},
		"late-ok": {success, "did not answer in time"},
		"gone-ok": {success, "cannot be reached"},
	} {
		w := b.plain()
		w.name = name
		wantAnswer(t, name, w.plain(textXML), row.want)
		status, has := b.Status(name)
		if !has || status.LastFailure == nil || !strings.Contains(status.LastFailure.Words, row.words) || status.Today != 1 || b.counted(name, "text", failed) != 1 {
			t.Errorf("%s: got %+v, %v; want %q", name, status.LastFailure, b.Snapshot().Pushes, row.words)
		}
	}
	for _, line := range []string{"account=gone forward=", "account=gone-ok forward=", "type=text push_id=", "WeChat sends the push again", "this push is lost to it"} {
		if !strings.Contains(b.log.String(), line) {
			t.Errorf("got %s; want %q", b.log.String(), line)
		}
	}
	wantAnswer(t, "a repetition of what counts as answered", func() answer { w := b.plain(); w.name = "gone-ok"; return w.plain(textXML) }(), success)
	if b.counted("gone-ok", "text", repeated) != 1 {
		t.Errorf("got %v", b.Snapshot().Pushes)
	}
	if log := b.log.String(); strings.Contains(log, "SECRET") {
		t.Errorf("the log tells too much: %s", log)
	}
}

func TestTheFirstForwardThatMatchesGetsIt(t *testing.T) {
	programs := map[string]*program{}
	forward := func(name, account string, match ...string) Forward {
		programs[name] = newProgram(t, nil)
		return Forward{Name: name, Account: account, Match: match, URL: programs[name].URL}
	}
	b := start(t, both(
		forward("plain", "plain"), forward("scan", "shop", "event:scan*"), forward("events", appID, "Event"),
		forward("media", "", "IMAGE", "voice"), forward("text", "", "text"), forward("text2", "", "text")))
	event := func(name string) string { return strings.Replace(eventXML, "CLICK", name, 1) }
	of := func(kind string) string { return strings.Replace(textXML, "[text]", "["+kind+"]", 1) }
	for plain, want := range map[string]string{
		event("SCAN"): "scan", event("scancode_push"): "scan", event("sca"): "events", event("CLICK"): "events", of("image"): "media", of("voice"): "media",
		of("text"): "text", of("video"): "", of("eventual"): "", "<xml><InfoType>authorized</InfoType></xml>": "", "<xml/>": "",
	} {
		before := map[string]int{}
		for name, p := range programs {
			before[name] = len(p.got())
		}
		wantAnswer(t, plain, b.wechat().push(plain), success)
		for name, p := range programs {
			if got := len(p.got()) - before[name]; got != map[bool]int{true: 1}[name == want] {
				t.Errorf("%s: %s got %d; want it at %q", plain, name, got, want)
			}
		}
	}
	b.plain().plain(event("SCAN"))
	if len(programs["plain"].got()) != 1 {
		t.Error("a push of another account went elsewhere")
	}
}

func TestAsyncIsDurableBeforeSuccess(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{Name: "later", URL: p.URL, Async: true, Timeout: time.Second}))
	wantAnswer(t, "stored", b.wechat().push(textXML, "openid", "o1"), success)
	all := b.inbox.all()
	if len(all) != 1 || string(all[0].Body) != textXML || all[0].Account != "shop" || all[0].AppID != appID || all[0].Forward != "later" || all[0].Type != "text" ||
		all[0].OpenID != "o1" || all[0].ContentType != "text/xml" || len(all[0].ID) != 32 || all[0].RequestID == "" || time.Since(all[0].Received) > time.Minute {
		t.Fatalf("got %+v", all)
	}
	wantAnswer(t, "a repetition", b.wechat().push(textXML), success)
	if got := b.inbox.all(); len(got) != 1 {
		t.Errorf("a repetition was stored too: %d", len(got))
	}
	b.inbox.err = fmt.Errorf("adding: %w", inbox.ErrFull)
	wantAnswer(t, "full", b.wechat().push(textFor(1)), refusedWith(503))
	b.inbox.err = errors.New("disk")
	wantAnswer(t, "not stored", b.wechat().push(textFor(1)), refusedWith(502))
	b.inbox.err = nil
	wantAnswer(t, "stored at last", b.wechat().push(textFor(1)), success)
	if b.counted("shop", "text", async) != 2 || b.counted("shop", "text", failed) != 2 || b.counted("shop", "text", repeated) != 1 || len(p.got()) != 0 {
		t.Errorf("got %v", b.Snapshot().Pushes)
	}

	all[0].Attempts = 7
	if err := b.Deliver(t.Context(), &all[0]); err != nil {
		t.Errorf("delivering: %v", err)
	}
	got := p.last(t)
	if got.body != textXML || got.header.Get("Wxproxy-Push-Attempt") != "7" || got.header.Get("Wxproxy-Push-Id") != all[0].ID || got.query.Get("openid") != "o1" ||
		got.header.Get("Wxproxy-Account") != "shop" || got.header.Get("Wxproxy-App-Id") != appID || got.header.Get("X-Request-Id") != all[0].RequestID {
		t.Errorf("got %+v", got)
	}
	for name, row := range map[string]func(http.ResponseWriter, *http.Request){
		"503":  replying(503, "", ""),
		"late": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		p.set(row)
		if err := b.Deliver(t.Context(), &all[0]); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	p.set(replying(200, "text/xml", "<xml>a reply that nobody needs</xml>"))
	if err := b.Deliver(t.Context(), &all[0]); err != nil {
		t.Errorf("with a reply: %v", err)
	}
	if err := b.Use(both()); err != nil {
		t.Fatal(err)
	}
	if err := b.Deliver(t.Context(), &all[0]); !errors.Is(err, errNoForward) {
		t.Errorf("without its forward: got %v", err)
	}
	if s, _ := b.Status("shop"); s.LastFailure == nil || s.LastFailure.Words != errNoForward.Error() {
		t.Errorf("without its forward the status has %+v", s.LastFailure)
	}
	if err := b.Use(Config{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Deliver(t.Context(), &all[0]); !errors.Is(err, errNoAccount) {
		t.Errorf("without its account: got %v", err)
	}
	all[0].Closed = inbox.ErrClosed
	var notSent *inbox.NotSent
	if err := b.Deliver(t.Context(), &all[0]); !errors.Is(err, inbox.ErrClosed) || !errors.As(err, &notSent) {
		t.Errorf("one that cannot be opened: got %v", err)
	}
	if s, _ := b.Status("shop"); s.LastFailure == nil || s.LastFailure.Words != inbox.ErrClosed.Error() {
		t.Errorf("of one that cannot be opened the status has %+v", s.LastFailure)
	}
}

func TestAWaitingPushGoesToTheForwardThatItNames(t *testing.T) {
	p := newProgram(t, nil)
	forward := func(account, token string, isAsync bool) Forward {
		return Forward{Account: account, URL: p.URL, Token: secret.New(token), Async: isAsync}
	}
	b := start(t, both())
	waiting := &inbox.Push{ID: "1", Account: "shop", Forward: p.URL, Body: []byte(textXML)}
	for name, row := range map[string]struct {
		forwards []Forward
		signed   string
	}{
		"the account's, of two to one URL":     {[]Forward{forward("plain", "PLAIN", true), forward("shop", "SHOP", true)}, "SHOP"},
		"the one with an inbox":                {[]Forward{forward("shop", "REPLIES", false), forward("", "LATER", true)}, "LATER"},
		"one that has no inbox any more":       {[]Forward{forward("shop", "REPLIES", false)}, "REPLIES"},
		"one that is for another account only": {[]Forward{forward("plain", "PLAIN", true)}, "PLAIN"},
	} {
		if err := b.Use(both(row.forwards...)); err != nil {
			t.Fatal(err)
		}
		if err := b.Deliver(t.Context(), waiting); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		q := p.last(t).query
		if !envelope.Verify(q.Get("signature"), secret.New(row.signed), q.Get("timestamp"), q.Get("nonce")) {
			t.Errorf("%s: it went to another", name)
		}
	}
}

// What differs each time in an error, as the name of a file, does not make a line of its own.
func TestAStoreThatTakesNothingHasOneLineAMinute(t *testing.T) {
	b := start(t, both(Forward{Name: "events", URL: "http://127.0.0.1:1/", Async: true}))
	for n := range 5 {
		b.inbox.err = fmt.Errorf("keeping a push: open /pushes/new/%d: no space left on device", n)
		wantAnswer(t, "not stored", b.wechat().push(textFor(n)), refusedWith(502))
	}
	if log := b.log.String(); strings.Count(log, "could not be put into the inbox") != 1 || !strings.Contains(log, "remedy=") {
		t.Errorf("got %s; want one line", log)
	}
	b.inbox.err = inbox.ErrFull
	wantAnswer(t, "full", b.wechat().push(textFor(9)), refusedWith(503))
	if log := b.log.String(); !strings.Contains(log, "push.inbox_max") {
		t.Errorf("got %s; want the remedy", log)
	}
}

func TestCopiesGoToTheInboxOnce(t *testing.T) {
	p := newProgram(t, replying(500, "", ""))
	b := start(t, both(
		Forward{Name: "copy", URL: p.URL, Copy: true}, Forward{Name: "events", URL: p.URL, Copy: true, Match: []string{"event"}},
		Forward{Name: "copy too", URL: p.URL, Copy: true, Match: []string{"text"}}, Forward{Name: "main", URL: p.URL}))
	wantAnswer(t, "the first", b.wechat().push(textXML), refusedWith(502))
	wantAnswer(t, "its repetition", b.wechat().push(textXML), refusedWith(502))
	got := b.inbox.all()
	if len(got) != 2 || got[0].Forward != "copy" || got[1].Forward != "copy too" || got[0].ID != p.last(t).header.Get("Wxproxy-Push-Id") {
		t.Errorf("got %+v; want one for each of two", got)
	}
	if n := p.last(t).header.Get("Wxproxy-Push-Attempt"); n != "2" || len(p.got()) != 2 {
		t.Errorf("got attempt %s of %d", n, len(p.got()))
	}
	b.inbox.err = inbox.ErrFull
	p.set(nil)
	wantAnswer(t, "copies that cannot be kept", b.wechat().push(textFor(1)), success)
	if got := b.Snapshot().Dropped["shop"]; got != 2 {
		t.Errorf("got %d dropped; want 2", got)
	}
	if !strings.Contains(b.log.String(), "the copy of a push was dropped") {
		t.Error("the log does not say so")
	}
}

func TestACopyAloneIsNoForward(t *testing.T) {
	b := start(t, both(Forward{Name: "copy", URL: "http://127.0.0.1:1", Copy: true}))
	wantAnswer(t, "no forward", b.wechat().push(textXML), success)
	if len(b.inbox.all()) != 1 || b.counted("shop", "text", empty) != 1 {
		t.Errorf("got %d copies, %v", len(b.inbox.all()), b.Snapshot().Pushes)
	}
}

func TestRepetitionsAreForwardedOnce(t *testing.T) {
	release := make(chan struct{})
	p := newProgram(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, "<xml>hello</xml>")
	})
	b := start(t, both(Forward{URL: p.URL}))
	old := b.wechat()
	old.key = mustKey(t, oldKeyText)
	const times = 8
	answers := make(chan answer, times)
	for i := range times {
		go func() {
			if i%2 == 0 {
				answers <- old.push(textXML, "timestamp", "")
				return
			}
			answers <- b.wechat().push(textXML)
		}()
	}
	deadline := time.Now().Add(10 * time.Second)
	for len(p.got()) == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	close(release)
	opened := 0
	for range times {
		if got := <-answers; got.body == "opened:<xml>hello</xml>" {
			opened++
		}
	}
	wantAnswer(t, "later, with the other key", old.push(textXML), answer{200, "text/xml", "opened:<xml>hello</xml>"})
	if len(p.got()) != 1 || opened < times/2 {
		t.Errorf("the program got %d; %d replies opened", len(p.got()), opened)
	}
	wantAnswer(t, "the same text for another account", b.plain().plain(textXML), answer{200, "*", "<xml>hello</xml>"})
	if len(p.got()) != 2 {
		t.Errorf("the program got %d; want 2", len(p.got()))
	}
}

func TestAReplyIsGivenToWhoComesAfterTheFirstLeft(t *testing.T) {
	p, began, release := newHeldProgram(t, "<xml>hello</xml>")
	b := start(t, both(Forward{URL: p.URL}))
	body, q := b.wechat().safe(textXML)
	r, _ := http.NewRequest("POST", b.base+"/push/shop?"+q.Encode(), strings.NewReader(body))
	impatient := &http.Transport{}
	cancel := make(chan struct{})
	r.Cancel = cancel //nolint:staticcheck // it is the shortest way
	go impatient.RoundTrip(r)
	<-began
	close(cancel)
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	wantAnswer(t, "the repetition", b.wechat().push(textXML), answer{200, "text/xml", "opened:<xml>hello</xml>"})
	if len(p.got()) != 1 {
		t.Errorf("the program got %d", len(p.got()))
	}
}

// A panicking inbox has a mistake in it.
type panicking struct{}

func (panicking) Add(context.Context, *inbox.Push) error { panic("SECRET") }

func TestAPanicEndsNothingButItsPush(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, both(Forward{Account: "plain", URL: p.URL, Async: true}, Forward{Account: "shop", URL: p.URL}, Forward{URL: p.URL, Copy: true}))
	b.Receiver.inbox = panicking{}
	for range 2 {
		wantAnswer(t, "async", b.plain().plain(textXML), refusedWith(500))
	}
	wantAnswer(t, "with a copy", b.wechat().push(textXML), success)
	if log := b.log.String(); strings.Contains(log, "SECRET") || strings.Count(log, "panic while answering a push") < 3 {
		t.Errorf("got %s", log)
	}
}

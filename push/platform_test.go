package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/internal/wechattest"
	"wxproxy/internal/wechattest/platformtest"
	"wxproxy/platform"
	"wxproxy/platform/event"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/message"
	tokens "wxproxy/token"
	"wxproxy/token/store"
)

const (
	component   = "wxc0c0c0c0c0c0c0c0"
	merchant    = "wx1111111111111111"
	anotherShop = "wx2222222222222222"
)

// A saas is a listener with a platform behind it that WeChat knows.
type saas struct {
	*bench
	*platformtest.Platform
	wechat   *wechattest.WeChat
	platform *platform.Platform
	store    *fragile
}

// A fragile store can be unable to keep anything.
type fragile struct {
	tokens.PlatformStore
	mu  sync.Mutex // guards err
	err error
}

func (f *fragile) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fragile) Amend(key tokens.Key, change func(*tokens.Record) bool) (tokens.Record, error) {
	f.mu.Lock()
	err := f.err
	f.mu.Unlock()
	if err != nil {
		return tokens.Record{}, err
	}
	return f.PlatformStore.Amend(key, change)
}

// platformOf is the platform of tests, of which events takes the events.
func platformOf(events Events) Platform {
	return Platform{Name: "saas", AppID: component, Token: secret.New(saasToken), Key: secret.New(keyText), Events: events}
}

const saasToken = "platform-token"

// startSaaS serves a platform whose pushes go where forwards say.
func startSaaS(t *testing.T, forwards ...Forward) *saas {
	t.Helper()
	s := &saas{bench: start(t, Config{}), wechat: wechattest.New(), store: &fragile{PlatformStore: store.NewMemory()}}
	s.Platform = platformtest.Add(s.wechat, platformtest.Settings{
		AppID: component, Secret: "component-secret", Token: saasToken, AESKey: keyText, Malformed: true, Tries: 1,
		EventURL: s.base + "/push/saas", MessageURL: s.base + "/push/saas/$APPID$",
	})
	s.platform = platform.New(platform.Options{
		Name: "saas", AppID: component, HTTP: &http.Client{Transport: s.wechat}, URL: "https://api.weixin.qq.com",
		Secret: func() (secret.Secret, error) { return secret.New("component-secret"), nil },
		Store:  s.store, PublishCheck: true,
		Forward: func(ctx context.Context, e platform.Push) error { return s.ForwardEvent(ctx, "saas", e) },
	})
	if err := s.Use(Config{Accounts: []Account{safeShop()}, Platforms: []Platform{platformOf(s.platform)}, Forwards: forwards}); err != nil {
		t.Fatal(err)
	}
	s.platform.Start()
	t.Cleanup(s.platform.Stop)
	return s
}

// caller is WeChat, calling a path of the platform's.
func (b *bench) caller(path string) wechat {
	return wechat{tb: b.tb, base: b.base, name: path, token: saasToken, key: mustKey(b.tb, keyText), id: component}
}

// waiting returns the pushes in the inbox, as ACCOUNT FORWARD TYPE.
func (b *bench) waiting() string {
	var all []string
	for _, p := range b.inbox.all() {
		all = append(all, p.Account+" "+p.Forward+" "+p.Type)
	}
	return strings.Join(all, ", ")
}

func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

// mustSucceed fails unless WeChat got success.
func mustSucceed(t *testing.T, what string, d wechattest.Delivery) {
	t.Helper()
	if d.Fault != "" || len(d.Tries) != 1 || string(d.Tries[0].Answer) != "success" {
		t.Fatalf("%s: got %+v; want success", what, d)
	}
}

// The first environment, and each that gets copies, gets the events of one URL. A ticket
// itself nobody gets.
func TestEventsAreKeptByThePlatformAndThenForwarded(t *testing.T) {
	s := startSaaS(t,
		Forward{Name: "chat", Account: "saas/*", URL: "http://127.0.0.1:1"},
		Forward{Name: "staging", Account: "saas", URL: "http://127.0.0.1:1", Match: []string{"info:Component_verify_ticket", "info:*"}, Copy: true},
		Forward{Name: "audit", URL: "http://127.0.0.1:1", Copy: true},
		Forward{Name: "first", Account: "saas", URL: "http://127.0.0.1:1", Match: []string{"info:*"}},
		Forward{Name: "tickets", Account: "saas", URL: "http://127.0.0.1:1", Match: []string{"info:component_verify_ticket"}},
	)
	mustSucceed(t, "a ticket", s.PushTicket(t.Context()))
	if got, want := s.waiting(), "saas staging info:component_verify_ticket, saas tickets info:component_verify_ticket"; got != want {
		t.Errorf("of a ticket got %s; want %s", got, want)
	}
	grant, d := s.Authorize(t.Context(), merchant)
	mustSucceed(t, "an authorization", d)
	eventually(t, "the authorization is forwarded", func() bool { return len(s.inbox.all()) == 5 })
	waiting := s.inbox.all()[2:]
	for i, want := range []string{"first", "staging", "audit"} {
		p := waiting[i]
		if p.Forward != want || p.Account != "saas/"+merchant+":events" || groupOf(p.Account) != "saas" || p.AppID != component || p.Type != "info:authorized" || p.ID != waiting[0].ID || string(p.Body) != string(grant.Event.Content) {
			t.Errorf("got %+v; want it for %s", p, want)
		}
	}
	if s.RefreshToken(merchant) == "" {
		t.Error("it was forwarded before its code was redeemed")
	}
	mustSucceed(t, "an end", s.Cancel(t.Context(), merchant))
	eventually(t, "the end is forwarded", func() bool { return len(s.inbox.all()) == 8 })
	for _, secret := range s.Secrets() {
		for _, p := range s.inbox.all() {
			if strings.Contains(secret, "ticket@@@") && strings.Contains(string(p.Body), secret) {
				t.Errorf("%s has the ticket", p.Forward)
			}
		}
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
	for kind, want := range map[string]string{"info:component_verify_ticket": empty, "info:authorized": async, "info:unauthorized": async} {
		if n := s.counted("saas", kind, want); n != 1 {
			t.Errorf("%s: got %d as %s, of %v; want 1", kind, n, want, s.Snapshot().Pushes)
		}
	}
}

// One program that takes no event of one account holds up neither others' events nor its
// own of other accounts.
func TestEventsAreInOrderForEachAccount(t *testing.T) {
	refuse := func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), merchant) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	p, other := newProgram(t, refuse), newProgram(t, nil)
	s := startSaaS(t, Forward{Name: "first", URL: p.URL, Match: []string{"info:*"}}, Forward{Name: "other", Account: "saas", URL: other.URL, Copy: true})
	box, err := inbox.Open(inbox.Config{Max: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.inbox.next = box
	box.Start(s.Deliver)
	t.Cleanup(func() {
		if err := box.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	mustSucceed(t, "a ticket", s.PushTicket(t.Context()))
	kinds := func(p *program, appID string) string {
		var all []string
		for _, r := range p.got() {
			if strings.Contains(r.body, appID) && r.header.Get("Wxproxy-Push-Attempt") == "1" {
				all = append(all, between(r.body, "<InfoType>", "</InfoType>"))
			}
		}
		return strings.Join(all, " ")
	}
	for _, appID := range []string{merchant, anotherShop} {
		_, d := s.Authorize(t.Context(), appID)
		mustSucceed(t, "an authorization", d)
		s.wechat.Advance(time.Second) // in the same second the list decides, which is read for one of the two alone
		mustSucceed(t, "an end", s.Cancel(t.Context(), appID))
	}
	const both = "authorized unauthorized"
	eventually(t, "all but what is refused is there", func() bool {
		return kinds(p, anotherShop) == both && kinds(other, merchant) == both && kinds(other, anotherShop) == both
	})
	if got := kinds(p, merchant); got != "authorized" {
		t.Errorf("the program that refuses it got %s; want the first alone, again and again", got)
	}
	p.set(nil)
	eventually(t, "the rest is there", func() bool { return kinds(p, merchant) == both })
}

// What waits is sent as the platform's, whoever it is about, and in the envelope that
// WeChat's events have.
func TestAnEventFromTheInboxIsThePlatforms(t *testing.T) {
	clear, sealed := newProgram(t, nil), newProgram(t, nil)
	b := start(t, Config{Platforms: []Platform{platformOf(nil)}, Forwards: []Forward{
		{Name: "clear", Account: "saas/*", URL: sealed.URL, Async: true}, {Name: "clear", Account: "saas", URL: sealed.URL, Match: []string{"text"}, Async: true},
		{Name: "clear", Account: "saas", URL: clear.URL}, {Name: "sealed", Account: "saas", URL: sealed.URL, AESKey: secret.New(oldKeyText), Copy: true},
	}})
	const malformed = "<xml><AppId>" + component + "</AppId><InfoType>authorized</InfoType><xml>"
	if err := b.ForwardEvent(t.Context(), "saas", event.Push{ID: "id", AppID: merchant, Type: "info:authorized", Received: time.Now(), ContentType: "text/xml", RequestID: "r1", Body: []byte(malformed)}); err != nil {
		t.Fatal(err)
	}
	for _, p := range b.inbox.all() {
		if err := b.Deliver(t.Context(), &p); err != nil {
			t.Fatal(err)
		}
	}
	got := clear.last(t)
	if got.body != malformed || got.header.Get("Wxproxy-Account") != "saas" || got.header.Get("Wxproxy-App-Id") != component || got.header.Get("X-Request-Id") != "r1" {
		t.Errorf("got %+v", got)
	}
	body := sealed.last(t).body
	e, err := message.ReadEnvelope([]byte(body))
	if err != nil || !strings.Contains(body, "<AppId><![CDATA["+component+"]]></AppId>") {
		t.Fatalf("got %s, %v; want an envelope with AppId", body, err)
	}
	if plain, id, err := mustKey(t, oldKeyText).Open(e.Encrypt); string(plain) != malformed || id != component || err != nil {
		t.Errorf("got %q for %s, %v", plain, id, err)
	}
	b.inbox.err = inbox.ErrFull
	if err := b.ForwardEvent(t.Context(), "saas", event.Push{ID: "id", Type: "info:authorized"}); !errors.Is(err, inbox.ErrFull) || b.Snapshot().Dropped["saas"] != 0 {
		t.Errorf("with a full inbox got %v, and %v dropped; want an error, and no copy yet", err, b.Snapshot().Dropped)
	}
	if err := b.ForwardEvent(t.Context(), "other", event.Push{ID: "id", Type: "info:authorized"}); err == nil {
		t.Error("of a platform that is not configured got no error")
	}
}

// Only what is durable is a success.
func TestAnEventThatCannotBeStoredIsSentAgain(t *testing.T) {
	s := startSaaS(t, Forward{Name: "all", URL: "http://127.0.0.1:1", Match: []string{"info:*", "info:component_verify_ticket"}})
	ticket, grant := s.NewTicket(), s.Grant(merchant)
	s.store.fail(errors.New("the disk is read-only"))
	for _, e := range []platformtest.Event{ticket, grant.Event} {
		if d := s.Push(t.Context(), e); d.Fault == "" || d.Tries[0].Status != http.StatusBadGateway || len(d.Tries[0].Answer) > 0 {
			t.Errorf("%s: got %+v; want an empty 502", e.InfoType, d)
		}
	}
	if got := s.waiting(); got != "" {
		t.Errorf("%s was forwarded", got)
	}
	if status, _ := s.Status("saas"); status.LastFailure == nil || !strings.Contains(s.log.String(), "an event of a platform could not be stored") {
		t.Error("operators learn nothing")
	}
	s.store.fail(nil)
	mustSucceed(t, "the ticket again", s.Push(t.Context(), ticket))
	mustSucceed(t, "the authorization again", s.Push(t.Context(), grant.Event))
	mustSucceed(t, "a repetition", s.Push(t.Context(), grant.Event))
	eventually(t, "the authorization is forwarded", func() bool { return strings.Contains(s.waiting(), "info:authorized") })
	if n := s.counted("saas", "info:authorized", repeated); n != 1 {
		t.Errorf("got %d repetitions; want 1", n)
	}
}

// told is an Events that says what it is told to.
type told struct {
	mu     sync.Mutex // guards events
	events []event.Push
	taken  event.Taken
	err    error
	reply  string
}

func (s *told) Event(_ context.Context, e event.Push) (event.Taken, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	return s.taken, s.err
}

func (s *told) Check(string, []byte) ([]byte, bool) { return []byte(s.reply), s.reply != "" }

const (
	ticketXML = "<xml><AppId>" + component + "</AppId><CreateTime>1413192605</CreateTime><InfoType>component_verify_ticket</InfoType><ComponentVerifyTicket>ticket@@@canary</ComponentVerifyTicket></xml>"
	// as WeChat's manual has it, with status -1, so that no code came
	notifyXML = "<xml><AppId>" + component + "</AppId><CreateTime>1535442403</CreateTime><InfoType>notify_third_fasteregister</InfoType><appid>" + merchant + "<appid><status>-1</status><msg>no</msg></xml>"
)

func TestEventsThatNoPlatformActsUponAreForwardedAsAnyPush(t *testing.T) {
	p := newProgram(t, nil)
	events := &told{taken: event.PassOn}
	b := start(t, Config{Platforms: []Platform{platformOf(events)}, Forwards: []Forward{{URL: p.URL}}})
	w := b.caller("saas")
	wantAnswer(t, "malformed", w.push(notifyXML), success)
	if got := p.last(t); got.body != notifyXML || got.header.Get("Wxproxy-Account") != "saas" || got.header.Get("Wxproxy-App-Id") != component {
		t.Errorf("got %+v", got)
	}
	if e := events.events[0]; e.Type != "info:notify_third_fasteregister" || e.AppID != merchant || len(e.ID) != 32 || e.RequestID == "" || e.ContentType != "text/xml" || e.Received.IsZero() || string(e.Body) != notifyXML {
		t.Errorf("the platform got %+v", e)
	}
	wantAnswer(t, "unknown", w.push("<xml><CreateTime>1</CreateTime><InfoType>notify_new</InfoType></xml>"), success)
	wantAnswer(t, "no time", w.push("<xml><InfoType>notify_newer</InfoType></xml>"), success)
	wantAnswer(t, "no event", w.push(textXML), success)
	p.set(replying(500, "", ""))
	wantAnswer(t, "a program that fails", w.push("<xml><CreateTime>2</CreateTime><InfoType>notify_new</InfoType></xml>"), refusedWith(502))
	if n := len(p.got()); n != 5 || len(events.events) != 4 {
		t.Errorf("the program got %d pushes, the platform %d", n, len(events.events))
	}
}

func TestEventsThatAreRefused(t *testing.T) {
	p := newProgram(t, nil)
	events := &told{taken: event.NewTicket}
	b := start(t, Config{Platforms: []Platform{platformOf(events)}, Forwards: []Forward{{URL: p.URL, Match: []string{"*", "info:component_verify_ticket"}, Copy: true}, {URL: p.URL}}})
	w, stranger, foreign := b.caller("saas"), b.caller("saas"), b.caller("saas")
	stranger.token, foreign.id = "another", "wxother"
	foreignXML := strings.Replace(ticketXML, component, "wxother", 1)
	for _, row := range []struct {
		name   string
		got    answer
		want   int
		reason string
	}{
		{"of a stranger", stranger.push(ticketXML), 403, "signature"},
		{"encrypted for another platform", foreign.push(ticketXML), 403, "appid"},
		{"of another platform", w.push(foreignXML), 403, "appid"},
		{"in the clear", w.plain(ticketXML), 403, "not_encrypted"},
		{"neither XML nor JSON", w.push("hello"), 400, "format"},
		{"a ticket in JSON", w.push(`{"InfoType":"component_verify_ticket","ComponentVerifyTicket":"ticket@@@canary"}`), 400, "format"},
		{"a ticket of no time", w.push("<xml><InfoType>component_verify_ticket</InfoType><ComponentVerifyTicket>ticket@@@canary</ComponentVerifyTicket></xml>"), 400, "format"},
		{"a ticket in other letters", w.push(strings.Replace(ticketXML, "component_v", "Component_V", 1)), 400, "format"},
		{"a long type", w.push("<xml><CreateTime>1</CreateTime><InfoType>" + strings.Repeat("x", 300) + "</InfoType></xml>"), 400, "format"},
		{"with PUT", w.do("PUT", nil, nil), 405, "method"},
		{"below an account", b.caller("shop/" + merchant).push(ticketXML), 404, "name"},
	} {
		wantAnswer(t, row.name, row.got, refusedWith(row.want))
	}
	if len(events.events) > 0 || len(p.got()) > 0 || b.waiting() != "" {
		t.Errorf("the platform got %v, the program %v, the inbox %s", events.events, p.got(), b.waiting())
	}
	events.err = event.ErrForeign
	wantAnswer(t, "one that the platform refuses", w.push(ticketXML), refusedWith(403))
	for refusal, want := range map[Refusal]uint64{{"saas", "signature"}: 1, {"saas", "appid"}: 3, {"saas", "format"}: 5, {"saas", "not_encrypted"}: 1, {"saas", "method"}: 1, {"", "name"}: 1} {
		if got := b.Snapshot().Refusals[refusal]; got != want {
			t.Errorf("%v: got %d; want %d", refusal, got, want)
		}
	}
	if err := b.Use(Config{Platforms: []Platform{platformOf(nil)}}); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "of a platform that nobody runs", w.push(ticketXML), refusedWith(502))
}

// A ticket that comes to the URL of messages, by mistake or sent by who has seen it, is the
// platform's all the same.
func TestEventsAtTheURLOfMessagesAreThePlatforms(t *testing.T) {
	p := newProgram(t, nil)
	events := &told{taken: event.Kept}
	b := start(t, Config{Platforms: []Platform{platformOf(events)}, Forwards: []Forward{{URL: p.URL}}})
	wantAnswer(t, "a ticket", b.caller("saas/"+merchant).push(ticketXML), success)
	wantAnswer(t, "a malformed event", b.caller("saas/"+merchant).push("<xml><CreateTime>1</CreateTime><InfoType>authorized</InfoType><xml>"), success)
	wantAnswer(t, "the ticket, where it belongs", b.caller("saas").push(ticketXML), success)
	if len(events.events) != 2 || len(p.got()) > 0 || b.counted("saas", "info:component_verify_ticket", repeated) != 1 {
		t.Errorf("the platform got %d events, the program %d; want 2 and none", len(events.events), len(p.got()))
	}
}

func TestMessagesAreForTheAccountInTheURL(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<xml>"+r.URL.Path+"</xml>") }
	p := newProgram(t, echo)
	forward := func(account, path string) Forward {
		return Forward{Account: account, URL: p.URL + path, Match: []string{"text"}}
	}
	b := start(t, Config{Accounts: []Account{safeShop()}, Platforms: []Platform{platformOf(&told{}), {Name: "saas2", AppID: "wxother", Token: secret.New(saasToken), Key: secret.New(keyText)}}, Forwards: []Forward{
		forward("shop", "/shop"), forward("saas", "/platform"), forward("saas2/*", "/other"), forward("saas2/"+merchant, "/other"),
		forward(merchant, "/one"), forward("saas:"+anotherShop, "/another"), forward("saas/wx4", "/nobody"), forward("saas:wx3", "/third"), forward("saas/*", "/rest"),
		{URL: p.URL + "/events", Match: []string{"event"}, AESKey: secret.New(oldKeyText)},
	}})
	for path, want := range map[string]string{
		"saas/" + merchant: "/one", "saas/" + merchant + "/callback": "/one", "saas/" + anotherShop: "/another", "saas/wx3": "/third", "saas/wx4": "/rest", "saas": "/platform",
	} {
		got := b.caller(path).push(textXML)
		if want = "opened:<xml>" + want + "</xml>"; strings.HasSuffix(path, "/callback") {
			if got.body != want && got.body != "success" { // one of the two was the repetition
				t.Errorf("%s: got %+v", path, got)
			}
			continue
		}
		wantAnswer(t, path, got, answer{200, "text/xml", want})
	}
	if n := len(p.got()); n != 5 {
		t.Errorf("the program got %d; want one for each account, of one text", n)
	}
	p.set(nil)
	wantAnswer(t, "an event of a user's", b.caller("saas/"+merchant).push(eventXML, "openid", "o1"), success)
	got := p.last(t)
	if got.header.Get("Wxproxy-Account") != merchant || got.header.Get("Wxproxy-App-Id") != merchant || got.query.Get("openid") != "o1" {
		t.Errorf("got %+v", got)
	}
	e, err := message.ReadEnvelope([]byte(got.body))
	if err != nil || e.ToUserName != "gh_1" {
		t.Fatalf("got %s, %v", got.body, err)
	}
	if plain, id, err := mustKey(t, oldKeyText).Open(e.Encrypt); string(plain) != eventXML || id != component || err != nil {
		t.Errorf("got %q for %s, %v; want the component's id in it", plain, id, err)
	}
	for _, path := range []string{"saas/", "saas/a%2Fb", "saas/" + merchant + "/other", "saas/" + merchant + "/callback/callback", "saas/" + strings.Repeat("x", 65), "saas/$APPID$", "nobody/" + merchant, "saas/../saas"} {
		if got := b.caller(path).push(textXML); got.status != 404 {
			t.Errorf("%s: got %+v; want 404", path, got)
		}
	}
}

func TestTheURLChecksOfAPlatform(t *testing.T) {
	b := start(t, Config{Platforms: []Platform{platformOf(nil)}})
	for _, path := range []string{"saas", "saas/" + merchant, "saas/$APPID$", "saas/%24APPID%24/callback"} {
		w := b.caller(path)
		wantAnswer(t, path, w.do("GET", w.query("", "echostr", "12"), nil), answer{200, "text/plain", "12"})
		w.token = "another"
		wantAnswer(t, path, w.do("GET", w.query("", "echostr", "12"), nil), refusedWith(403))
	}
}

// Messages of one authorizer that wait are in order, and are theirs; and there are as many
// series as for one.
func TestManyAuthorizersHaveOneSeries(t *testing.T) {
	p := newProgram(t, nil)
	b := start(t, Config{Platforms: []Platform{platformOf(&told{})}, Forwards: []Forward{{Name: "crm", URL: p.URL, Async: true}}})
	for i := range 50 {
		wantAnswer(t, "async", b.caller(fmt.Sprintf("saas/wx%d", i)).push(textXML), success)
	}
	b.inbox.err = inbox.ErrFull
	b.caller("saas/wx77").push(textXML)
	pushes := b.Snapshot().Pushes
	if len(pushes) != 2 || pushes[Count{"saas/*", "text", async}] != 50 || len(b.counts.accounts) != 1 {
		t.Errorf("got %v; want one series of 50", pushes)
	}
	for _, p := range b.inbox.all() {
		if err := b.Deliver(t.Context(), &p); err != nil || p.Account != "saas/"+p.AppID {
			t.Fatalf("%+v: got %v", p, err)
		}
	}
	if got := p.last(t); got.header.Get("Wxproxy-Account") != "wx49" || got.header.Get("Wxproxy-App-Id") != "wx49" || len(p.got()) != 50 {
		t.Errorf("got %+v", got.header)
	}
	p.set(replying(500, "", ""))
	if first := b.inbox.all()[0]; b.Deliver(t.Context(), &first) == nil {
		t.Error("got no error")
	}
	all, has := b.Status("saas/*")
	if events, hasEvents := b.Status("saas"); !has || !hasEvents || all.Today != 51 || all.LastFailure == nil || events.Today != 0 {
		t.Errorf("got %+v, and %+v of events", all, events)
	}
	for _, name := range []string{"shop/*", "saas/wx1", "nobody"} {
		if _, has := b.Status(name); has {
			t.Errorf("%s has pushes", name)
		}
	}
	state := Grouped(inbox.State{Waiting: map[string]int{"saas/wx1": 2, "saas/wx2": 3, "saas/wx2:events": 2, "saas": 1, "shop": 4}, Failed: map[string]int{"saas/wx1": 1}, Bytes: 9})
	if fmt.Sprint(state.Waiting, state.Failed, state.Bytes) != "map[saas:3 saas/*:5 shop:4] map[saas/*:1] 9" {
		t.Errorf("got %+v", state)
	}
}

func TestWeChatsCheckBeforeAPlatformIsPublishedIsAnswered(t *testing.T) {
	t.Parallel()
	for _, announce := range []bool{true, false} {
		s := startSaaS(t, Forward{URL: "http://127.0.0.1:1", Account: "saas/*"})
		for _, step := range s.Check(t.Context(), platformtest.PublishCheck{AppID: platformtest.TestAccounts()[0], Announce: announce}) {
			if step.Problem != "" {
				t.Errorf("announced %t: %s: %s", announce, step.Name, step.Problem)
			}
		}
		if s.counted("saas/*", "text", failed)+s.counted("saas/*", "event:LOCATION", failed) > 0 {
			t.Error("a message of the check was forwarded")
		}
		c := s.Messages(merchant)
		c.Tries = 1
		if d := c.Push(t.Context(), c.Text("o1", "TESTCOMPONENT_MSG_TYPE_TEXT")); d.Tries[0].Status != http.StatusBadGateway {
			t.Errorf("the check of another account got %+v; want it forwarded", d)
		}
	}
}

func TestAPlatformNeedsAKey(t *testing.T) {
	one := platformOf(nil)
	for _, key := range []string{"", "short"} {
		one.Key = secret.New(key)
		if err := New(Options{}).Use(Config{Platforms: []Platform{one}}); err == nil || !strings.Contains(err.Error(), `platform "saas"`) {
			t.Errorf("with %q got %v", key, err)
		}
	}
}

// Whatever an event says, it is refused, or it is the platform's, or it is forwarded as it
// is; and a ticket is forwarded to nobody.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{ticketXML, notifyXML, textXML, textJSON, "<xml><InfoType>component_verify_ticket</InfoType>", `{"InfoType":"component_verify_ticket"}`, "<xml><MsgType>text</MsgType><CreateTime>1</CreateTime><InfoType>authorized</InfoType></xml>"} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	r := New(Options{})
	if err := r.Use(Config{Platforms: []Platform{platformOf(nil)}}); err != nil {
		f.Fatal(err)
	}
	now := r.now.Load()
	f.Fuzz(func(t *testing.T, plain []byte, ofAuthorizer bool) {
		path := "saas"
		if ofAuthorizer {
			path += "/" + merchant
		}
		p := &push{account: now.find(path, false), plain: plain}
		if why := p.read(); why != taken {
			return
		}
		e, err := event.Read(plain)
		switch {
		case p.isEvent != isEvent(p.message.Type), p.isEvent && p.account.owner != nil, p.isEvent && len(p.message.Type) > maxInfo:
			t.Errorf("%q is read as %+v", plain, p)
		case isTicket(p.message.Type) && (!p.isEvent || err != nil || !e.IsKept()):
			t.Errorf("%q is a ticket that the platform does not take", plain)
		case p.about != "" && !event.IsAppID(p.about):
			t.Errorf("%q is about %q", plain, p.about)
		}
	})
}

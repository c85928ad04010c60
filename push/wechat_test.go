package push

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
)

const (
	token      = "shop-token"
	keyText    = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	oldKeyText = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	appID      = "wx5823bf96d3bd56c7"

	textXML  = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[o1]]></FromUserName><CreateTime>1</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hi]]></Content><MsgId>1</MsgId></xml>"
	eventXML = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event></xml>"
	textJSON = `{"ToUserName":"gh_1","FromUserName":"o1","CreateTime":1,"MsgType":"text","Content":"hi","MsgId":1}`
)

func mustKey(tb testing.TB, text string) *envelope.Key {
	tb.Helper()
	k, err := envelope.NewKey(secret.New(text))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// A wechat is what calls: it knows an account's Token and EncodingAESKey.
type wechat struct {
	tb    testing.TB
	base  string // of the listener
	name  string
	token string
	key   *envelope.Key
	id    string
}

// An answer is what it gets.
type answer struct {
	status      int
	contentType string
	body        string
}

// query returns the signed query of a request, with further parameters.
func (w wechat) query(encrypt string, more ...string) url.Values {
	q := url.Values{"timestamp": {"1714036504"}, "nonce": {"1514711492"}}
	q.Set("signature", envelope.Signature(secret.New(w.token), q.Get("timestamp"), q.Get("nonce")))
	if encrypt != "" {
		q.Set("encrypt_type", "aes")
		q.Set("msg_signature", envelope.Signature(secret.New(w.token), q.Get("timestamp"), q.Get("nonce"), encrypt))
	}
	for i := 0; i < len(more); i += 2 {
		if q.Set(more[i], more[i+1]); more[i+1] == "" {
			q.Del(more[i])
		}
	}
	return q
}

// safe returns the body of a push in safe mode, and its query.
func (w wechat) safe(plain string, more ...string) (body string, q url.Values) {
	encrypt := w.key.Seal([]byte(plain), w.id)
	return string(message.WriteEnvelope(message.FormatOf([]byte(plain)), "gh_1", encrypt)), w.query(encrypt, more...)
}

// do sends a request.
func (w wechat) do(method string, q url.Values, body io.Reader, header ...string) answer {
	w.tb.Helper()
	r, err := http.NewRequest(method, w.base+"/push/"+w.name+"?"+q.Encode(), body)
	if err != nil {
		w.tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.tb.Error(err)
		return answer{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.tb.Error(err)
	}
	return answer{response.StatusCode, response.Header.Get("Content-Type"), string(text)}
}

// plain pushes in plain mode.
func (w wechat) plain(text string, more ...string) answer {
	w.tb.Helper()
	return w.do("POST", w.query("", more...), strings.NewReader(text))
}

// push pushes in safe mode, and opens the reply if it is encrypted.
func (w wechat) push(plain string, more ...string) answer {
	w.tb.Helper()
	body, q := w.safe(plain, more...)
	return w.open(w.do("POST", q, strings.NewReader(body)))
}

// open returns an answer with its encrypted reply opened and its signature checked.
func (w wechat) open(a answer) answer {
	w.tb.Helper()
	encrypt, isEncrypted := message.ReadReply([]byte(a.body))
	if !isEncrypted {
		return a
	}
	var nonce, timestamp, signature string
	if message.FormatOf([]byte(a.body)) == message.JSON {
		nonce, timestamp, signature = between(a.body, `"Nonce":"`, `"`), between(a.body, `"TimeStamp":`, `,`), between(a.body, `"MsgSignature":"`, `"`)
	} else {
		nonce, timestamp, signature = between(a.body, "<Nonce><![CDATA[", "]]>"), between(a.body, "<TimeStamp>", "<"), between(a.body, "<MsgSignature><![CDATA[", "]]>")
	}
	if !envelope.Verify(signature, secret.New(w.token), timestamp, nonce, encrypt) {
		w.tb.Errorf("the signature of the reply is wrong: %s", a.body)
	}
	plain, id, err := w.key.Open(encrypt)
	if err != nil || id != w.id {
		w.tb.Errorf("the reply does not open: %v, id %s", err, id)
	}
	a.body = "opened:" + string(plain)
	return a
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	middle, _, _ := strings.Cut(rest, after)
	return middle
}

// A program is what gets pushes.
type program struct {
	*httptest.Server
	mu       sync.Mutex // guards what follows
	requests []received
	reply    func(w http.ResponseWriter, r *http.Request)
}

// A received is a request as the program got it.
type received struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   string
}

func newProgram(tb testing.TB, reply func(http.ResponseWriter, *http.Request)) *program {
	p := &program{reply: reply}
	p.Server = httptest.NewServer(p)
	tb.Cleanup(p.Close)
	return p
}

// newHeldProgram starts a program that is asked once: began is closed then, and its reply
// comes when release is.
func newHeldProgram(t *testing.T, reply string) (p *program, began, release chan struct{}) {
	began, release = make(chan struct{}), make(chan struct{})
	p = newProgram(t, func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-release
		io.WriteString(w, reply)
	})
	return p, began, release
}

func (p *program) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	p.requests = append(p.requests, received{r.Method, r.URL.Path, r.URL.Query(), r.Header, string(body)})
	reply := p.reply
	p.mu.Unlock()
	if reply != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		reply(w, r)
	}
}

// set changes what the program replies.
func (p *program) set(reply func(http.ResponseWriter, *http.Request)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = reply
}

func (p *program) got() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]received(nil), p.requests...)
}

// last returns the last request.
func (p *program) last(tb testing.TB) received {
	tb.Helper()
	all := p.got()
	if len(all) == 0 {
		tb.Fatal("the program got nothing")
	}
	return all[len(all)-1]
}

// replying returns a reply function.
func replying(status int, contentType, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// A fakeInbox keeps pushes in memory.
type fakeInbox struct {
	next Inbox // gets them, too; nil: none does

	mu  sync.Mutex // guards what follows
	err error
	got []inbox.Push
}

func (b *fakeInbox) Add(ctx context.Context, p *inbox.Push) error {
	if b.next != nil {
		if err := b.next.Add(ctx, p); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.got = append(b.got, *p)
	}
	return b.err
}

func (b *fakeInbox) all() []inbox.Push {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]inbox.Push(nil), b.got...)
}

// A logged is a log that can be read.
type logged struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A bench is a receiver with everything around it.
type bench struct {
	*Receiver
	server *Server
	inbox  *fakeInbox
	log    *logged
	base   string
	tb     testing.TB
}

// start serves what c says.
func start(tb testing.TB, c Config) *bench {
	tb.Helper()
	b := &bench{inbox: &fakeInbox{}, log: &logged{}, tb: tb}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.Receiver = New(Options{Inbox: b.inbox, Log: log})
	if err := b.Use(c); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	b.serve(NewServer(b, 100, log))
	return b
}

// serve has a server take what comes from now on.
func (b *bench) serve(server *Server) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.tb.Fatal(err)
	}
	b.server, b.base = server, "http://"+ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	b.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := server.Drain(ctx); err != nil {
			b.tb.Error(err)
		}
		<-served
	})
}

// safeShop is an account in safe mode, plainShop one in plain mode.
func safeShop() Account {
	return Account{Name: "shop", ID: appID, Token: secret.New(token), Key: secret.New(keyText), KeyOld: secret.New(oldKeyText)}
}

func plainShop() Account { return Account{Name: "plain", ID: "wxplain", Token: secret.New(token)} }

// both is a configuration with both accounts.
func both(forwards ...Forward) Config {
	return Config{Accounts: []Account{safeShop(), plainShop()}, Forwards: forwards}
}

// wechat returns what calls the account in safe mode.
func (b *bench) wechat() wechat {
	return wechat{tb: b.tb, base: b.base, name: "shop", token: token, key: mustKey(b.tb, keyText), id: appID}
}

// plain returns what calls the account in plain mode.
func (b *bench) plain() wechat {
	return wechat{tb: b.tb, base: b.base, name: "plain", token: token}
}

// counted returns what was counted, as text.
func (b *bench) counted(account, kind, outcome string) uint64 {
	return b.Snapshot().Pushes[Count{account, kind, outcome}]
}

func wantAnswer(tb testing.TB, what string, got, want answer) {
	tb.Helper()
	if want.contentType == "*" {
		want.contentType = got.contentType
	}
	if got != want {
		tb.Errorf("%s: got %+v; want %+v", what, got, want)
	}
}

var success = answer{200, "text/plain", "success"}

func refusedWith(status int) answer { return answer{status: status} }

// textFor returns a text message that no other is.
func textFor(n int) string {
	return strings.Replace(textXML, "<MsgId>1<", fmt.Sprintf("<MsgId>%d<", n+1000), 1)
}

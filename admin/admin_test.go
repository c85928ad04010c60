package admin

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/proxy/traffic"
	"wxproxy/token"
	"wxproxy/token/wechat"
)

const key = "canary-key-of-the-admin"

// newAdmin returns an Admin with one account, whose token is fresh, and nothing
// wrong.
func newAdmin() *Admin {
	return &Admin{
		ConfigHash: func() string { return "" },
		Version:    "v1.2.3",
		Log:        slog.New(slog.DiscardHandler),
		WrongKey:   func(*http.Request) {},
		Started:    time.Now().Add(-90 * time.Second),
		Accounts:   []Account{account("shop", fresh())},
		Hosts:      func() []Host { return []Host{{URL: "https://api.weixin.qq.com", State: "up"}} },
		Store:      func() Store { return Store{Kind: "memory", Address: "memory:", Up: true} },
		InFlight:   func() int { return 3 },
		Loaded:     func() Loaded { return Loaded{} },
		Draining:   func() bool { return false },
		Counted:    func() *traffic.Snapshot { return &traffic.Snapshot{} },
		Hour:       func() []traffic.Minute { return make([]traffic.Minute, 60) },
		Metrics:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "wxshop_metrics 1\n") }),
	}
}

func account(name string, s token.Status) Account {
	s.Issuer = wechat.NewIssuer()
	return Account{
		Name: name, AppID: "wx" + name, Status: func() token.Status { return s },
		Refresh: func(string, time.Duration) (bool, error) { return true, nil },
		Replace: func(time.Duration) error { return nil },
		Lend:    func(time.Duration) (string, time.Duration, error) { return "token-of-" + name, time.Hour, nil },
		Hour:    func() []traffic.Minute { return make([]traffic.Minute, 60) },
	}
}

func fresh() token.Status {
	return token.Status{
		State:        token.StateFresh,
		Expires:      time.Now().Add(time.Hour + 500*time.Millisecond),
		RefreshedAt:  time.Date(2026, 11, 20, 20, 30, 15, 123, time.FixedZone("Beijing", 8*60*60)),
		NextRefresh:  time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC),
		FetchesToday: 4,
		Rejections:   7,
	}
}

// gone is the status of an account that WeChat does not know.
func gone() token.Status {
	return token.Status{State: token.StateGone, FetchesToday: 1, LastError: &token.Refusal{Code: 40013, Reason: "invalid appid rid: 1-2-3"}}
}

// newRequest returns a request as curl on the same machine sends it.
func newRequest(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, path, body)
	r.Host = "127.0.0.1:8081"
	return r
}

// ask returns the answer to a request with an Authorization header, if that is
// not empty.
func ask(a *Admin, method, path, authorization string) *httptest.ResponseRecorder {
	r := newRequest(method, path, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

// mustAnswer fails the test unless the answer has this status and this JSON, no
// matter how it is indented.
func mustAnswer(t *testing.T, w *httptest.ResponseRecorder, code int, want string) {
	t.Helper()
	if w.Code != code {
		t.Errorf("got status %d; want %d", w.Code, code)
	}
	for name, value := range map[string]string{"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"} {
		if got := w.Header().Get(name); got != value {
			t.Errorf("got %s %q; want %q", name, got, value)
		}
	}
	if got := canonical(t, w.Body.String()); got != canonical(t, want) {
		t.Errorf("got %s; want %s", got, canonical(t, want))
	}
}

// canonical returns JSON with its keys sorted.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func TestHealthIsTheProcessAlone(t *testing.T) {
	a := newAdmin()
	a.Accounts = []Account{account("shop", gone())}
	a.Draining = func() bool { return true }
	mustAnswer(t, ask(a, "GET", "/healthz", ""), http.StatusOK, `{"status":"ok"}`)
}

func TestReadyIsEveryAccountWithAToken(t *testing.T) {
	due := fresh()
	due.State, due.LastError = token.StateDue, errors.New("WeChat is away")
	for name, test := range map[string]struct {
		accounts []Account
		draining bool
		code     int
		want     string
	}{
		"a fresh token": {
			[]Account{account("shop", fresh())}, false, 200, `{"ready":true}`,
		},
		"a token that is due, and a failure to replace it": {
			[]Account{account("shop", fresh()), account("blog", due)}, false, 200, `{"ready":true}`,
		},
		"no token before the first answer": {
			[]Account{account("shop", token.Status{State: token.StateGone})}, false, 503,
			`{"ready":false,"without_token":[{"name":"shop","last_error":null}]}`,
		},
		"no token for one of two": {
			[]Account{account("shop", fresh()), account("blog", gone())}, false, 200,
			`{"ready":true,"without_token":[{"name":"blog","last_error":` + explained(gone()) + `}]}`,
		},
		"draining": {
			[]Account{account("shop", fresh())}, true, 503, `{"ready":false,"draining":true}`,
		},
		"draining without a token": {
			[]Account{account("shop", gone())}, true, 503,
			`{"ready":false,"draining":true,"without_token":[{"name":"shop","last_error":` + explained(gone()) + `}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdmin()
			a.Accounts, a.Draining = test.accounts, func() bool { return test.draining }
			mustAnswer(t, ask(a, "GET", "/readyz", ""), test.code, test.want)
		})
	}
}

func TestReadyzAnswersForOneAccountOrAll(t *testing.T) {
	idle := gone()
	idle.Asleep = true
	accounts := []Account{account("shop", fresh()), account("blog", gone()), account("idle", idle)}
	const yes, without = `{"ready":true}`, `"without_token":[{"name":"blog","last_error":`
	no := `{"ready":false,` + without + explained(gone()) + `}]}`
	for _, row := range []struct {
		query    string
		accounts []Account
		draining bool
		code     int
		want     string
	}{
		{"", accounts, false, 200, `{"ready":true,` + without + explained(gone()) + `}]}`},
		{"", accounts[1:2], false, 503, no},
		{"", accounts[2:], false, 200, yes},
		{"?all=1", accounts, false, 503, no},
		{"?all=1", []Account{accounts[0], accounts[2]}, false, 200, yes},
		{"?all=1", accounts[:1], true, 503, `{"ready":false,"draining":true}`},
		{"?account=shop", accounts, false, 200, yes}, {"?account=wxshop", accounts, false, 200, yes}, {"?account=sh%6Fp&x=y", accounts, false, 200, yes},
		{"?account=idle", accounts, false, 200, yes},
		{"?account=blog", accounts, false, 503, no}, {"?account=wxblog", accounts, false, 503, no},
		{"?account=shop", accounts, true, 503, `{"ready":false,"draining":true}`},
		{"?account=nobody", accounts, false, 404, `{"error":"there is no account of this name"}`},
		{"?account=", accounts, false, 404, `{"error":"there is no account of this name"}`},
		{"?account", accounts, false, 404, `{"error":"there is no account of this name"}`},
		{"?account=Shop", accounts, false, 404, `{"error":"there is no account of this name"}`},
		{"?all=", accounts, false, 400, ""}, {"?all", accounts, false, 400, ""}, {"?all=true", accounts, false, 400, ""}, {"?all=0", accounts, false, 400, ""},
		{"?all=1&all=1", accounts, false, 400, ""}, {"?all=1&account=shop", accounts, false, 400, ""},
		{"?account=shop&account=blog", accounts, false, 400, ""}, {"?account=%zz", accounts, false, 400, ""},
	} {
		a := newAdmin()
		a.Accounts, a.Draining = row.accounts, func() bool { return row.draining }
		w := ask(a, "GET", "/readyz"+row.query, "")
		if row.code == 400 {
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("%s: got %d %s; want 400 in words", row.query, w.Code, w.Body)
			}
			continue
		}
		t.Log(row.query)
		mustAnswer(t, w, row.code, row.want)
		if head := ask(a, "HEAD", "/readyz"+row.query, ""); head.Code != row.code {
			t.Errorf("HEAD: got %d; want %d", head.Code, row.code)
		}
	}
}

// explained returns the JSON of last_error.
func explained(s token.Status) string {
	e := wechat.Explain(s.LastError)
	text, _ := json.Marshal(map[string]any{"errcode": e.Code, "errmsg": e.Reason, "remedy": e.Remedy, "remedy_zh": e.RemedyZH})
	return string(text)
}

func TestStatusTellsAllButSecrets(t *testing.T) {
	a := newAdmin()
	a.Accounts = append(a.Accounts, account("blog", gone()))
	since, reason := time.Date(2026, 11, 20, 12, 30, 15, 0, time.UTC), "connection refused"
	a.ConfigHash = func() string { return "00000000ff01" }
	a.Loaded = func() Loaded { return Loaded{At: since, Tried: since.Add(time.Second)} }
	a.Store = func() Store {
		return Store{Kind: "redis", Address: "redis://10.0.0.5:6379/0", Since: &since, LastError: &reason, Remedy: "have Redis run", NewerRecords: true}
	}
	a.Hosts = func() []Host {
		return []Host{
			{URL: "https://api.weixin.qq.com", State: "down", Since: since, Reason: "connection refused"},
			{URL: "https://api2.weixin.qq.com", State: "up", Since: since},
		}
	}
	mustAnswer(t, ask(a, "GET", "/status", ""), http.StatusOK, `{
		"version": "v1.2.3", "uptime": 90, "requests_in_flight": 3, "failures": {}, "clients": [{"name": "", "requests": 0, "failures": {}}],
		"config": {"hash":"00000000ff01","loaded_at":"2026-11-20T12:30:15Z","last_reload":{"at":"2026-11-20T12:30:16Z","successful":false}},
		"store": {"kind":"redis","address":"redis://10.0.0.5:6379/0","up":false,"since":"2026-11-20T12:30:15Z",
			"last_error":"connection refused","remedy":"have Redis run","newer_records":true},
		"upstream": [
			{"url":"https://api.weixin.qq.com","state":"down","since":"2026-11-20T12:30:15Z","reason":"connection refused"},
			{"url":"https://api2.weixin.qq.com","state":"up","since":"2026-11-20T12:30:15Z"}],
		"accounts": [
			{"name":"shop","app_id":"wxshop","state":"fresh","expires_in":3600,
			 "refreshed_at":"2026-11-20T12:30:15Z","next_refresh":"2026-11-20T22:00:00Z",
			 "token_fetches_today":4,"rejections":7,"last_error":null},
			{"name":"blog","app_id":"wxblog","state":"gone","expires_in":0,
			 "refreshed_at":null,"next_refresh":null,
			 "token_fetches_today":1,"rejections":0,"last_error":`+explained(gone())+`}]}`)
}

// withTickets returns an account with a token and a good ticket, and one that WeChat
// refuses.
func withTickets() Account {
	a, refused := account("shop", fresh()), &token.Refusal{Code: 48001, Reason: "api unauthorized rid: 1", Ticket: true}
	a.Tickets = func() []token.TicketStatus {
		return []token.TicketStatus{
			{Type: "jsapi", Status: token.Status{State: token.StateFresh, Expires: time.Now().Add(90*time.Minute + time.Second/2)}},
			{Type: "wx_card", Status: token.Status{State: token.StateGone, LastError: refused, Issuer: wechat.NewIssuer()}},
		}
	}
	return a
}

func TestStatusTellsHowTicketsAre(t *testing.T) {
	a := newAdmin()
	a.Accounts = []Account{withTickets()}
	var got struct {
		Accounts []struct {
			LastError any `json:"last_error"`
			Tickets   []struct {
				Type      string
				ExpiresIn int `json:"expires_in"`
				LastError *struct {
					Errcode        int
					Errmsg, Remedy string
					RemedyZH       string `json:"remedy_zh"`
				} `json:"last_error"`
			}
		}
	}
	if err := json.Unmarshal(ask(a, "GET", "/status", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	tickets := got.Accounts[0].Tickets
	if len(tickets) != 2 || got.Accounts[0].LastError != nil {
		t.Fatalf("got %+v; want two tickets, and no error of the token", got)
	}
	if jsapi := tickets[0]; jsapi.Type != "jsapi" || jsapi.ExpiresIn != 5400 || jsapi.LastError != nil {
		t.Errorf("got %+v; want jsapi with 5400 s and no error", jsapi)
	}
	card := tickets[1]
	if card.Type != "wx_card" || card.ExpiresIn != 0 || card.LastError == nil || card.LastError.Errcode != 48001 {
		t.Fatalf("got %+v; want wx_card without a ticket, refused with 48001", card)
	}
	if e := card.LastError; !strings.Contains(e.Remedy, "JS-SDK") || strings.Contains(e.Remedy+e.RemedyZH, "token_api") || !strings.Contains(e.RemedyZH, "JS-SDK") {
		t.Errorf("got %+v; want the remedy of getticket", e)
	}
}

func TestALifeOfLessThanASecondIsNotToldAsNone(t *testing.T) {
	a := newAdmin()
	s := fresh()
	s.Expires = time.Now().Add(time.Hour)
	for life, want := range map[time.Duration]string{time.Millisecond: `1`, 999 * time.Millisecond: `1`, 1999 * time.Millisecond: `1`, 7199*time.Second + 1: `7199`} {
		one := account("shop", s)
		one.Lend = func(time.Duration) (string, time.Duration, error) { return "a-token", life, nil }
		a.Accounts, a.Key = []Account{one}, secret.New(key)
		if got := ask(a, "GET", "/accounts/shop/token", "Bearer "+key).Body.String(); !strings.Contains(got, `"expires_in": `+want+"\n") {
			t.Errorf("%v: got %s; want %s", life, got, want)
		}
	}
}

func TestStatusOfAnExpiredTokenHasNoTimeLeft(t *testing.T) {
	a := newAdmin()
	s := fresh()
	s.State, s.Expires = token.StateGone, time.Now().Add(-time.Hour)
	a.Accounts = []Account{account("shop", s)}
	if got := ask(a, "GET", "/status", "").Body.String(); !strings.Contains(got, `"expires_in": 0,`) {
		t.Errorf("got %s; want 0 seconds left", got)
	}
}

func TestStatusWithoutAccountsIsAnEmptyList(t *testing.T) {
	a := newAdmin()
	a.Accounts = nil
	if got := ask(a, "GET", "/status", "").Body.String(); !strings.Contains(got, `"accounts": [],`) {
		t.Errorf("got %s; want an empty list", got)
	}
}

func TestRemediesAreWrittenAsTheyAre(t *testing.T) {
	a := newAdmin()
	a.Accounts = []Account{account("shop", token.Status{State: token.StateGone, LastError: &token.Refusal{Code: 40164, Reason: "invalid ip 203.0.113.7 <&>"}})}
	got := ask(a, "GET", "/status", "").Body.String()
	for _, want := range []string{"invalid ip 203.0.113.7 <&>", "put 203.0.113.7 on the IP allow-list", "白名单"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s; want %q in it", got, want)
		}
	}
}

func TestBeyondLoopbackOnlyHealthAndReadinessAreFree(t *testing.T) {
	for name, test := range map[string]struct {
		public        bool
		key           string
		authorization string
		want          int // for /status
	}{
		"on loopback without any key":         {false, "", "", 200},
		"on loopback with a key configured":   {false, key, "", 200},
		"on loopback with a wrong key":        {false, key, "Bearer wrong", 200},
		"beyond it, without the key":          {true, key, "", 401},
		"beyond it, with a wrong key":         {true, key, "Bearer wrong", 401},
		"beyond it, with a part of the key":   {true, key, "Bearer " + key[:5], 401},
		"beyond it, with an empty key":        {true, key, "Bearer ", 401},
		"beyond it, with another scheme":      {true, key, "Basic " + key, 401},
		"beyond it, without a scheme":         {true, key, key, 401},
		"beyond it, with the key":             {true, key, "Bearer " + key, 200},
		"beyond it, in other letters":         {true, key, "bearer  " + key, 200},
		"beyond it, when there is no key":     {true, "", "", 401},
		"beyond it, an empty key for no key":  {true, "", "Bearer ", 401},
		"beyond it, some key when there none": {true, "", "Bearer x", 401},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdmin()
			a.Public, a.Key = test.public, secret.New(test.key)
			w := ask(a, "GET", "/status", test.authorization)
			if w.Code != test.want || test.want == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("/status: got %d, %v; want %d", w.Code, w.Header(), test.want)
			}
			if test.want == 401 {
				mustAnswer(t, w, 401, `{"error":"send the header \"Authorization: Bearer KEY\" with admin.key"}`)
			}
			if strings.Contains(w.Body.String(), key) || strings.Contains(w.Body.String(), "wxshop") != (test.want == 200) {
				t.Errorf("/status: got %s", w.Body)
			}
			if w := ask(a, "GET", "/metrics", test.authorization); w.Code != test.want || strings.Contains(w.Body.String(), "wxshop") != (test.want == 200) {
				t.Errorf("/metrics: got %d %s; want %d", w.Code, w.Body, test.want)
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				if w := ask(a, "GET", path, test.authorization); w.Code != 200 {
					t.Errorf("%s: got %d; want 200", path, w.Code)
				}
			}
		})
	}
}

func TestOnlyKnownPagesCanOnlyBeRead(t *testing.T) {
	a := newAdmin()
	for request, want := range map[[2]string]int{
		{"HEAD", "/readyz"}:                 http.StatusOK,
		{"HEAD", "/status"}:                 http.StatusOK,
		{"POST", "/status"}:                 http.StatusMethodNotAllowed,
		{"DELETE", "/healthz"}:              http.StatusMethodNotAllowed,
		{"GET", "/status/"}:                 http.StatusNotFound,
		{"GET", "/metrics"}:                 http.StatusOK,
		{"POST", "/metrics"}:                http.StatusMethodNotAllowed,
		{"POST", "/debug/pprof/symbol"}:     http.StatusMethodNotAllowed,
		{"GET", "/accounts/shop/refresh"}:   http.StatusMethodNotAllowed,
		{"POST", "/accounts/shop/token"}:    http.StatusMethodNotAllowed,
		{"GET", "/accounts/shop"}:           http.StatusNotFound,
		{"GET", "/accounts/shop/token"}:     http.StatusForbidden,
		{"GET", "/cgi-bin/user/info"}:       http.StatusNotFound,
		{"POST", "/cgi-bin/stable_token"}:   http.StatusNotFound,
		{"POST", "/accounts/shop/refresh"}:  http.StatusOK,
		{"POST", "/accounts/blog/refresh"}:  http.StatusNotFound,
		{"GET", "/../status?access_token="}: http.StatusTemporaryRedirect,
	} {
		if w := ask(a, request[0], request[1], ""); w.Code != want {
			t.Errorf("%v: got %d; want %d", request, w.Code, want)
		}
	}
}

// A page at http://evil.example:8081, which leads to 127.0.0.1, is of the same
// origin as what it asks for.
func TestAHostThatIsNoAddressTakesTheKey(t *testing.T) {
	for name, test := range map[string]struct {
		host, key, authorization string
		socket                   bool
		read, change             int
	}{
		"an address":                            {host: "127.0.0.1:8081", read: 200, change: 200},
		"an address without a port":             {host: "127.0.0.1", read: 200, change: 200},
		"an address of IPv6":                    {host: "[::1]:8081", read: 200, change: 200},
		"an address of IPv6 without a port":     {host: "[::1]", read: 200, change: 200},
		"localhost":                             {host: "localhost:8081", read: 200, change: 200},
		"localhost in other letters":            {host: "LocalHost", read: 200, change: 200},
		"another name":                          {host: "evil.example:8081", read: 403, change: 403},
		"another name without a port":           {host: "evil.example", read: 403, change: 403},
		"a name that begins like an address":    {host: "127.0.0.1.evil.example:8081", read: 403, change: 403},
		"a name below localhost":                {host: "localhost.evil.example", read: 403, change: 403},
		"no name":                               {host: "", read: 403, change: 403},
		"a name on a unix socket":               {host: "wxproxy", socket: true, read: 200, change: 200},
		"an address, with a key configured":     {host: "127.0.0.1:8081", key: key, read: 200, change: 401},
		"another name, with a key configured":   {host: "evil.example:8081", key: key, read: 401, change: 401},
		"another name, and a wrong key":         {host: "evil.example:8081", key: key, authorization: "Bearer x", read: 401, change: 401},
		"another name, and the key":             {host: "wxproxy.internal", key: key, authorization: "Bearer " + key, read: 200, change: 200},
		"another name, and a key where none is": {host: "evil.example:8081", authorization: "Bearer ", read: 403, change: 403},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdmin()
			a.Key, a.Socket, a.Reload = secret.New(test.key), test.socket, func() (Changes, error) { return Changes{}, nil }
			for request, want := range map[[2]string]int{
				{"GET", "/"}: test.read, {"GET", "/status"}: test.read, {"GET", "/metrics"}: test.read,
				{"POST", "/reload"}: test.change, {"POST", "/accounts/shop/refresh"}: test.change,
				{"GET", "/healthz"}: 200, {"GET", "/readyz"}: 200,
			} {
				r, w := httptest.NewRequest(request[0], request[1], nil), httptest.NewRecorder()
				r.Host = test.host
				r.Header.Set("Origin", "http://"+test.host)
				r.Header.Set("Authorization", test.authorization)
				a.Handler().ServeHTTP(w, r)
				if w.Code != want || want != 200 && strings.Contains(w.Body.String(), "wxshop") {
					t.Errorf("%v: got %d %s; want %d", request, w.Code, w.Body, want)
				}
				if want == 403 && (!strings.Contains(w.Body.String(), "DNS rebinding") || !strings.Contains(w.Body.String(), "admin.key")) {
					t.Errorf("%v: got %s; want why, and what lifts it", request, w.Body)
				}
			}
		})
	}
}

// A reason that WeChat gives can name this machine's public address.
func TestStrangersLearnFromReadyzWhetherAndNotWhy(t *testing.T) {
	const reason = "invalid ip 203.0.113.7, not in whitelist"
	blocked := gone()
	blocked.LastError = &token.Refusal{Code: 40164, Reason: reason}
	for name, row := range map[string]struct {
		public, socket      bool
		host, authorization string
		told                bool
	}{
		"on loopback":             {host: "127.0.0.1:8081", told: true},
		"on a unix socket":        {host: "x", socket: true, told: true},
		"a name (DNS rebinding)":  {host: "evil.example"},
		"beyond loopback":         {host: "10.0.0.1:8081", public: true},
		"a wrong key":             {host: "10.0.0.1:8081", public: true, authorization: "Bearer wrong"},
		"the key":                 {host: "10.0.0.1:8081", public: true, authorization: "Bearer " + key, told: true},
		"the key, under any name": {host: "evil.example", authorization: "Bearer " + key, told: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAdmin()
			a.Key, a.Public, a.Socket, a.Accounts = secret.New(key), row.public, row.socket, []Account{account("shop", blocked)}
			for _, query := range []string{"", "?all=1", "?account=shop", "?account=wxshop"} {
				r, w := httptest.NewRequest("GET", "/readyz"+query, nil), httptest.NewRecorder()
				r.Host = row.host
				r.Header.Set("Authorization", row.authorization)
				a.Handler().ServeHTTP(w, r)
				body := w.Body.String()
				if w.Code != 503 || !strings.Contains(body, `"ready": false`) {
					t.Errorf("%s: got %d %s; want 503", query, w.Code, body)
				}
				if strings.Contains(body, reason) != row.told || strings.Contains(body, "shop") != row.told {
					t.Errorf("%s: got %s; want the reason: %v", query, body, row.told)
				}
			}
		})
	}
}

func TestStatusAndPageTellWhyRequestsFailed(t *testing.T) {
	a := newAdmin()
	a.Clients = []Client{{Name: "orders"}, {Name: "idle"}}
	a.Counted = func() *traffic.Snapshot {
		return &traffic.Snapshot{
			Requests: []traffic.RequestCount{{Client: "orders", Account: "shop", Status: 200, N: 90}, {Client: "orders", Account: "shop", Status: 403, N: 7}, {Status: 401, N: 5}},
			Failures: []traffic.FailureCount{
				{Client: "orders", Reason: "forbidden_path", N: 6}, {Client: "orders", Reason: "too_many_requests", N: 1}, {Client: "orders", Reason: "40125", N: 2},
				{Reason: "unauthenticated", N: 5}, {Reason: "forbidden_path", N: 1}, {Reason: traffic.OtherReason, N: 3}, {Reason: "new_slug", N: 4},
			},
		}
	}
	var got struct {
		Failures map[string]int
		Clients  []struct {
			Name     string
			Requests int
			Failures map[string]int
		}
	}
	if err := json.Unmarshal(ask(a, "GET", "/status", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if f := got.Failures; f["forbidden_path"] != 7 || f["too_many_requests"] != 1 || f["unauthenticated"] != 5 || f["40125"] != 2 || len(f) != 6 {
		t.Errorf("got %v", f)
	}
	c := got.Clients
	if len(c) != 3 || c[0].Name != "orders" || c[0].Requests != 97 || c[0].Failures["forbidden_path"] != 6 || c[1].Failures == nil || c[2].Name != "" || c[2].Requests != 5 || c[2].Failures["unauthenticated"] != 5 {
		t.Errorf("got %+v", c)
	}
	mustShow(t, open(t, a, "/"), "<small>path not allowed ×&#8239;6</small>", "<small>errcode 40125 ×&#8239;2</small>", "<small>too many requests ×&#8239;1</small>",
		"<small>no key or a wrong one ×&#8239;5</small>", "<small>new_slug ×&#8239;4</small>", "<small>other ×&#8239;3</small>")
	mustShow(t, open(t, a, "/?lang=zh"), "<small>无权调用该接口 ×&#8239;6</small>", "<small>错误码 40125 ×&#8239;2</small>", "<small>密钥缺失或错误 ×&#8239;5</small>")
}

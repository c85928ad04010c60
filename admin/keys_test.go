package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxproxy/internal/secret"
)

// The key and the one before open everything, the key for reading what only reads, and
// none of the three is resisted as if somebody guessed.
func TestEachKeyOpensWhatItIsFor(t *testing.T) {
	const old, read = "the-key-before-it", "the-key-for-reading"
	for _, row := range []struct {
		method, path      string
		public            bool
		key, read, strays int // statuses: for the key and the old one, the read key, and none
	}{
		{"GET", "/status", true, 200, 200, 401},
		{"GET", "/metrics", true, 200, 200, 401},
		{"GET", "/", true, 200, 200, 401},
		{"GET", "/page.js", true, 200, 200, 401},
		{"GET", "/readyz", true, 200, 200, 200},
		{"POST", "/reload", true, 200, 403, 401},
		{"POST", "/accounts/shop/refresh", true, 200, 403, 401},
		{"GET", "/accounts/shop/token", true, 200, 403, 401},
		{"GET", "/debug/pprof/cmdline", true, 200, 403, 401},
		{"GET", "/status", false, 200, 200, 200},
		{"POST", "/reload", false, 200, 403, 401},
		{"POST", "/accounts/shop/refresh", false, 200, 403, 401},
		{"GET", "/accounts/shop/token", false, 200, 403, 401},
		{"GET", "/debug/pprof/cmdline", false, 200, 403, 401},
	} {
		a := newAdmin()
		a.Key, a.KeyOld, a.ReadKey, a.Public = secret.New(key), secret.New(old), secret.New(read), row.public
		a.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
		a.Reload = func() (Changes, error) { return Changes{}, nil }
		a.WrongKey = func(*http.Request) { t.Errorf("%s %s: a good key was resisted", row.method, row.path) }
		handler := a.Handler()
		for authorization, want := range map[string]int{"Bearer " + key: row.key, "Bearer " + old: row.key, "Bearer " + read: row.read, "": row.strays} {
			r, w := httptest.NewRequest(row.method, row.path, nil), httptest.NewRecorder()
			r.Host = "127.0.0.1:8081"
			r.Header.Set("Authorization", authorization)
			handler.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s %s, public %v, %q: got %d %s; want %d", row.method, row.path, row.public, authorization, w.Code, w.Body, want)
			}
		}
	}
}

// A browser shows the key for reading as a password.
func TestTheKeyForReadingOpensThePage(t *testing.T) {
	const read = "the-key-for-reading"
	a := newAdmin()
	a.Key, a.ReadKey, a.Public = secret.New(key), secret.New(read), true
	if w := ask(a, "GET", "/", basicWith(read)); w.Code != http.StatusOK {
		t.Errorf("got %d; want the page", w.Code)
	}
	if w := ask(a, "GET", "/accounts/shop/token", basicWith(read)); w.Code != http.StatusUnauthorized {
		t.Errorf("a token: got %d; want 401", w.Code)
	}
}

// Without admin.key, what changes something is free on loopback; the key for reading
// opens what a name asks for.
func TestAKeyForReadingAloneClosesNothing(t *testing.T) {
	const read = "the-key-for-reading"
	a := newAdmin()
	a.ReadKey, a.Reload = secret.New(read), func() (Changes, error) { return Changes{}, nil }
	for _, row := range []struct {
		host, method, path, authorization string
		want                              int
	}{
		{"127.0.0.1:8081", "POST", "/reload", "", 200},
		{"127.0.0.1:8081", "GET", "/accounts/shop/token", "Bearer " + read, 403},
		{"wxproxy.internal", "GET", "/status", "Bearer " + read, 200},
		{"wxproxy.internal", "GET", "/status", "", 401},
		{"wxproxy.internal", "POST", "/reload", "Bearer " + read, 403},
	} {
		r, w := httptest.NewRequest(row.method, row.path, nil), httptest.NewRecorder()
		r.Host = row.host
		r.Header.Set("Authorization", row.authorization)
		a.Handler().ServeHTTP(w, r)
		if w.Code != row.want {
			t.Errorf("%+v: got %d %s", row, w.Code, w.Body)
		}
	}
}

// Who may do with the key for reading is told so.
func TestARefusalNamesTheKeysThatWillDo(t *testing.T) {
	full, reading := secret.New(key), secret.New("read-"+key)
	for _, row := range []struct {
		key, readKey secret.Secret
		path, want   string
	}{
		{full, secret.Secret{}, "GET /status", "admin.key"},
		{full, reading, "GET /status", "admin.key or admin.read_key"},
		{secret.Secret{}, reading, "GET /metrics", "admin.read_key"},
		{full, reading, "POST /reload", "admin.key"},
	} {
		a := newAdmin()
		a.Public, a.Key, a.ReadKey = true, row.key, row.readKey
		method, path, _ := strings.Cut(row.path, " ")
		mustAnswer(t, ask(a, method, path, ""), 401, `{"error":"send the header \"Authorization: Bearer KEY\" with `+row.want+`"}`)
	}
}

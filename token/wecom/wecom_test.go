package wecom

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/store"
)

// fakeWeCom issues tokens as gettoken does: it repeats one until that is over or revoked.
type fakeWeCom struct {
	mu       sync.Mutex
	secrets  map[string]string // by corp id
	errcode  int               // answered by gettoken whatever is asked; 0: none
	prolongs bool              // a token that is repeated has a whole life each time
	holds    time.Duration     // how long an answer takes
	stubborn bool              // a token that is dead is repeated all the same
	trusted  bool              // APIs are open to this address

	issued  int
	current string
	ends    time.Time
	dead    bool
	asked   []time.Time // when gettoken was
	wrong   int         // secrets
	most    int         // questions at a time
	now     int
	tickets []string // the targets without the token
}

func newFake() *fakeWeCom {
	return &fakeWeCom{secrets: map[string]string{"ww1": "right"}, trusted: true}
}

func (w *fakeWeCom) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.now++
	w.most = max(w.most, w.now)
	body, holds := w.answer(req), w.holds
	w.mu.Unlock()
	if holds > 0 {
		select {
		case <-time.After(holds):
		case <-req.Context().Done():
		}
	}
	w.mu.Lock()
	w.now--
	w.mu.Unlock()
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
}

func (w *fakeWeCom) answer(req *http.Request) string {
	query, now := req.URL.Query(), time.Now()
	refusal := func(code int, text string) string {
		return fmt.Sprintf(`{"errcode":%d,"errmsg":"%s, hint: [1614140502_160_3d52], from ip: 203.0.113.7, more info at https://open.work.weixin.qq.com/devtool/query?e=%d"}`, code, text, code)
	}
	switch path := req.URL.Path; path {
	case "/cgi-bin/gettoken":
		w.asked = append(w.asked, now)
		switch want, known := w.secrets[query.Get("corpid")]; {
		case w.errcode != 0:
			return refusal(w.errcode, "refused")
		case !known:
			w.wrong++
			return refusal(40013, "invalid corpid")
		case query.Get("corpsecret") != want:
			w.wrong++
			return refusal(40001, "invalid credential")
		}
		if !w.stubborn && w.dead || !now.Before(w.ends) {
			w.issued, w.dead, w.ends = w.issued+1, false, now.Add(2*time.Hour)
			w.current = fmt.Sprintf("token-%d", w.issued)
		}
		if w.prolongs {
			w.ends = now.Add(2 * time.Hour)
		}
		return fmt.Sprintf(`{"errcode":0,"errmsg":"ok","access_token":"%s","expires_in":%d}`, w.current, w.ends.Sub(now)/time.Second)
	default:
		if query.Get("access_token") != w.current || w.dead {
			return refusal(42001, "access_token expired")
		}
		query.Del("access_token")
		w.tickets = append(w.tickets, path+"?"+query.Encode())
		switch {
		case strings.Contains(path, "ticket"):
			return `{"errcode":0,"errmsg":"ok","ticket":"ticket-` + query.Get("type") + `","expires_in":7200}`
		case !w.trusted && path != "/cgi-bin/get_api_domain_ip":
			return refusal(60020, "not allow to access from your ip")
		}
		return `{"ip_list":[],"errcode":0,"errmsg":"ok"}`
	}
}

// fetches returns how often gettoken was asked.
func (w *fakeWeCom) fetches() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

func (w *fakeWeCom) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// client returns a Client of the corp ww1 with this secret.
func (w *fakeWeCom) client(g *Guard, corpSecret string) *Client {
	return &Client{
		HTTP: &http.Client{Transport: w}, URL: "https://qyapi.weixin.qq.com", CorpID: "ww1", Key: token.Key{AppID: "ww1.1000002"}, Guard: g,
		Secret: func() (secret.Secret, error) { return secret.New(corpSecret), nil },
	}
}

// keeper returns a Keeper of c's token.
func keeper(c *Client, kept token.Store) *token.Keeper {
	return token.NewKeeper(token.Options{
		Name: "crm", AppID: c.Key.AppID, Fetch: c.Fetch, Probe: c.Probe, SecretChanged: c.SecretChanged, Issuer: NewIssuer(), Store: kept,
	})
}

func guard(s token.PlatformStore) *Guard { return NewGuard(s, slog.New(slog.DiscardHandler)) }

func wantFetches(t *testing.T, w *fakeWeCom, want int) {
	t.Helper()
	if got := w.fetches(); got != want {
		t.Errorf("gettoken was asked %d times; want %d", got, want)
	}
}

func wantToken(t *testing.T, k *token.Keeper, want string) {
	t.Helper()
	if got, err := k.Token(time.Minute); got != want {
		t.Errorf("got %q, %v; want %s", got, err, want)
	}
}

// stores are those that outlive a Guard.
func stores(t *testing.T) map[string]token.PlatformStore {
	files, err := store.NewFile(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]token.PlatformStore{"memory": store.NewMemory(), "files": files}
}

func fetch(c *Client) error {
	_, err := c.Fetch(context.Background())
	return err
}

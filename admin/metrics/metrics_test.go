package metrics

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/valyala/fasthttp"

	"wxproxy/accountkind"
	"wxproxy/proxy"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// An answerer answers with one errcode after the other.
type answerer struct{ errcodes []int }

func (u *answerer) Send(_ *upstream.Message, resp *fasthttp.Response) error {
	resp.SetBodyString(fmt.Sprintf(`{"errcode":%d}`, u.errcodes[0]))
	u.errcodes = u.errcodes[1:]
	return nil
}

// tokens has another one for a refused token.
type tokens struct{}

func (tokens) Token(time.Duration) (string, error)           { return "old", nil }
func (tokens) Replace(string, time.Duration) (string, error) { return "new", nil }

// counted returns what was counted of some calls.
func counted(t *testing.T) *traffic.Counts {
	t.Helper()
	c := traffic.NewCounts()
	kind := &proxy.Kind{Table: &accountkind.WeChat, Upstream: &answerer{errcodes: []int{0, 40001, 0, 45009, 1 << 30}}, TokenErrcodes: []int{40001}}
	p := proxy.New(proxy.Config{
		Accounts: []proxy.Account{{Name: "shop", AppID: "wx1", Kind: kind, Tokens: tokens{}}},
		Counts:   c,
		Log:      slog.New(slog.DiscardHandler),
	})
	for _, target := range []string{"/p", "/p", "/p", "/p", "/@evil/p"} {
		ctx := new(fasthttp.RequestCtx)
		ctx.Init(new(fasthttp.Request), nil, nil)
		if err := ctx.Request.Read(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"))); err != nil {
			t.Fatal(err)
		}
		p.Handler().Handle(ctx, math.MaxInt64)
	}
	return c
}

var moment = time.UnixMilli(1_800_000_000_500)

func sources(t *testing.T) Sources {
	account := func(name string, s token.Status, fetches ...token.FetchCount) Account {
		return Account{Name: name, Status: func() token.Status { return s }, Fetches: func() []token.FetchCount { return fetches },
			Denials: func() []token.DenialCount {
				if name != "shop" {
					return nil
				}
				return []token.DenialCount{{Errcode: 40164, N: 2}}
			}}
	}
	return Sources{
		Certificates: map[string]time.Time{"proxy.tls_cert": moment},

		Counts:    counted(t),
		InFlight:  func() int { return 3 },
		LinesLost: func() uint64 { return 4 },
		Build:     Build{"v1.2.3", "c0ffee"}, ConfigHash: func() string { return "00000000ff01" },
		Loaded: func() Loaded { return Loaded{At: moment, Successful: true} },
		Store: func() Store {
			return Store{Up: true, Counts: []tally.Count{{Operation: "load"}, {Operation: "save", Errors: 2, Total: 3 * time.Second, Classes: [7]uint64{1, 0, 4, 0, 0, 0, 2}}}}
		},
		Connections: func() (int, int) { return 5, 7 },
		Hosts: func() []upstream.HostState {
			return []upstream.HostState{{URL: "https://one.example", Failures: upstream.Failures{upstream.FailedByCut: 3}}, {URL: "https://two.example", Down: true, Reason: "refused"},
				{URL: "https://three.example:8443", Down: true, Failures: upstream.Failures{upstream.FailedByTimeout: 2}}, {URL: "http://three.example:8443", Failures: upstream.Failures{upstream.FailedByTimeout: 1}}}
		},
		Accounts: func() []Account {
			return []Account{
				account("shop", token.Status{State: token.StateFresh, Expires: moment},
					token.FetchCount{Reason: "start", Outcome: token.FetchSucceeded, N: 1}, token.FetchCount{Reason: "due", Outcome: "transient", N: 2}),
				account("blog", token.Status{State: token.StateGone, Expires: moment, LastError: errors.New("secret")}),
				account("attic", token.Status{State: token.StateGone, Asleep: true, Expires: moment}),
			}
		},
	}
}

// scrape returns the text and what it says.
func scrape(t *testing.T, s Sources) (string, map[string]*dto.MetricFamily) {
	t.Helper()
	w := httptest.NewRecorder()
	NewHandler(s, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil || w.Code != 200 {
		t.Fatalf("got %d, %v: %s", w.Code, err, text)
	}
	return text, families
}

func TestMetricsSayWhatIsCounted(t *testing.T) {
	text, families := scrape(t, sources(t))
	want := `wxproxy_api_failures_total{errcode="45009",kind="wechat",path="other"} 1
wxproxy_api_failures_total{errcode="other",kind="wechat",path="other"} 1
wxproxy_api_requests_total{kind="wechat",path="other"} 4
wxproxy_build_info{commit="c0ffee",goversion="` + runtime.Version() + `",version="v1.2.3"} 1
wxproxy_certificate_expiry_timestamp_seconds{setting="proxy.tls_cert"} 1.8e+09
wxproxy_config_hash{hash="00000000ff01"} 65281
wxproxy_config_last_reload_success_timestamp_seconds 1.8000000005e+09
wxproxy_config_last_reload_successful 1
wxproxy_log_lines_dropped_total 4
wxproxy_request_duration_seconds_count 5
wxproxy_requests_in_flight 3
wxproxy_requests_total{account="",client="",status="404"} 1
wxproxy_requests_total{account="shop",client="",status="200"} 4
wxproxy_retries_total{account="shop",errcode="40001",outcome="accepted"} 1
wxproxy_secret_refusals_total{account="shop",errcode="40164"} 2
wxproxy_store_duration_seconds_count{operation="load"} 0
wxproxy_store_duration_seconds_count{operation="save"} 7
wxproxy_store_errors_total{operation="load"} 0
wxproxy_store_errors_total{operation="save"} 2
wxproxy_store_up 1
wxproxy_token_expiry_timestamp_seconds{account="blog"} 0
wxproxy_token_expiry_timestamp_seconds{account="shop"} 1.8000000005e+09
wxproxy_token_fetches_total{account="shop",outcome="success",reason="start"} 1
wxproxy_token_fetches_total{account="shop",outcome="transient",reason="due"} 2
wxproxy_upstream_connections{state="active"} 5
wxproxy_upstream_connections{state="idle"} 7
wxproxy_upstream_errcodes_total{account="shop",errcode="40001"} 1
wxproxy_upstream_errcodes_total{account="shop",errcode="45009"} 1
wxproxy_upstream_errcodes_total{account="shop",errcode="other"} 1
wxproxy_upstream_failures_total{host="one.example",reason="broken"} 3
wxproxy_upstream_failures_total{host="one.example",reason="timeout"} 0
wxproxy_upstream_failures_total{host="one.example",reason="unreachable"} 0
wxproxy_upstream_failures_total{host="three.example:8443",reason="broken"} 0
wxproxy_upstream_failures_total{host="three.example:8443",reason="timeout"} 3
wxproxy_upstream_failures_total{host="three.example:8443",reason="unreachable"} 0
wxproxy_upstream_failures_total{host="two.example",reason="broken"} 0
wxproxy_upstream_failures_total{host="two.example",reason="timeout"} 0
wxproxy_upstream_failures_total{host="two.example",reason="unreachable"} 0
wxproxy_upstream_up{host="one.example"} 1
wxproxy_upstream_up{host="three.example:8443"} 1
wxproxy_upstream_up{host="two.example"} 0
`
	got := ""
	for _, line := range slices.Sorted(strings.Lines(text)) {
		zero := strings.Contains(line, "{account=") && strings.Contains(line, "_total{") && strings.HasSuffix(line, " 0\n")
		if !zero && strings.HasPrefix(line, "wxproxy_") && !strings.Contains(line, "_duration_seconds_bucket") && !strings.Contains(line, "_duration_seconds_sum") {
			got += line
		}
	}
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	h := families["wxproxy_request_duration_seconds"].GetMetric()[0].GetHistogram()
	buckets := h.GetBucket()
	if len(buckets) != len(traffic.DurationBounds)+1 || buckets[0].GetUpperBound() != 0.005 || buckets[len(buckets)-1].GetCumulativeCount() != 5 {
		t.Errorf("got the histogram %v", h)
	}
	saves := families["wxproxy_store_duration_seconds"].GetMetric()[1].GetHistogram()
	if b := saves.GetBucket(); saves.GetSampleSum() != 3 || len(b) != len(tally.Bounds)+1 || b[2].GetUpperBound() != 0.025 || b[2].GetCumulativeCount() != 5 || b[5].GetCumulativeCount() != 5 {
		t.Errorf("got the histogram %v of saves", saves)
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_start_time_seconds"} {
		if families[name] == nil {
			t.Errorf("got no %s", name)
		}
	}
}

// An alert looks for a rise, which a counter that begins with 1 does not show.
func TestWhatAlertsLookForIsThereBeforeItHappens(t *testing.T) {
	s := sources(t)
	s.Clients = []string{"orders"}
	text, _ := scrape(t, s)
	for _, want := range []string{
		`requests_total{account="",client="",status="401"} 0`,
		`requests_total{account="",client="orders",status="429"} 0`,
		`requests_total{account="blog",client="",status="503"} 0`,
		`upstream_errcodes_total{account="blog",errcode="45009"} 0`,
		`upstream_errcodes_total{account="shop",errcode="45009"} 1`,
		`retries_total{account="blog",errcode="40001",outcome="in_vain"} 0`,
		`retries_total{account="shop",errcode="40001",outcome="accepted"} 1`,
		`secret_refusals_total{account="blog",errcode="40125"} 0`,
		`secret_refusals_total{account="shop",errcode="40164"} 2`,
		`token_fetches_total{account="shop",outcome="success",reason="start"} 1`,
		`token_fetches_total{account="blog",outcome="configuration",reason="due"} 0`,
		`token_fetches_total{account="shop",outcome="quota",reason="start"} 0`,
	} {
		if strings.Count(text, "\nwxproxy_"+want+"\n") != 1 {
			t.Errorf("got not once %s", want)
		}
	}
	account := s.Accounts()[0]
	s.Accounts = func() (many []Account) {
		for i := range maxZeros + 1 {
			account.Name = fmt.Sprint("account-", i)
			many = append(many, account)
		}
		return many
	}
	if text, _ = scrape(t, s); strings.Contains(text, `outcome="quota"`) {
		t.Errorf("with %d accounts: got series that are 0", maxZeros+1)
	}
}

// A fetch that ends while somebody scrapes is told of once, and the scrape does not fail.
func TestWhatHappensDuringAScrapeIsToldOnce(t *testing.T) {
	s := sources(t)
	account, asked := s.Accounts()[0], 0
	account.Fetches = func() []token.FetchCount {
		if asked++; asked == 1 {
			return nil
		}
		return []token.FetchCount{{Reason: "due", Outcome: "success", N: 1}}
	}
	s.Accounts = func() []Account { return []Account{account} }
	for _, want := range []string{"0", "1"} {
		line := "\nwxproxy_token_fetches_total{account=\"" + account.Name + "\",outcome=\"success\",reason=\"due\"} " + want + "\n"
		if text, _ := scrape(t, s); strings.Count(text, line) != 1 {
			t.Errorf("got not once %s", line)
		}
	}
}

func TestOnlySomeMayReadAtATime(t *testing.T) {
	s := sources(t)
	in, wait := make(chan bool), make(chan bool)
	s.InFlight = func() int {
		in <- true
		<-wait
		return 0
	}
	h := NewHandler(s, slog.New(slog.DiscardHandler))
	ended := make(chan int)
	read := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		ended <- w.Code
	}
	for range maxScrapes {
		go read()
		<-in
	}
	go read()
	if code := <-ended; code != 503 {
		t.Errorf("got %d; want 503", code)
	}
	close(wait)
	for range maxScrapes {
		if code := <-ended; code != 200 {
			t.Errorf("got %d; want 200", code)
		}
	}
}

func BenchmarkScrape10000Accounts(b *testing.B) {
	s := Sources{Counts: traffic.NewCounts(), InFlight: func() int { return 0 }, Connections: func() (int, int) { return 0, 0 }, Hosts: func() []upstream.HostState { return nil },
		LinesLost: func() uint64 { return 0 }, Loaded: func() Loaded { return Loaded{} }, Store: func() Store { return Store{Up: true} }}
	status, fetches := token.Status{State: token.StateFresh, Expires: moment}, []token.FetchCount{{Reason: "start", Outcome: "success", N: 1}}
	s.Accounts = func() (accounts []Account) {
		for i := range 10_000 {
			accounts = append(accounts, Account{Name: fmt.Sprint("account-", i), Status: func() token.Status { return status },
				Fetches: func() []token.FetchCount { return fetches }, Denials: func() []token.DenialCount { return nil }})
		}
		return accounts
	}
	h := NewHandler(s, slog.New(slog.DiscardHandler))
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip") // as Prometheus does
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

// A fetch that ends while an answer is made is in it once.
func TestWhatIsCountedMeanwhileIsToldOnce(t *testing.T) {
	s := sources(t)
	n, a := uint64(0), s.Accounts()[0]
	s.Accounts = func() []Account {
		a.Fetches = func() []token.FetchCount {
			if n++; n == 1 {
				return nil
			}
			return []token.FetchCount{{Reason: "start", Outcome: "success", N: n}}
		}
		return []Account{a}
	}
	scrape(t, s)
}

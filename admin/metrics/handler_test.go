package metrics

import (
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"wxproxy/token"
)

// ask returns what /metrics answers, unpacked, and how it was packed.
func ask(t *testing.T, s Sources, query string, accepts ...string) (body, packed string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics"+query, nil)
	r.Header["Accept-Encoding"] = accepts
	w := httptest.NewRecorder()
	h := NewHandler(s, slog.New(slog.DiscardHandler))
	h.ServeHTTP(httptest.NewRecorder(), r) // its packer is used again
	h.ServeHTTP(w, r)
	in, packed := io.Reader(w.Body), w.Header().Get("Content-Encoding")
	if packed != "" {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		in = unpacked
	}
	all, err := io.ReadAll(in)
	if err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("got %d, %v, %v; want the text", w.Code, w.Header(), err)
	}
	return string(all), packed
}

func TestMetricsArePackedForThoseWhoTakeThatOnly(t *testing.T) {
	for _, row := range []struct {
		accepts []string
		want    string
	}{
		{nil, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"zstd, GZIP;q=0.5"}, "gzip"},
		{[]string{"br", "gzip"}, "gzip"},
		{[]string{"gzip; q=0.00, identity"}, ""},
		{[]string{"identity, x-gzip"}, ""},
	} {
		body, packed := ask(t, sources(t), "", row.accepts...)
		if packed != row.want || !strings.Contains(body, "\nwxproxy_store_up 1\n") || !strings.Contains(body, "\ngo_goroutines ") {
			t.Errorf("%q: got the coding %q and %d bytes; want %q and all metrics", row.accepts, packed, len(body), row.want)
		}
	}
}

func TestAReaderMayWantSomeMetricsOnly(t *testing.T) {
	body, _ := ask(t, sources(t), "?name[]=go_goroutines&name[]=wxproxy_store_up")
	if strings.Count(body, "# TYPE ") != 2 || !strings.Contains(body, "\nwxproxy_store_up 1\n") || !strings.Contains(body, "go_goroutines ") {
		t.Errorf("got %s; want two metrics", body)
	}
}

func TestEverySeriesIsThereOnceAndReadAsItWasMeant(t *testing.T) {
	s := sources(t)
	odd := "a\\b\"c\nd 中文"
	accounts := s.Accounts
	s.Accounts = func() []Account {
		return append(accounts(), Account{Name: odd, Status: func() token.Status { return token.Status{State: token.StateGone, LastError: errors.New("x")} },
			Fetches: func() []token.FetchCount { return nil }, Denials: func() []token.DenialCount { return nil }})
	}
	text, families := scrape(t, s)
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		series := line[:strings.LastIndexByte(line, ' ')]
		if !strings.HasPrefix(line, "#") && seen[series] {
			t.Errorf("got %s twice", series)
		}
		seen[series] = true
	}
	found := false
	for _, m := range families["wxproxy_token_expiry_timestamp_seconds"].GetMetric() {
		found = found || m.GetLabel()[0].GetValue() == odd
	}
	if !found {
		t.Errorf("got no account %q in %s", odd, text)
	}
}

// A failingWriter is the connection of a reader who has left.
type failingWriter struct{ *httptest.ResponseRecorder }

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAReaderWhoLeavesDoesNotSpoilTheNext(t *testing.T) {
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	h := NewHandler(sources(t), slog.New(slog.DiscardHandler))
	for range 2 * maxScrapes {
		h.ServeHTTP(failingWriter{httptest.NewRecorder()}, r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(unpacked); err != nil || !strings.Contains(string(body), "\nwxproxy_store_up 1\n") {
		t.Errorf("got %d bytes, %v; want the metrics", len(body), err)
	}
}

func TestAnAnswerHasNothingOfTheOneBefore(t *testing.T) {
	s := sources(t)
	accounts := s.Accounts
	first := true
	s.Accounts = func() []Account {
		if first {
			first = false
			return accounts()
		}
		return accounts()[1:]
	}
	h := NewHandler(s, slog.New(slog.DiscardHandler))
	for _, want := range []int{1, 0, 0} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if n := strings.Count(w.Body.String(), "\nwxproxy_token_expiry_timestamp_seconds{account=\"shop\"}"); n != want {
			t.Errorf("got the first account %d times; want %d", n, want)
		}
	}
}

// Package metrics tells in Prometheus's words what the proxy has counted and how
// the tokens are. It reads when somebody asks, and costs nothing until then. Labels
// hold configured names, numbers of HTTP and WeChat, and words of this package alone.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wxproxy/proxy/traffic"
	"wxproxy/proxy/upstream"
	"wxproxy/token"
	"wxproxy/token/store/tally"
)

// Sources are what metrics are read from. They are called concurrently.
type Sources struct {
	Counts      *traffic.Counts
	InFlight    func() int
	Connections func() (active, idle int) // to WeChat
	Hosts       func() []upstream.HostState
	Accounts    func() []Account
	Clients     []string      // their names
	LinesLost   func() uint64 // of the log
	Store       func() Store
	Build       Build
	ConfigHash  func() string // in hexadecimal digits
	Loaded      func() Loaded // how the configuration was read last

	Certificates map[string]time.Time // when they expire, by setting
}

// A Store is what is known of the token store.
type Store struct {
	Up     bool
	Counts []tally.Count
}

// An Account is an account as far as its token goes. Its functions are methods of a
// [token.Keeper].
type Account struct {
	Name    string
	Status  func() token.Status
	Fetches func() []token.FetchCount
	Denials func() []token.DenialCount
}

// maxScrapes is how many answers are made at a time: with ten thousand accounts one
// has megabytes.
const maxScrapes = 4

// NewHandler returns what answers /metrics, and reports on log what goes wrong.
func NewHandler(s Sources, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: maxScrapes,
	})
}

// A collector reads the Sources anew for each scrape.
type collector struct{ Sources }

// Describe implements [prometheus.Collector].
func (c collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{requests, durations, errcodes, retries, fetches, denials, expiry, inFlight, connections, up, linesLost, hostFailures, storeUp, storeErrors, storeDurations, build, configHash, configSuccessful, configLoaded, certificates} {
		descriptions <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	out := sink{metrics}
	snapshot, accounts := c.Counts.Snapshot(), countedOnce(c.Accounts())
	out.counted(snapshot)
	out.zeros(seriesOf(snapshot), accounts, c.Clients)
	for _, a := range accounts {
		out.account(a, len(accounts) <= maxZeros)
	}
	out.gauge(inFlight, float64(c.InFlight()))
	active, idle := c.Connections()
	out.gauge(connections, float64(active), "active")
	out.gauge(connections, float64(idle), "idle")
	out.hosts(c.Hosts())
	out.counter(linesLost, c.LinesLost())
	out.store(c.Store())
	out.config(c.Sources)
	for setting, expires := range c.Certificates {
		out.gauge(certificates, float64(expires.Unix()), setting)
	}
}

// A sink takes metrics.
type sink struct{ metrics chan<- prometheus.Metric }

func (s sink) gauge(d *prometheus.Desc, value float64, labels ...string) {
	s.metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (s sink) counter(d *prometheus.Desc, n uint64, labels ...string) {
	s.metrics <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (s sink) counted(c *traffic.Snapshot) {
	for _, r := range c.Requests {
		s.counter(requests, r.N, r.Account, r.Client, number(r.Status, 0))
	}
	for _, e := range c.Errcodes {
		s.counter(errcodes, e.N, e.Account, number(e.Errcode, traffic.OtherErrcode))
	}
	for _, r := range c.Retries {
		s.counter(retries, r.N, r.Account, strconv.Itoa(r.Errcode), string(r.Outcome))
	}
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range traffic.DurationBounds {
		sum += c.Counts[i]
		buckets[bound.Seconds()] = sum
	}
	s.metrics <- prometheus.MustNewConstHistogram(durations, c.Count(), c.Total.Seconds(), buckets)
}

// number returns n in digits, and a word for the number that stands for others.
func number(n, other int) string {
	if n == other {
		return "other"
	}
	return strconv.Itoa(n)
}

// account tells of a token. One that is gone has expired in 1970, so that it
// meets every condition for an alarm; one that nobody needs has no expiry.
func (s sink) account(a Account, zeros bool) {
	fetched, denied := a.Fetches(), a.Denials()
	if zeros {
		s.zerosOfToken(a.Name, fetched, denied)
	}
	for _, f := range fetched {
		s.counter(fetches, f.N, a.Name, f.Reason, f.Outcome)
	}
	for _, d := range denied {
		s.counter(denials, d.N, a.Name, strconv.Itoa(d.Errcode))
	}
	switch status := a.Status(); {
	case status.Asleep:
	case status.State == token.StateGone:
		s.gauge(expiry, 0, a.Name)
	default:
		s.gauge(expiry, float64(status.Expires.UnixMilli())/float64(time.Second/time.Millisecond), a.Name)
	}
}

// store tells how the token store is.
func (s sink) store(store Store) {
	up := 0.0
	if store.Up {
		up = 1
	}
	s.gauge(storeUp, up)
	for _, c := range store.Counts {
		s.counter(storeErrors, c.Errors, c.Operation)
		buckets, sum := map[float64]uint64{}, uint64(0)
		for i, n := range c.Classes {
			sum += n
			if i < len(tally.Bounds) {
				buckets[tally.Bounds[i].Seconds()] = sum
			}
		}
		s.metrics <- prometheus.MustNewConstHistogram(storeDurations, sum, c.Total.Seconds(), buckets, c.Operation)
	}
}

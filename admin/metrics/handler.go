package metrics

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// maxScrapes is how many answers are made at a time: with ten thousand accounts one
// has megabytes.
const maxScrapes = 4

// A handler answers /metrics in Prometheus's text format, which all that read metrics know.
type handler struct {
	sources Sources
	process *prometheus.Registry // what client_golang knows of Go and of the process
	log     *slog.Logger
	slots   chan struct{} // holds one element per answer that is being made
	texts   sync.Pool     // of text, those that are free
	packers sync.Pool     // of *gzip.Writer, those that are free
}

// NewHandler returns what answers /metrics, and reports on log what goes wrong.
func NewHandler(s Sources, log *slog.Logger) http.Handler {
	h := &handler{sources: s, process: prometheus.NewRegistry(), log: log, slots: make(chan struct{}, maxScrapes)}
	h.process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		http.Error(w, "too many read the metrics at this moment", http.StatusServiceUnavailable)
		return
	}
	process, err := h.process.Gather()
	if err != nil {
		h.log.Error("gathering metrics", "err", err)
		http.Error(w, "the metrics of the process cannot be read", http.StatusInternalServerError)
		return
	}
	t := h.text()
	defer h.texts.Put(t)
	h.sources.write(t)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Vary", "Accept-Encoding")
	out := io.Writer(w)
	if takesGzip(r.Header) {
		w.Header().Set("Content-Encoding", "gzip")
		packer := h.packer(w)
		defer h.packers.Put(packer)
		defer packer.Close()
		out = packer
	}
	wanted := func(string) bool { return true }
	if names := r.URL.Query()["name[]"]; len(names) > 0 {
		wanted = func(name string) bool { return slices.Contains(names, name) }
	}
	for _, family := range process {
		if wanted(family.GetName()) {
			_, _ = expfmt.MetricFamilyToText(out, family) // only a reader who has left makes it fail
		}
	}
	_ = t.writeTo(out, wanted)
}

// text returns one without lines.
func (h *handler) text() text {
	t, free := h.texts.Get().(text)
	if !free {
		return text{}
	}
	t.clear()
	return t
}

// packer returns one that packs fast rather than small: what it costs is taken from the
// requests.
func (h *handler) packer(w io.Writer) *gzip.Writer {
	if packer, free := h.packers.Get().(*gzip.Writer); free {
		packer.Reset(w)
		return packer
	}
	packer, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return packer
}

// takesGzip reports whether the answer may be packed.
func takesGzip(h http.Header) bool {
	for _, coding := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return strings.TrimRight(strings.TrimSpace(weight), "0.") != "q="
		}
	}
	return false
}

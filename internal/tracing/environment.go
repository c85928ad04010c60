package tracing

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// A lookup is [os.LookupEnv] outside tests.
type lookup func(name string) (string, bool)

// get returns the first of these variables that is not empty, and what it is called.
func (l lookup) get(names ...string) (name, value string) {
	for _, name := range names {
		value, _ := l(name)
		if value = strings.TrimSpace(value); value != "" {
			return name, value
		}
	}
	return names[0], ""
}

// of returns the variables of the exporter that are called so: that of traces, which wins,
// and that of everything.
func of(name string) []string {
	return []string{"OTEL_EXPORTER_OTLP_TRACES_" + name, "OTEL_EXPORTER_OTLP_" + name}
}

// asksForSpans reports whether spans are to be sent anywhere.
func (l lookup) asksForSpans() bool {
	_, endpoint := l.get(of("ENDPOINT")...)
	_, exporter := l.get("OTEL_TRACES_EXPORTER")
	_, disabled := l.get("OTEL_SDK_DISABLED")
	return endpoint != "" && exporter != "none" && !strings.EqualFold(disabled, "true")
}

// settings are what the variables say of the exporter and its queue. Others are read by
// OpenTelemetry itself.
type settings struct {
	endpoint string
	header   http.Header
	secrets  []string // the values of the header
	gzip     bool
	timeout  time.Duration // for one attempt
	queue    int           // how many spans may wait
	tls      *tls.Config   // nil: that of every program
}

// read returns the settings, or what is wrong with a variable, in words that quote none
// which may hold a secret. It checks also what OpenTelemetry reads itself, and would pass
// over in silence.
func (l lookup) read() (s settings, err error) {
	for _, one := range []func(*settings) error{
		l.readExporter, l.readEndpoint, l.readHeader, l.readNumbers, l.readAuthorities, l.readCertificate, l.checkSampler,
	} {
		if err = one(&s); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (l lookup) readExporter(s *settings) error {
	if _, exporter := l.get("OTEL_TRACES_EXPORTER"); exporter != "" && exporter != "otlp" {
		return fmt.Errorf("OTEL_TRACES_EXPORTER is %q; it has to be otlp or none", exporter)
	}
	if name, protocol := l.get(of("PROTOCOL")...); protocol != "" && protocol != "http/protobuf" {
		return fmt.Errorf("%s is %q; it has to be http/protobuf, which collectors take at port 4318", name, protocol)
	}
	name, compression := l.get(of("COMPRESSION")...)
	if s.gzip = compression == "gzip"; !s.gzip && compression != "" && compression != "none" {
		return fmt.Errorf("%s is %q; it has to be gzip or none", name, compression)
	}
	return nil
}

func (l lookup) readEndpoint(s *settings) error {
	name, endpoint := l.get(of("ENDPOINT")...)
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%s is no URL such as http://collector:4318", name)
	case u.User != nil:
		return fmt.Errorf("%s holds a name or a password; use OTEL_EXPORTER_OTLP_HEADERS", name)
	}
	if name == of("ENDPOINT")[1] {
		u = u.JoinPath("v1/traces")
	}
	s.endpoint = u.String()
	return nil
}

// errHeader quotes nothing: the variables are for keys.
var errHeader = errors.New("OTEL_EXPORTER_OTLP_HEADERS or OTEL_EXPORTER_OTLP_TRACES_HEADERS is not written as NAME=VALUE,NAME=VALUE, with values encoded as in a URL")

func (l lookup) readHeader(s *settings) error {
	s.header = http.Header{}
	_, list := l.get(of("HEADERS")...)
	if list == "" {
		return nil
	}
	for pair := range strings.SplitSeq(list, ",") {
		name, value, found := strings.Cut(pair, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || err != nil || strings.ContainsFunc(value, isControl) {
			return errHeader
		}
		s.header.Set(name, value)
		s.secrets = append(s.secrets, value)
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// maxNumber bounds the numbers. A queue of so many spans takes about a gigabyte.
const maxNumber = 1 << 20

// readNumbers reads the sizes and the milliseconds.
func (l lookup) readNumbers(s *settings) error {
	var err error
	read := func(otherwise int, names ...string) int {
		name, value := l.get(names...)
		if value == "" {
			return otherwise
		}
		n, mistake := strconv.Atoi(value)
		if mistake != nil || n < 1 || n > maxNumber {
			err = fmt.Errorf("%s is %q; it has to be a whole number from 1 to %d", name, value, maxNumber)
		}
		return n
	}
	s.queue = read(2048, "OTEL_BSP_MAX_QUEUE_SIZE")
	s.timeout = time.Duration(read(10_000, of("TIMEOUT")...)) * time.Millisecond
	for _, name := range []string{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_EXPORT_TIMEOUT"} {
		read(0, name)
	}
	return err
}

// readAuthorities reads whose certificates the collector may show.
func (l lookup) readAuthorities(s *settings) error {
	name, path := l.get(of("CERTIFICATE")...)
	if path == "" {
		return nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	if !s.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: %s holds no certificate in PEM", name, path)
	}
	return nil
}

// readCertificate reads what wxproxy shows the collector.
func (l lookup) readCertificate(s *settings) error {
	name, path := l.get(of("CLIENT_CERTIFICATE")...)
	keyName, key := l.get(of("CLIENT_KEY")...)
	if path == "" && key == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(path, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", name, keyName, err)
	}
	if s.tls == nil {
		s.tls = &tls.Config{}
	}
	s.tls.Certificates = []tls.Certificate{certificate}
	return nil
}

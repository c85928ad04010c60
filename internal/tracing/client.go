package tracing

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	data "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A client sends spans to a collector, by HTTP and in protobuf. OpenTelemetry's own brings
// gRPC with it, which doubles the size of the program (docs/decisions/0027).
type client struct {
	settings
	http *http.Client
	ctx  context.Context
	stop context.CancelFunc
}

func newClient(s settings) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if s.tls != nil {
		transport.TLSClientConfig = s.tls
	}
	c := &client{settings: s, http: &http.Client{
		Transport: transport,
		Timeout:   s.timeout,
		// The header may hold a key, which is for nobody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Start implements [otlptrace.Client].
func (c *client) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client]. It ends what is under way.
func (c *client) Stop(context.Context) error {
	c.close()
	return nil
}

func (c *client) close() {
	c.stop()
	c.http.CloseIdleConnections()
}

// lastPause is the longest pause before another attempt; the first one takes a second, and
// each takes twice as long as the one before.
const lastPause = 4 * time.Second

// UploadTraces implements [otlptrace.Client].
func (c *client) UploadTraces(ctx context.Context, spans []*data.ResourceSpans) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	body, err := c.encode(spans)
	if err != nil {
		return err
	}
	for pause := time.Second; ; pause *= 2 {
		again, err := c.post(ctx, body)
		if err == nil || !again || pause > lastPause {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// encode returns the body of a request. TracesData is, byte for byte, the message
// ExportTraceServiceRequest of the collector's service.
func (c *client) encode(spans []*data.ResourceSpans) ([]byte, error) {
	body, err := proto.Marshal(&data.TracesData{ResourceSpans: spans})
	if err != nil || !c.gzip {
		return body, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// post makes one attempt, and reports whether another one may go better.
func (c *client) post(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", "application/x-protobuf")
	if c.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return true, withoutURL(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxReason))
	if answer.StatusCode/100 == 2 {
		return false, err
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("the collector answers %s: %s", answer.Status, strings.TrimSpace(string(said)))
}

// withoutURL returns why a request failed, without its address, in which a key may be.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

package wechat_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/egress"
	"wxproxy/internal/secret"
	"wxproxy/token/wechat"
)

// blocked is a transport whose way out is at fault.
type blocked struct{ err error }

func (b blocked) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

func TestFaultOfTheProxyThatLeadsOutIsExplained(t *testing.T) {
	t.Parallel()
	proxy, err := egress.Parse("http://u:s3cret@proxy.corp:3128", "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	lost := proxy.Unreachable("api.weixin.qq.com:443", context.DeadlineExceeded) // which would be a late answer otherwise
	client := &wechat.Client{
		HTTP: &http.Client{Transport: blocked{fmt.Errorf("the upstream cannot be reached: %w", lost)}}, URL: "https://api.weixin.qq.com",
		AppID: "wx1", Secret: func() (secret.Secret, error) { return secret.New("appsecret"), nil }, API: wechat.Stable,
	}
	_, err = client.Fetch(t.Context())
	why := wechat.Explain(err)
	if !strings.Contains(why.Reason, "the proxy proxy.corp:3128 cannot be reached") || !strings.Contains(why.Remedy, "upstream.proxy") || !strings.Contains(why.RemedyZH, "upstream.proxy") || strings.Contains(fmt.Sprint(err, why), "s3cret") {
		t.Errorf("got %+v of %v; want the proxy's fault, and what helps", why, err)
	}
}

// hanging is a transport whose proxy leads nowhere as long as there is time.
type hanging struct{ proxy *egress.Proxy }

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, fmt.Errorf("the upstream cannot be reached: https://api.weixin.qq.com: %w", h.proxy.OutOfTime("api.weixin.qq.com:443"))
}

func TestProxyThatHangsUntilTheTimeIsOverIsNamed(t *testing.T) {
	t.Parallel()
	proxy, err := egress.Parse("http://proxy.corp:3128", "upstream.proxy")
	if err != nil {
		t.Fatal(err)
	}
	client := &wechat.Client{
		HTTP: &http.Client{Transport: hanging{proxy}, Timeout: 50 * time.Millisecond}, URL: "https://api.weixin.qq.com",
		AppID: "wx1", Secret: func() (secret.Secret, error) { return secret.New("appsecret"), nil }, API: wechat.Stable,
	}
	_, err = client.Fetch(t.Context())
	why := wechat.Explain(err)
	if !strings.Contains(why.Reason, "the proxy proxy.corp:3128 did not connect to api.weixin.qq.com:443") || strings.Contains(why.Remedy, "set upstream.proxy") || !strings.Contains(why.Remedy, "upstream.timeout") {
		t.Errorf("got %+v of %v; want the proxy named", why, err)
	}
}

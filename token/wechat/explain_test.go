package wechat

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

func TestFailuresAreExplained(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for _, test := range []struct {
		name   string
		err    error
		class  token.Class
		remedy string // a part of it
	}{
		{"busy", &token.Refusal{Code: -1}, token.ClassTransient, "by itself"},
		{"internal", &token.Refusal{Code: -1000}, token.ClassTransient, "by itself"},
		{"wrong secret", &token.Refusal{Code: 40125}, token.ClassConfiguration, "check secret"},
		{"wrong app_id", &token.Refusal{Code: 40013}, token.ClassConfiguration, "check app_id"},
		{"frozen secret", &token.Refusal{Code: 40243}, token.ClassConfiguration, "unfreeze"},
		{"quota of the day", &token.Refusal{Code: 45009}, token.ClassQuota, "midnight"},
		{"quota of the minute", &token.Refusal{Code: 45011}, token.ClassQuota, "this minute"},
		{"account frozen", &token.Refusal{Code: 50007}, token.ClassAccount, "frozen"},
		{"administrator", &token.Refusal{Code: 89503}, token.ClassAccount, "administrator"},
		{"unknown", &token.Refusal{Code: 99999}, token.ClassConfiguration, "documentation"},
		{"wrapped", fmt.Errorf("account shop: %w", &token.Refusal{Code: 45009}), token.ClassQuota, "midnight"},
		{"unavailable", &token.Unavailable{Cause: &token.Refusal{Code: 45009}}, token.ClassQuota, "midnight"},

		{"a ticket's permission", &token.Refusal{Code: 48001, Ticket: true}, token.ClassConfiguration, "JS-SDK"},
		{"a ticket's token", &token.Refusal{Code: 40001, Ticket: true}, token.ClassTransient, "asks for the ticket again by itself"},
		{"a ticket's expired token", &token.Refusal{Code: 42001, Ticket: true}, token.ClassTransient, "asks for the ticket again by itself"},
		{"a ticket's quota", &token.Refusal{Code: 45009, Ticket: true}, token.ClassQuota, "getticket"},
		{"a ticket's machine", &token.Refusal{Code: 61004, Reason: "requestIP: 203.0.113.7", Ticket: true}, token.ClassConfiguration, "put 203.0.113.7 on"},
		{"a ticket, unknown", &token.Refusal{Code: 99999, Ticket: true}, token.ClassConfiguration, "documentation of getticket"},
		{"no token for a ticket", &token.Unavailable{Ticket: "jsapi", Cause: &token.Unavailable{Cause: &token.Refusal{Code: 40125}}}, token.ClassConfiguration, "check secret"},

		{"no such host", dial(&net.DNSError{Err: "no such host", Name: "x.invalid"}), token.ClassTransient, "DNS"},
		{"refused", dial(syscall.ECONNREFUSED), token.ClassTransient, "cannot be reached"},
		{"no route", dial(syscall.EHOSTUNREACH), token.ClassTransient, "cannot be reached"},
		{"deadline", context.DeadlineExceeded, token.ClassTransient, "firewall"},
		{"dial takes too long", dial(context.DeadlineExceeded), token.ClassTransient, "firewall"},
		{"reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, token.ClassTransient, "between"},
		{"closed", io.ErrUnexpectedEOF, token.ClassTransient, "between"},
		{"closed before it was asked", errors.New("Post \"http://w\": http: server closed idle connection"), token.ClassTransient, "between"},
		{"unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, token.ClassTransient, "ca_file"},
		{"handshake refused", &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, token.ClassTransient, "ca_file"},
		{"no TLS", http.ErrSchemeMismatch, token.ClassTransient, "upstream.url"},
		{"no answer of WeChat's", asking.Bad("the answer is HTTP status 502"), token.ClassTransient, "upstream.url"},
		{"secret file", asking.Unread(errors.New("open /run/secrets/shop: permission denied")), token.ClassConfiguration, "readable"},
		{"stopped", token.ErrStopped, token.ClassTransient, "started again"},
		{"anything", errors.New("boom"), token.ClassTransient, "log"},
		{"no descriptors", fmt.Errorf("WeChat cannot be reached: %w", shortage{&net.DNSError{Err: "too many open files"}}), token.ClassTransient, "LimitNOFILE"},
		{"a caller's timeout", &token.Timeout{Account: "shop"}, token.ClassTransient, "firewall"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, err := range []error{test.err, asking.Failed(issuerName, "token", test.err, secret.Secret{})} {
				got := Explain(err)
				if got.Class != test.class || !strings.Contains(got.Remedy, test.remedy) || got.RemedyZH == "" {
					t.Errorf("got %+v; want class %s and a remedy with %q", got, test.class, test.remedy)
				}
			}
		})
	}
	if got := Explain(nil); got != (token.Explanation{}) {
		t.Errorf("nil: got %+v; want nothing", got)
	}
}

// shortage is an error as package proxy has it.
type shortage struct{ error }

func (s shortage) Unwrap() error  { return s.error }
func (shortage) Shortage() string { return "file descriptors" }

func TestTheRemedyNamesTheAddressThatWeChatQuotes(t *testing.T) {
	for _, test := range []struct {
		name, reason, want string
		code               int
	}{
		{"both versions", "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: 62bd3be0-1a2b3c4d-00", "put 1.2.3.4 on", 40164},
		{"version 4 behind", "invalid ip ::ffff:1.2.3.4, not in whitelist", "put 1.2.3.4 on", 40164},
		{"version 6", "invalid ip 2001:db8::1, not in whitelist", "put 2001:db8::1 on", 40164},
		{"the newer guide's", "access clientip is not registered requestIP: 203.0.113.7 rid: 6f-aa", "put 203.0.113.7 on", 61004},
		{"without a blank", "access clientip is not registered requestIP:203.0.113.7.", "put 203.0.113.7 on", 61004},
		{"none", "not in whitelist rid: 62bd3be0", "put this machine's public IP address on", 40164},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Explain(&token.Refusal{Code: test.code, Reason: test.reason})
			if !strings.Contains(got.Remedy, test.want) || strings.Contains(got.RemedyZH, "{ip}") {
				t.Errorf("got %q, %q; want %q", got.Remedy, got.RemedyZH, test.want)
			}
			if got.Code != test.code || got.Reason != test.reason {
				t.Errorf("got %d %q; want WeChat's own words", got.Code, got.Reason)
			}
		})
	}
}

func TestEveryRemedyIsOneSentenceInTwoLanguages(t *testing.T) {
	pacing := NewIssuer().Pacing
	if pacing.Transient.First < time.Second || pacing.Lasting.First < time.Second {
		t.Errorf("got %+v; want a second at least", pacing)
	}
	classes, n := []token.Class{token.ClassTransient, token.ClassConfiguration, token.ClassQuota, token.ClassAccount}, 0
	for row := range meanings.WeChat.All() {
		if row.Situation == meanings.Anywhere || row.Situation == meanings.Wxproxy {
			continue
		}
		n++
		if row.Remedy == "" || row.RemedyZH == "" || strings.HasSuffix(row.Remedy, ".") {
			t.Errorf("errcode %d: got %q, %q; want two phrases without an end", row.Code, row.Remedy, row.RemedyZH)
		}
		if !slices.Contains(classes, token.Class(row.Class)) {
			t.Errorf("errcode %d: got class %q; want one of %v", row.Code, row.Class, classes)
		}
	}
	if n < 70 {
		t.Errorf("got %d remedies; want those of tokens, tickets and platforms", n)
	}
}

// An errcode that a situation has no words for is looked up in the manual, but not without what
// the table knows of it.
func TestAnErrcodeOfAnotherSituationIsNotUnknown(t *testing.T) {
	for _, refusal := range []*token.Refusal{{Code: 40003}, {Code: 40003, Ticket: true}, {Code: 40003, API: "api_query_auth"}} {
		got := Explain(refusal)
		if got.Class != token.ClassConfiguration || !strings.HasPrefix(got.Remedy, "the OpenID is not one of this account's") || !strings.Contains(got.Remedy, "; look up the errcode in WeChat's documentation") ||
			!strings.Contains(got.RemedyZH, "OpenID 不正确") || !strings.Contains(got.RemedyZH, "；请在微信") {
			t.Errorf("got %+v; want what it means, and where to look", got)
		}
	}
}

func unavailable(cause error) error {
	return &token.Unavailable{Account: "shop", Cause: cause, Why: Explain(cause)}
}

func TestAnUnavailableTokenIsExplainedInOneLine(t *testing.T) {
	got := unavailable(&token.Refusal{Code: 40125, Reason: "invalid appsecret rid: 1-2"}).Error()
	want := "no access token for account shop: WeChat answered errcode 40125: invalid appsecret rid: 1-2; " +
		"check secret: it is not this account's AppSecret; if it was reset at WeChat, put the new one here (请检查 secret：它不是该账号的 AppSecret；如果已在微信后台重置，请填写新的)"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = unavailable(asking.Failed(issuerName, "token", syscall.ECONNREFUSED, secret.Secret{})).Error()
	want = "no access token for account shop: asking WeChat for a token: connection refused; " +
		"check upstream.url, the network and the firewall: WeChat cannot be reached; where a proxy is the only way out, set upstream.proxy (请检查 upstream.url、网络和防火墙：无法连接微信；只能经由代理出外网时，请设置 upstream.proxy)"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

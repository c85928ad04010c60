package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
)

// healthTimeout is how long the proxy may take to say whether it is ready.
const healthTimeout = 5 * time.Second

// runHealth asks the admin listener whether the proxy is ready, as a container's
// health check has to, without a shell. It judges the process that runs, not the
// file, which may have got mistakes since.
func runHealth(o options, t terminal) error {
	address, err := o.url, error(nil)
	if address == "" {
		address, err = adminAddress(config.Find("", os.LookupEnv))
	}
	if err == nil {
		err = askReady(address)
	}
	switch {
	case err == nil:
		t.sayf(t.out, "ready\n")
	case nobodyListens(err) && o.url == "":
		return language.Textf("%w; name the address with -url, if it is another one", err)
	}
	return err
}

// errAdminOff says that there is nothing to ask.
var errAdminOff error = language.Phrase("the admin listener is turned off")

// adminAddress returns where to ask a process with the configuration at path: where a
// living one noted that its listener is, or else where the configuration has it. It
// does not guess: another process may listen at the default address.
func adminAddress(path string) (string, error) {
	if recorded, ok := newAdminRecord(path).read(); ok {
		return recorded, nil
	}
	listen, err := config.AdminListen(path, os.LookupEnv)
	switch network, _ := config.ListenOn(listen); {
	case err != nil:
		return "", language.Textf("%w; so it is not known where the admin listener is: name its address with -url", err)
	case listen == "":
		return "", errAdminOff
	case network == "tcp":
		return "http://" + listen, nil
	}
	return listen, nil
}

// nobodyListens reports whether an error says that no process has that address.
func nobodyListens(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "dial" && !failed.Timeout()
}

// askReady asks at a URL or a socket.
func askReady(address string) error {
	client, address, err := reaching(address, healthTimeout)
	if err != nil {
		return language.Textf("asking for readiness: %w", err)
	}
	resp, err := client.Get(readyURL(address))
	if err != nil {
		return language.Textf("asking for readiness: %w", err)
	}
	defer resp.Body.Close()
	switch {
	case isCallers(resp):
		return errCallers
	case resp.StatusCode != http.StatusOK:
		return language.Textf("not ready: HTTP status %d%s", resp.StatusCode, saidIn(resp.Body))
	}
	return nil
}

// maxSaid is how many bytes of an answer are looked at for its reason.
const maxSaid = 4 << 10

// saidIn returns the reason that an answer of the admin listener's has, after a colon.
func saidIn(body io.Reader) string {
	var answer struct{ Error string }
	if json.NewDecoder(io.LimitReader(body, maxSaid)).Decode(&answer) != nil || answer.Error == "" {
		return ""
	}
	return ": " + answer.Error
}

// errCallers says that another listener has answered than was meant. What it does not
// know it passes on to WeChat, whose answer tells nothing of the proxy.
var errCallers error = language.Phrase("the callers' listener answers there; is the admin listener at that address? It is at admin.listen, by default http://127.0.0.1:8081")

// isCallers reports whether an answer came from where programs call WeChat, and not
// from a path there that is for load balancers.
func isCallers(resp *http.Response) bool {
	said := resp.Header.Get("Wxproxy-Account") + resp.Header.Get("Wxproxy-Error")
	return said != "" && !strings.HasPrefix(resp.Request.URL.Path, "/wxproxy/")
}

// errAddress says what an address that is none has to be.
var errAddress error = language.Phrase(`the address is "http://" with a host and a port, as http://127.0.0.1:8081, or "unix:" with the path of a socket`)

// reaching returns a client for a URL or a socket, "unix:/path", and the URL to give
// to it. It asks directly, whatever proxy the environment names: the listener is on
// this machine.
func reaching(address string, timeout time.Duration) (*http.Client, string, error) {
	client := &http.Client{Timeout: timeout, Transport: new(http.Transport)}
	if strings.HasPrefix(address, "unix:") {
		client.Transport = dialling("unix:" + strings.TrimPrefix(strings.TrimPrefix(address, "unix:"), "//"))
		address = "http://localhost" // a unix socket answers whatever the name
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, "", errAddress
	}
	return client, address, nil
}

// dialling returns a transport that connects to a listen setting, whatever the
// URL says.
func dialling(listen string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		network, address := config.ListenOn(listen)
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
}

// readyURL completes an address that names no path.
func readyURL(address string) string {
	if u, err := url.Parse(address); err == nil && strings.Trim(u.Path, "/") == "" {
		return u.JoinPath("/readyz").String()
	}
	return address
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"wxproxy/config"
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
		fmt.Fprintln(t.out, "ready")
	case nobodyListens(err) && o.url == "":
		return fmt.Errorf("%w; name the address with -url, if it is another one", err)
	}
	return err
}

// errAdminOff says that there is nothing to ask.
var errAdminOff = errors.New("the admin listener is turned off")

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
		return "", fmt.Errorf("%w; so it is not known where the admin listener is: name its address with -url", err)
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
	client, address := reaching(address, healthTimeout)
	resp, err := client.Get(readyURL(address))
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: HTTP status %d", resp.StatusCode)
	}
	return nil
}

// reaching returns a client for a URL or a socket, "unix:/path", and the URL to give
// to it. It asks directly, whatever proxy the environment names: the listener is on
// this machine.
func reaching(address string, timeout time.Duration) (*http.Client, string) {
	client := &http.Client{Timeout: timeout, Transport: new(http.Transport)}
	if strings.HasPrefix(address, "unix:") {
		client.Transport = dialling("unix:" + strings.TrimPrefix(strings.TrimPrefix(address, "unix:"), "//"))
		address = "http://localhost" // a unix socket answers whatever the name
	}
	return client, address
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

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

const (
	// reloadTimeout is how long a proxy may take to read its configuration again:
	// a file that hangs takes five seconds.
	reloadTimeout = time.Minute

	// maxReloadAnswer is how many bytes of the answer are read.
	maxReloadAnswer = 4 << 20
)

// otherWays is what to do where no admin listener takes the request.
const otherWays language.Phrase = `send the process SIGHUP instead (kill -HUP PID, systemctl reload wxproxy, docker kill -s HUP), or have it look for changes itself: watch = true under [proxy]`

// A reloadAnswer is what the admin listener says about a reload.
type reloadAnswer struct {
	Added       []string
	Removed     []string
	Changed     []string
	AtNextStart []string `json:"at_next_start"`
	Warnings    []string
	Mistakes    []string
	Error       string
}

// runReload has a process read its configuration again, and prints what came of it.
// It shows the key before, which a process knows whether it has read the present one
// already or not, or else the key of the configuration: a wrong key that is shown would
// stand in the log.
func runReload(o options, t terminal) error {
	path := config.Find(o.config, os.LookupEnv)
	address, err := o.url, error(nil)
	if address == "" {
		address, err = adminAddress(path)
	}
	if errors.Is(err, errAdminOff) {
		return language.Textf("%w: %s", err, otherWays)
	}
	if err != nil {
		return err
	}
	answer, err := askReload(address, config.AdminKeys(path, os.LookupEnv))
	if nobodyListens(err) && o.url == "" {
		return language.Textf("%w; is it running? If its admin listener is elsewhere, name the address with -url; if it has none, %s", err, otherWays)
	}
	if errors.Is(err, errNoKey) && path != "" {
		if _, mistakes := config.Load(path, os.LookupEnv); mistakes != nil {
			fmt.Fprintln(t.err, language.In(t.language, mistakes)) // what the process would say if it could be asked
		}
	}
	if err != nil {
		return err
	}
	return answer.print(t)
}

// errNoKey is why a process cannot be asked whose key is not known.
var errNoKey error = language.Phrase("the process wants its admin.key, and the configuration has none that can be read; WXPROXY_ADMIN_KEY may give it")

// print writes what was reloaded, or each mistake.
func (a *reloadAnswer) print(t terminal) error {
	if len(a.Mistakes) > 0 {
		for _, mistake := range a.Mistakes {
			fmt.Fprintln(t.err, mistake)
		}
		return language.Phrase("not reloaded; the configuration before goes on")
	}
	for _, warning := range a.Warnings {
		t.sayf(t.err, "warning: %v\n", warning)
	}
	t.sayf(t.out, "reloaded\n")
	for _, row := range []struct {
		words language.Phrase
		names []string
	}{
		{"added", a.Added}, {"removed", a.Removed}, {"changed", a.Changed},
		{"takes effect only at the next start", a.AtNextStart},
	} {
		if len(row.names) > 0 {
			t.sayf(t.out, "%v: %s\n", row.words, strings.Join(row.names, ", "))
		}
	}
	return nil
}

// askReload asks with each of the keys until one is right.
func askReload(address string, keys []secret.Secret) (*reloadAnswer, error) {
	client, base, err := reaching(address, reloadTimeout)
	if err != nil {
		return nil, language.Textf("asking for a reload: %w", err)
	}
	// Whoever answers in the listener's place does not get the key passed on.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var answer *reloadAnswer
	var status int
	for _, key := range append(keys, secret.Secret{})[:max(1, len(keys))] {
		if answer, status, err = postReload(client, base, key); err != nil || status != http.StatusUnauthorized {
			break
		}
	}
	switch {
	case err != nil:
		return nil, language.Textf("asking for a reload: %w", err)
	case status == http.StatusUnauthorized && len(keys) == 0:
		return nil, errNoKey
	case status == http.StatusUnauthorized:
		return nil, language.Phrase("the process has another admin.key than the configuration; WXPROXY_ADMIN_KEY may give it")
	case status == http.StatusOK, status == http.StatusUnprocessableEntity && len(answer.Mistakes) > 0:
		return answer, nil
	case answer.Error != "":
		return nil, language.Textf("not reloaded: HTTP status %d: %s", status, answer.Error)
	}
	return nil, language.Textf("not reloaded: HTTP status %d; is the admin listener at that address?", status)
}

// postReload asks once. An answer that is not wxproxy's is an empty one.
func postReload(client *http.Client, base string, key secret.Secret) (*reloadAnswer, int, error) {
	address, err := url.JoinPath(base, "reload")
	if err != nil {
		return nil, 0, err
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, nil)
	if err != nil {
		return nil, 0, err
	}
	if !key.Empty() {
		r.Header.Set("Authorization", "Bearer "+key.Reveal())
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if isCallers(resp) {
		return nil, 0, errCallers
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxReloadAnswer))
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Reloaded bool
		reloadAnswer
	}
	if json.Unmarshal(text, &answer) != nil || resp.StatusCode == http.StatusOK && !answer.Reloaded {
		return nil, 0, language.Textf("HTTP status %d, and not wxproxy's words; is the admin listener at that address?", resp.StatusCode)
	}
	return &answer.reloadAnswer, resp.StatusCode, nil
}

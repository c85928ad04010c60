package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/rawtest"
)

func TestASecretIsNeitherAnIDNorAWordOfThePathInTheLog(t *testing.T) {
	for name, secret := range map[string]string{
		"a client's key":            "short-key-9a1c",
		"one of the configuration":  "configured+1",
		"a virtual token":           "wxp_AbC",
		"of small letters, as well": "configuredletters",
	} {
		t.Run(name, func(t *testing.T) {
			for where, request := range map[string]string{
				"the id":               rawtest.Get("/p", "Authorization: Bearer short-key-9a1c", "X-Request-Id: "+secret),
				"the encoded id":       rawtest.Get("/p", "X-Request-Id: "+encoded(secret)),
				"the id, twice so":     rawtest.Get("/p", "X-Request-Id: "+strings.ReplaceAll(encoded(secret), "%", "%25")),
				"the id of a stranger": rawtest.Get("/p", "X-Request-Id: "+secret),
				"the path":             rawtest.Get("/p/"+secret+"/q", "Authorization: Bearer short-key-9a1c"),
				"the encoded path":     rawtest.Get("/p/"+strings.Replace(secret, "-", "%2d", 1), "Authorization: Bearer short-key-9a1c"),
				"a word of a segment":  rawtest.Get("/p/x."+secret+",y", "Authorization: Bearer short-key-9a1c"),
				"a parameter's name":   rawtest.Get("/p?"+secret+"=y", "Authorization: Bearer short-key-9a1c"),
			} {
				if where == "a word of a segment" && strings.Contains(secret, "+") {
					continue // the words there are those of tokens and keys
				}
				var log bytes.Buffer
				u := &recorder{answers: []string{rawtest.OKBody}}
				c := config(u)
				c.Clients, c.LogAccess, c.Log = []Client{keyed("orders", "short-key-9a1c")}, true, slog.New(slog.NewJSONHandler(&log, nil))
				c.IsSecret = func(word []byte) bool { return strings.HasPrefix(string(word), "configured") }
				ctx := handle(t, New(c), request)
				said := log.String() + string(ctx.Response.Header.Header())
				if strings.Contains(said, secret) || strings.Contains(said, encoded(secret)) || strings.Contains(said, "%25") || !strings.Contains(log.String(), `"request_id":"`) {
					t.Errorf("%s: got %s; want no %s", where, said, secret)
				}
				if strings.Contains(where, "id") && len(u.got) > 0 && strings.Contains(u.got[0].fields, secret) {
					t.Errorf("%s: got %s at WeChat", where, u.got[0].fields)
				}
				if ctx.Response.StatusCode() == fasthttp.StatusInternalServerError {
					t.Errorf("%s: got %s", where, ctx.Response.Body())
				}
			}
		})
	}
}

// encoded returns each byte of text percent-encoded.
func encoded(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02x", text[i])
	}
	return b.String()
}

func TestAPathWithoutASecretIsLoggedAsItIs(t *testing.T) {
	c := config(&recorder{})
	c.Clients = []Client{keyed("orders", "user")}
	for path, want := range map[string]string{
		"/cgi-bin/userinfo/user": "/cgi-bin/userinfo/[hidden]",
		"/cgi-bin/us%65r/get":    "/cgi-bin/[hidden]/get",
		"/cgi-bin/menu/get":      "/cgi-bin/menu/get",
		"":                       "",
		"//":                     "//",
	} {
		if got := New(c).loggedPath([]byte(path)); got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
}

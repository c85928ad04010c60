package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"wxproxy/internal/secret"
	"wxproxy/platform/event"
	"wxproxy/token/store/seal"
)

// A grantLine is a line of a file of refresh tokens: authorizer_appid,refresh_token.
type grantLine struct {
	number  int
	appID   string
	refresh secret.Secret
}

// What a line may be.
const (
	maxGrantLine = 4 << 10
	maxGrants    = 1_000_000

	// maxGrantMistakes is after how many mistakes nobody reads on: it is another file.
	maxGrantMistakes = 1000

	minRefresh = 16
	maxRefresh = 1024

	// grantColumns is the first line that exports of databases have.
	grantColumns = "authorizer_appid,refresh_token"

	// grantComment begins a line that says nothing.
	grantComment = "#"

	// sealedGrant begins a refresh token that an export has encrypted.
	sealedGrant = "sealed:"

	// placeholder is what programs get in the place of every refresh token.
	placeholder = "refreshtoken@@@wxproxy"
)

// A grantMistake is what is wrong with a line. It quotes nothing of it: in the wrong column
// or without a comma, anything can be the token.
type grantMistake struct {
	line int
	text string
}

// Error implements error.
func (m grantMistake) Error() string { return fmt.Sprintf("line %d: %s", m.line, m.text) }

// readGrants reads a file of refresh tokens for the platform of component, and returns
// all its mistakes as well. The sealer opens what an export has encrypted.
func readGrants(from io.Reader, component string, sealer *seal.Sealer) (lines []grantLine, mistakes []error) {
	in := bufio.NewScanner(from)
	in.Buffer(make([]byte, maxGrantLine), maxGrantLine)
	reader := grantReader{component: component, sealer: sealer, seen: map[string]int{}}
	number := 0
	for len(lines) <= maxGrants && len(mistakes) < maxGrantMistakes && in.Scan() {
		number++
		text := in.Bytes()
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		text = bytes.TrimRight(text, " \t\r")
		if len(text) == 0 || bytes.HasPrefix(text, []byte(grantComment)) || number == 1 && string(text) == grantColumns {
			continue
		}
		line, problem := reader.read(number, string(text))
		if problem != "" {
			mistakes = append(mistakes, grantMistake{number, problem})
			continue
		}
		lines = append(lines, line)
	}
	switch err := in.Err(); {
	case len(lines) > maxGrants:
		mistakes = append(mistakes, fmt.Errorf("it has more than %d lines", maxGrants))
	case errors.Is(err, bufio.ErrTooLong):
		mistakes = append(mistakes, grantMistake{number + 1, fmt.Sprintf("it has more than %d bytes", maxGrantLine)})
	case err != nil:
		mistakes = append(mistakes, fmt.Errorf("behind line %d: %w", number, err))
	case len(lines) == 0 && len(mistakes) == 0:
		mistakes = append(mistakes, errors.New("there is no line in it; each is authorizer_appid,refresh_token"))
	}
	return lines, mistakes
}

// A grantReader reads lines.
type grantReader struct {
	component string
	sealer    *seal.Sealer
	seen      map[string]int // in which line an app id stood
}

// read returns what a line has, or what is wrong with it.
func (g *grantReader) read(number int, text string) (line grantLine, problem string) {
	appID, refresh, found := strings.Cut(text, ",")
	switch {
	case !found:
		return line, "there is no comma; write authorizer_appid,refresh_token"
	case strings.Contains(refresh, ","):
		return line, "there is more than one comma; write authorizer_appid,refresh_token"
	case strings.ContainsAny(text, `"'`):
		return line, "write it without quotation marks"
	case isAppIDOf(refresh) && !isAppIDOf(appID):
		return line, "the columns are the other way round; write authorizer_appid,refresh_token"
	case !isAppIDOf(appID):
		return line, `the first column is no app_id, which is "wx" and letters and digits`
	case appID == g.component:
		return line, "this is the platform's own app_id, which has no refresh token"
	case g.seen[appID] != 0:
		return line, fmt.Sprintf("line %d has this app_id, too", g.seen[appID])
	}
	g.seen[appID] = number
	value, err := g.open(appID, refresh)
	if err != nil {
		return line, "the refresh token is encrypted, and " + err.Error()
	}
	if problem := notRefresh(appID, value.Reveal()); problem != "" {
		return line, problem
	}
	return grantLine{number, appID, value}, ""
}

// notRefresh returns what is wrong with the refresh token of an account; empty: nothing.
func notRefresh(appID, value string) string {
	switch {
	case value == "":
		return "there is no refresh token behind the comma"
	case value == placeholder:
		return "this is the placeholder that programs get from wxproxy, and no refresh token"
	case slices.ContainsFunc(noValues, func(word string) bool { return strings.EqualFold(word, value) }):
		return "the database has no refresh token for " + appID + ": leave the line out"
	case len(value) < minRefresh:
		return fmt.Sprintf("what is written for %s is no refresh token: it has fewer than %d characters", appID, minRefresh)
	case len(value) > maxRefresh || strings.ContainsFunc(value, notOfToken):
		return fmt.Sprintf("what is written for %s is no refresh token: it has spaces, other than visible ASCII, or more than %d bytes", appID, maxRefresh)
	}
	return ""
}

// open returns the refresh token of a line.
func (g *grantReader) open(appID, refresh string) (secret.Secret, error) {
	sealed, isSealed := strings.CutPrefix(refresh, sealedGrant)
	if !isSealed {
		return secret.New(refresh), nil
	}
	if g.sealer == nil {
		return secret.Secret{}, errors.New("token.encryption_key is not set")
	}
	return g.sealer.Open(grantName(g.component, appID), sealed)
}

// grantName is what a refresh token in an export is encrypted under, so that it is good for no
// other account.
func grantName(component, appID string) string { return "export/" + component + "/" + appID }

// isAppIDOf reports whether text may be the app id of an account.
func isAppIDOf(text string) bool {
	return strings.HasPrefix(text, "wx") && text != "wx" && event.IsAppID(text)
}

// noValues are what exports of databases write where there is no value.
var noValues = []string{"null", `\N`, "nil", "none", "undefined", "nan", "(null)"}

func notOfToken(c rune) bool { return c <= ' ' || c > '~' }

package newconfig

import (
	"cmp"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"wxproxy/config"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// An account is what the file is about.
type account struct {
	kind       config.Kind
	id         string // the AppID, or the corp id
	agentID    string
	secret     secret.Secret
	secretFile string // in the place of secret
	upstream   string
	proxy      secret.Secret // with its password
	language   language.Language
}

// name is what the account is called.
const name = "default"

// upstreamVariable takes the place of upstream.url, as it will when wxproxy runs.
const upstreamVariable = "WXPROXY_UPSTREAM_URL"

// leastSecret is how long whatever may be a secret is: a shorter one is not sent to WeChat,
// which ends tries with wrong ones.
const leastSecret = 16

// appSecretLength is how long WeChat's AppSecrets are.
const appSecretLength = 32

// quotes are what texts stand in where people copy them.
const quotes = "\"'`"

// clean takes away what comes along when people copy: white space, a byte order mark, quotes.
// Quotes around nothing stay: they are no empty answer.
func clean(copied string) string {
	isAround := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\ufeff\u200b", r) }
	copied = strings.TrimFunc(copied, isAround)
	return cmp.Or(strings.TrimFunc(copied, func(r rune) bool { return isAround(r) || strings.ContainsRune(quotes, r) }), copied)
}

// checkID says what is wrong with the AppID, or the corp id. It never quotes it, as it may
// be the secret.
func (a *account) checkID() error {
	digits, begins := strings.CutPrefix(a.id, "wx")
	if a.kind == config.WeCom {
		return a.checkCorpID()
	}
	_, notHex := hex.DecodeString(digits)
	switch {
	case a.id == "":
		return language.Phrase("the AppID is empty; WeChat's console shows it next to the AppSecret")
	case isHex(a.id, appSecretLength):
		return language.Phrase("that looks like an AppSecret; are the two swapped?")
	case strings.HasPrefix(a.id, "gh_"):
		return language.Phrase("that is an original ID (原始 ID); the AppID begins with wx")
	case !begins || digits == "":
		return language.Phrase("an AppID begins with wx")
	case a.isElsewhere():
		return nil // what it is like there WeChat's stand-in knows
	case len(digits) != 16 || notHex != nil || strings.ToLower(digits) != digits:
		return language.Textf("an AppID is wx and then 16 digits or letters from a to f; here wx is followed by %s", described(digits))
	}
	return nil
}

// described says what is there in the place of 16 digits.
func described(digits string) *language.Text {
	for _, r := range digits {
		if !strings.ContainsRune("0123456789abcdef", r) && unicode.IsPrint(r) {
			return language.Textf("%d characters, among them %q", utf8.RuneCountInString(digits), string(r))
		}
	}
	return language.Textf("%d characters", utf8.RuneCountInString(digits))
}

// isElsewhere reports whether something else than WeChat is asked.
func (a *account) isElsewhere() bool { return a.upstream != "" || os.Getenv(upstreamVariable) != "" }

func (a *account) checkCorpID() error {
	switch {
	case a.id == "":
		return language.Phrase("the corp id is empty; WeCom's console shows it under the corp's information")
	case strings.HasPrefix(a.id, "wx") && len(a.id) == 18, strings.HasPrefix(a.id, "ww"):
		return nil // old corps have ids that begin as AppIDs do
	case isNumber(a.id):
		return language.Phrase("that looks like an AgentId; the corp id begins with ww")
	}
	return language.Phrase("a corp id begins with ww")
}

func (a *account) checkAgentID() error {
	if a.agentID != "" && !isNumber(a.agentID) {
		return language.Phrase("an AgentId is a number, as 1000002")
	}
	return nil
}

// checkSecret says what is wrong with the secret, which it never quotes. How long it is
// WeChat will judge.
func (a *account) checkSecret() error {
	value := a.secret.Reveal()
	switch {
	case value == "":
		return language.Phrase("the secret is empty")
	case clean(value) == value && strings.ContainsRune(quotes, rune(value[0])):
		return language.Phrase("the secret has nothing but quotes in it")
	case value == a.id, strings.HasPrefix(value, "wx") && isHex(value[2:], 16):
		return language.Phrase("that is an AppID; the AppSecret has 32 letters and digits")
	case strings.ContainsFunc(value, secret.Invisible):
		return language.Phrase("the secret has white space, control or non-ASCII characters in it")
	case len(value) < leastSecret && !a.isElsewhere():
		return language.Textf("the secret has only %d characters; copy it again, as WeChat's console shows it", len(value))
	}
	return nil
}

func (a *account) hasSecret() bool { return a.secretFile != "" || !a.secret.Empty() }

func isHex(text string, length int) bool {
	_, err := hex.DecodeString(text)
	return err == nil && len(text) == length
}

func isNumber(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// readSecret has the configuration name the file of a secret. What is no file, such as a
// pipe, is read now; that may wait for whoever writes.
func (a *account) readSecret(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return language.Textf("reading the file of the secret: %w", err)
	}
	if info.Mode().IsRegular() {
		a.secretFile, err = filepath.Abs(path)
		return err
	}
	line, err := await(ctx, func() (string, error) {
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		return readLine(file)
	})
	if err != nil {
		return language.Textf("reading the file of the secret: %w", err)
	}
	a.secret = secret.New(clean(line))
	return a.checkSecret()
}

package pushmatch

import (
	"slices"
	"strings"
	"wxproxy/internal/language"
)

// A Subject is whose pushes patterns are for.
type Subject int

// The subjects.
const (
	Any      Subject = iota // every account and platform
	Platform                // a platform itself, to which its events come
	Account                 // accounts, to which messages come
)

// events are those that WeChat tells a third-party platform of, as far as its manual and
// programs have them.
var events = []string{
	"component_verify_ticket", "authorized", "updateauthorized", "unauthorized", "notify_third_fasteregister",
	"notify_third_fastregisterbetaapp", "notify_third_fastverifybetaapp", "notify_apply_icpfiling_result",
	"notify_icpfiling_verify_result", "notify_3rd_wxa_auth", "notify_3rd_wxa_wxverify",
}

// kinds are the values of MsgType of WeChat's and WeCom's messages.
var kinds = []string{"text", "image", "voice", "video", "shortvideo", "location", "link", "event", "miniprogrampage"}

// Misspelt returns the MsgType that a pattern is probably meant to be, or "": WeChat adds some
// now and then.
func Misspelt(pattern string, nearest func(misspelt string, known []string) string) string {
	kind := strings.ToLower(pattern)
	if strings.ContainsAny(kind, ":*") || slices.Contains(kinds, kind) {
		return ""
	}
	return nearest(kind, kinds)
}

// Doubt says why a pattern that is well formed probably matches nothing, or returns nil.
// Nearest finds what a misspelt word stands for.
func Doubt(pattern string, of Subject, nearest func(misspelt string, known []string) string) error {
	const info = "info:"
	pattern = strings.ToLower(pattern)
	name, isInfo := strings.CutPrefix(pattern, info)
	before, isOpen := strings.CutSuffix(pattern, "*")
	switch {
	case isInfo && of == Account:
		return language.Phrase("matches nothing: a platform's events come to the platform itself; write its name as account, or leave account out")
	case !isInfo && slices.Contains(events, pattern):
		return language.Textf("matches nothing: it is an event of a platform; write it as \"info:%s\"", pattern)
	case !isInfo && of == Platform && (!isOpen || !strings.HasPrefix(info, before)):
		return language.Phrase("matches nothing: what comes to the platform itself are its events, as \"info:authorized\"; messages of its accounts are those of account \"NAME/*\"")
	case isInfo && !isOpen && !slices.Contains(events, name):
		return unknown(name, nearest(name, events))
	}
	return nil
}

// unknown says of a name that no event is known by that name. WeChat adds some now and then.
func unknown(name, meant string) error {
	const added = "notify_"
	switch {
	case meant != "":
		return language.Textf("is no event that WeChat's manual has; did you mean \"info:%s\"?", meant)
	case strings.HasPrefix(name, added):
		return nil
	}
	return language.Phrase("is no event that WeChat's manual has")
}

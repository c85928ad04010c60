package config

import (
	"slices"
	"strings"
	"time"

	"wxproxy/config/internal/address"
	"wxproxy/config/internal/pushmatch"
	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
)

// How long a program has for a push: WeChat waits for 5 s, and nobody for what comes from
// the inbox.
const (
	replyTimeout   = 4500 * time.Millisecond
	inboxTimeout   = 30 * time.Second
	longestTimeout = 10 * time.Minute
)

func (l *loader) readForward(t *table) {
	f := Forward{Timeout: replyTimeout, OnFailure: "retry"}
	t.text("account", &f.Account)
	t.texts("match", &f.Match)
	t.text("name", &f.Name)
	t.text("url", &f.URL)
	isTimed := t.duration("timeout", &f.Timeout)
	token, key := t.sourceOf("token"), t.sourceOf("aes_key")
	isJudged := t.choice("on_failure", &f.OnFailure, "retry", "success")
	t.flag("async", &f.Async)
	t.flag("copy", &f.Copy)
	t.refuseUnknown()

	f.Token, f.AESKey = t.secret(token.SecretSource, token.given), t.aesKey(key)
	if !isTimed && f.waits() {
		f.Timeout = inboxTimeout
	}
	t.checkForward(f, isJudged)
	l.cfg.Forwards = append(l.cfg.Forwards, f)
}

// waits reports whether the forward's pushes come from the inbox.
func (f Forward) waits() bool { return f.Async || f.Copy }

// checkForward reports what is wrong with a forward alone.
func (t *table) checkForward(f Forward, isJudged bool) {
	t.checkTarget(f)
	t.checkMatch(f)
	switch {
	case f.Async && f.Copy:
		t.wrong("copy", "is true, and async too; a copy comes from the inbox anyway: take one of them away")
	case f.waits() && isJudged:
		t.wrong("on_failure", "says what WeChat gets, and it gets `success` before this program is asked; take it away")
	case f.waits() && f.Timeout > longestTimeout:
		t.wrong("timeout", "must be at most %q", "10m")
	case !f.waits() && f.Timeout > replyTimeout:
		t.wrong("timeout", `must be at most "4.5s", since WeChat waits for 5 s; for more, write async = true`)
	}
	if len(f.Name) > words.LongestShown || strings.ContainsFunc(f.Name, words.Unprintable) {
		t.wrong("name", "must be at most %d printable characters", words.LongestShown)
	}
}

// checkMatch reports what is wrong with the patterns of a forward.
func (t *table) checkMatch(f Forward) {
	for i, pattern := range f.Match {
		if problem := pushmatch.Check(pattern); problem != "" {
			t.wrong(item("match", i), "%s", language.Phrase(problem))
		} else if pushmatch.IsInfo(pattern) && t.document["platform"] == nil {
			t.warn(t.key(item("match", i)), "matches nothing: info: is for third-party platforms, and there is none")
		} else if meant := pushmatch.Misspelt(pattern, words.Nearest); meant != "" {
			t.warn(t.key(item("match", i)), "is no kind of message that WeChat's manual has; did you mean \"%s\"?", meant)
		}
	}
}

// checkTarget reports what is wrong with where a forward goes.
func (t *table) checkTarget(f Forward) {
	switch err := address.CheckForward(f.URL); {
	case f.URL == "":
		t.missing(`write where the program takes pushes, as "http://127.0.0.1:9000/wechat"`, "url")
	case err != nil:
		t.wrong("url", `%v; write it as "http://127.0.0.1:9000/wechat", or "unix:/run/shop.sock:/wechat"`, err)
	case inTheClear(f.URL) && f.AESKey.Empty():
		t.warn(t.key("url"), "messages cross the network in the clear; write https://, or set aes_key, unless the network is all yours")
	}
}

// checkForwards compares forwards with accounts and with each other.
func (l *loader) checkForwards() {
	names, urls := map[string]string{}, map[string]int{}
	known, accounts := l.named(), l.accountsByName()
	takers := map[string][]int{} // by account, the forwards so far that get more than copies; those for all under ""
	for i, f := range l.cfg.Forwards {
		key := item("forward", i)
		l.checkUnique(names, f.Name, key, "name")
		if first, ok := urls[f.Name]; ok && f.Name != "" {
			l.report(key+".name", "is the url of %s, which is its name, as it has no other; take another one", l.place(item("forward", first)))
		}
		if first, ok := urls[f.URL]; ok && f.Name == "" && f.waits() && !f.deliversAs(l.cfg.Forwards[first]) {
			l.report(key+".name", "missing; %s has the same url and other settings, so that waiting pushes would not find this one again", l.place(item("forward", first)))
		} else if !ok && f.Name == "" && f.URL != "" {
			urls[f.URL] = i
		}
		a := accounts[f.Account]
		l.checkAccountOf(f, a, key, known)
		who := f.Account
		if a != nil {
			who = a.Name // also when the forward has its AppID
		}
		l.warnOfForward(i, slices.Sorted(slices.Values(slices.Concat(takers[""], takers[who]))))
		if !f.Copy {
			takers[who] = append(takers[who], i)
		}
	}
}

// warnOfForward remarks on a forward that loses pushes, or gets none since those of the
// takers that match do.
func (l *loader) warnOfForward(i int, takers []int) {
	f, key := l.cfg.Forwards[i], item("forward", i)
	if parameter := address.Proof(f.query()); parameter != "" {
		l.warn(key+".url", "its query has %s, which wxproxy adds: programs take the first, which proves nothing; take it away", parameter)
	} else if own := l.ownListener(f.URL); own != "" {
		l.warn(key+".url", "leads to %s, which is wxproxy itself; write where the program listens", own)
	}
	if f.waits() && l.cfg.inMemory() {
		l.warn(key, "its pushes wait in memory, as tokens do, and are lost with the process; set token.store")
	}
	for _, earlier := range takers {
		if !f.Copy && pushmatch.Covers(l.cfg.Forwards[earlier].Match, f.Match) {
			l.warn(key, "gets nothing: %s before it takes all that it matches, and only copies go to several", l.place(item("forward", earlier)))
			return
		}
	}
}

// ownListener returns the setting of wxproxy's own listener that a forward's URL leads to, or "".
func (l *loader) ownListener(url string) string {
	switch {
	case address.LeadsTo(url, l.cfg.Push.Listen):
		return "push.listen"
	case address.LeadsTo(url, l.cfg.Proxy.Listen):
		return "proxy.listen"
	case address.LeadsTo(url, l.cfg.Admin.Listen):
		return "admin.listen"
	}
	return ""
}

// describeForward says which pushes a forward gets, in which way.
func (c *Config) describeForward(i int) *language.Text {
	f, all := c.Forwards[i], language.Phrase("all pushes")
	if !f.Copy && slices.ContainsFunc(c.Forwards[:i], func(e Forward) bool { return !e.Copy }) {
		all = "all other pushes"
	}
	where, _, _ := strings.Cut(f.URL, "?")
	text := language.Textf("%s of %s to %s", orElse(f.Match, all), orElse(strings.Fields(f.Account), "every account"), where)
	if f.Name != "" {
		text = language.Textf("%s: %s", f.Name, text)
	}
	switch {
	case f.Copy:
		text = language.Textf("%s, as copies, %s each", text, short(f.Timeout))
	case f.Async:
		text = language.Textf("%s, later, %s each (async)", text, short(f.Timeout))
	case f.OnFailure == "success":
		text = language.Textf("%s, which replies within %s, or WeChat gets `success`", text, short(f.Timeout))
	default:
		text = language.Textf("%s, which replies within %s, or WeChat sends it again", text, short(f.Timeout))
	}
	if !f.AESKey.Empty() {
		text = language.Textf("%s, encrypted", text)
	}
	return text
}

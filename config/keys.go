package config

import (
	"crypto/sha256"
	"slices"
	"strings"

	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// A heldSecret is a secret of the configuration, by its hash.
type heldSecret struct {
	setting string // as "account[1].secret"
	sum     [sha256.Size]byte
}

// An accessKey is a key that lets callers or operators in, by its hash.
type accessKey struct {
	setting string // as "client[1].key_env"
	name    string // as "client[1].key", whichever way it is given
	listen  string // where it is shown: "proxy.listen" or "admin.listen"
	sum     [sha256.Size]byte
	length  int // 0: only the hash is known
	typed   bool
}

// owner returns what stands for the key in messages to others that have the same.
func (k accessKey) owner() string {
	if k.listen == "proxy.listen" {
		return strings.TrimSuffix(k.name, ".key")
	}
	return k.name
}

// now returns the key that k was before, if it is an old one.
func (k accessKey) now() (of accessKey, isOld bool) {
	of = k
	of.name, isOld = strings.CutSuffix(k.name, "_old")
	return of, isOld
}

// written returns which setting gives the key, unless it is the key itself.
func (l *loader) written(k accessKey) *language.Text {
	if k.setting == k.name {
		return nothing()
	}
	return language.Textf(" (%s gives it)", l.place(k.setting))
}

// addKey remembers a key of the table, for checkKeys, and returns its hash.
func (t *table) addKey(k accessKey, key secret.Secret) [sha256.Size]byte {
	k.setting, k.name = t.key(k.setting), t.key(k.name)
	if !key.Empty() {
		k.sum, k.length, k.typed = sha256.Sum256([]byte(key.Reveal())), len(key.Reveal()), words.IsTyped(key.Reveal())
	}
	t.keys = append(t.keys, k)
	return k.sum
}

// enoughKey is how long a key has to be so that nobody finds it by trying.
const enoughKey = 16

// hold remembers a secret, so that checkKeys finds a key that is the same, and reports
// one that was left as an example has it.
func (l *loader) hold(setting string, value secret.Secret) {
	if value.Empty() {
		return
	}
	if words.IsPlaceholder(value.Reveal()) {
		l.report(setting, "is a placeholder, which everybody knows; put your own in its place")
	}
	l.secrets = append(l.secrets, heldSecret{setting, sha256.Sum256([]byte(value.Reveal()))})
}

// checkKeys finds the keys that others know or could guess. It compares them when all
// of the configuration has been read.
func (l *loader) checkKeys() {
	if len(l.keys) == 0 {
		return
	}
	isKey := map[string]bool{}
	for _, k := range l.keys {
		isKey[k.setting] = true
	}
	taken := map[[sha256.Size]byte]string{}
	for _, s := range l.secrets {
		if !isKey[s.setting] {
			taken[s.sum] = s.setting
		}
	}
	guessable := l.guessable()
	slices.SortStableFunc(l.keys, func(a, b accessKey) int { return oldLast(a) - oldLast(b) })
	for _, k := range l.keys {
		if owner, ok := taken[k.sum]; ok {
			l.reportTaken(k, owner)
			continue
		}
		taken[k.sum] = k.owner()
		l.judge(k, guessable[k.sum])
	}
}

// oldLast is greater for the keys of before: if one of them is another entry's key, that
// entry is right.
func oldLast(k accessKey) int {
	if _, isOld := k.now(); isOld {
		return 1
	}
	return 0
}

// reportTaken reports a key that is another one, or a secret.
func (l *loader) reportTaken(k accessKey, owner string) {
	if now, isOld := k.now(); isOld && owner == now.owner() {
		l.report(k.name, "is the same as key; write the key that there was before, or take it away%s", l.written(k))
		return
	}
	l.report(k.name, "is taken by %s already; each needs its own%s", l.place(owner), l.written(k))
}

// judge reports a key that could be guessed where other machines can try, or that can
// only come from an example. On loopback, a key that could be guessed gets a remark.
func (l *loader) judge(k accessKey, known language.Phrase) {
	listen := l.cfg.Proxy.Listen
	if k.listen == "admin.listen" {
		listen = l.cfg.Admin.Listen
	}
	var weak *language.Text
	switch {
	case known != "" && k.length == 0:
		l.report(k.setting, "is the hash of %s, so everybody knows the key; `wxproxy key` makes a good one", known)
		return
	case k.length > 0 && k.length < enoughKey:
		weak = language.Textf("is shorter than %d characters and could be guessed; `wxproxy key` makes a good one", enoughKey)
	case known != "":
		weak = language.Textf("is %s and could be guessed; `wxproxy key` makes a good one", known)
	case k.typed:
		weak = language.Textf("is a pattern and could be guessed; `wxproxy key` makes a good one")
	default:
		return
	}
	if BeyondLoopback(listen) {
		l.report(k.setting, "%s, which is needed because %s can be reached from other machines", weak, k.listen)
		return
	}
	l.warn(k.setting, "%s", weak)
	if l.cfg.WeakKeys == nil {
		l.cfg.WeakKeys = map[string]string{}
	}
	l.cfg.WeakKeys[k.listen] = l.place(k.setting).Error()
}

// guessable returns the hashes of keys that everybody could guess, and what each is.
func (l *loader) guessable() map[[sha256.Size]byte]language.Phrase {
	found := map[[sha256.Size]byte]language.Phrase{sha256.Sum256(nil): "nothing"}
	add := func(what language.Phrase, texts ...string) {
		for _, text := range texts {
			found[sha256.Sum256([]byte(text))] = what
		}
	}
	if slices.ContainsFunc(l.keys, func(k accessKey) bool { return k.length == 0 }) { // the other keys are looked at themselves
		add("a placeholder", words.Placeholders()...)
	}
	for _, dashed := range words.Common {
		const what = "a word that is tried first"
		for _, word := range words.Joinings(dashed) {
			title := strings.ToUpper(word[:1]) + word[1:]
			add(what, word, title, strings.ToUpper(word), word+"\n", word+"1", word+"123", title+"1", title+"123", word+word)
		}
	}
	for _, a := range l.cfg.Accounts {
		add("the name or AppID of an account", a.Name, a.ID())
	}
	for _, p := range l.cfg.Platforms {
		add("the name or AppID of a platform", p.Name, p.AppID)
	}
	for _, c := range l.cfg.Clients {
		add("the name of a client", c.Name)
	}
	return found
}

package service

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"sync"

	"wxproxy/config"
)

// leastToken is the length of the shortest word that is compared with the accounts'
// tokens. Those of WeChat have more than a hundred bytes, a caller's usual id of a
// request has 36.
const leastToken = 40

// knownSecrets are the hashes of all secrets that were configured since the start,
// so that the log shows none of them where a caller put it. The zero value knows none.
type knownSecrets struct {
	hashes sync.Map // of [sha256.Size]byte
	recent appSecrets

	mu     sync.Mutex // guards values
	values []string   // those of the configuration's that are in no account and no client, the latest last
}

// leastHidden is how long a secret is, at the least, that the log is searched for:
// shorter ones are parts of words.
const leastHidden = 6

// maxHidden bounds how many the log is searched for, which are the latest.
const maxHidden = 16

// hide has the log searched for a secret.
func (k *knownSecrets) hide(secret string) {
	k.add(secret)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(secret) < leastHidden || slices.Contains(k.values, secret) {
		return
	}
	k.values = append(slices.Clone(k.values), secret)
	k.values = k.values[max(0, len(k.values)-maxHidden):]
}

// plain returns what the log is searched for.
func (k *knownSecrets) plain() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.values
}

func (k *knownSecrets) add(secret string) {
	if secret != "" {
		k.hashes.LoadOrStore(sha256.Sum256([]byte(secret)), nil)
	}
}

// holds reports whether word is one of them.
func (k *knownSecrets) holds(word []byte) bool {
	_, found := k.hashes.Load(sha256.Sum256(word))
	return found
}

// addHash adds the secret that the hash is of.
func (k *knownSecrets) addHash(hash string) {
	if len(hash) == sha256.Size {
		k.hashes.LoadOrStore([sha256.Size]byte([]byte(hash)), nil)
	}
}

// learn adds the secrets of a configuration. Those of a client that were taken
// away are shown no sooner than those that it has.
func (k *knownSecrets) learn(cfg *config.Config) {
	for _, account := range cfg.Accounts {
		k.add(account.Secret.Reveal())
		k.recent.add(account.AppID, account.Secret)
	}
	for _, client := range cfg.Clients {
		k.addHash(client.KeySHA256.Reveal())
		k.addHash(client.OldSHA256.Reveal())
	}
	k.hide(cfg.Admin.Key.Reveal())
	if key := cfg.Token.EncryptionKey.Reveal(); key != "" {
		k.hide(base64.StdEncoding.EncodeToString([]byte(key)))
	}
	store, err := url.Parse(cfg.Token.Store.Reveal())
	if err != nil {
		return // it was checked
	}
	password, _ := store.User.Password()
	k.hide(password)
	k.hide(store.Query().Get("sentinel_password"))
}

// hides returns what tells the proxy whether a word is a secret of s or the token
// of one of its accounts.
func (s *Service) hides(of *setup) func(word []byte) bool {
	s.secrets.learn(of.cfg)
	return func(word []byte) bool {
		if s.secrets.holds(word) {
			return true
		}
		if len(word) < leastToken {
			return false
		}
		value := string(word)
		for _, keeper := range of.keepers {
			if keeper.Holds(value) {
				return true
			}
		}
		return false
	}
}

package config

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"wxproxy/config/internal/words"
	"wxproxy/internal/language"
	"wxproxy/internal/secret"
)

// SecretSource is where a secret comes from: the configuration itself, a
// variable of the environment, or a file.
type SecretSource struct {
	literal   secret.Secret
	env       string
	file      string
	lookupEnv func(string) (string, bool)
	files     *Files
}

// Read returns the secret as it is now. An error never quotes it.
func (s SecretSource) Read() (secret.Secret, error) {
	value, err := s.read()
	return checkedSecret(value, err)
}

// File returns the file that the secret is read from, if its name cannot be a secret in
// the wrong place.
func (s SecretSource) File() (path string, ok bool) {
	return s.file, s.file != "" && words.LooksLikePath(s.file) && words.LooksPublic(s.file)
}

// Path returns the file that the secret is read from, empty if it is none. It may be a
// secret in the wrong place, which nobody is to see.
func (s SecretSource) Path() string { return s.file }

func checkedSecret(value string, err error) (secret.Secret, error) {
	switch {
	case err != nil:
		return secret.Secret{}, err
	case value == "":
		return secret.Secret{}, errors.New("the secret is empty")
	case strings.ContainsFunc(value, secret.Invisible):
		return secret.Secret{}, errors.New("the secret has white space, control or non-ASCII characters in it")
	}
	return secret.New(value), nil
}

// String returns in words where the secret comes from.
func (s SecretSource) String() string { return s.text().Error() }

func (s SecretSource) text() *language.Text {
	switch {
	case s.env != "":
		return language.Textf("the environment variable %s", s.env)
	case s.file != "":
		return language.Textf("the file %s", s.file)
	default:
		return language.Textf("the configuration")
	}
}

func (s SecretSource) read() (string, error) {
	switch {
	case s.env != "":
		return s.readEnv()
	case s.file != "":
		return s.readFile()
	default:
		return s.literal.Reveal(), nil
	}
}

func (s SecretSource) readEnv() (string, error) {
	value, ok := s.lookupEnv(s.env)
	switch {
	case ok:
		return value, nil
	case words.LooksLikeVariable(s.env):
		return "", language.Textf("the environment variable %s is not set", s.env)
	default:
		return "", errors.New("the environment variable of that name is not set")
	}
}

// readFile returns the content of the file without trailing white space.
func (s SecretSource) readFile() (string, error) {
	data, err := s.files.read(s.file, largestSecret)
	switch {
	case errors.Is(err, errTooLarge):
		return "", errors.New("the file is too large to be a secret")
	case err != nil:
		return "", language.Textf("reading the file: %w", err)
	}
	return strings.TrimRight(string(data), " \t\r\n\v\f"), nil
}

// A givenSource is where a secret comes from, and which keys of the table say so.
type givenSource struct {
	SecretSource
	given []string
}

// source reads the keys that lead to a secret: key itself, key_env and key_file.
// It also returns which of them the table has.
func (t *table) source(key string) (source SecretSource, given []string) {
	var literal string
	t.sensitive[t.key(key)] = true
	t.text(key, &literal)
	t.text(key+"_env", &source.env)
	t.text(key+"_file", &source.file)
	source.literal, source.lookupEnv, source.files = secret.New(literal), t.lookupEnv, t.cfg.files

	for key, value := range map[string]string{key: literal, key + "_env": source.env, key + "_file": source.file} {
		if value != "" {
			given = append(given, key)
		}
	}
	slices.Sort(given)
	return source, given
}

// sourceOf does what source does, for what is read when all keys of the table are known.
func (t *table) sourceOf(key string) givenSource {
	source, given := t.source(key)
	return givenSource{source, given}
}

// secretKeys reads the keys that lead to a secret, and notes them as the source that
// secret is to read when the whole table is known.
func (t *table) secretKeys(key string, _ *secret.Secret) bool {
	source := t.sourceOf(key)
	t.sources[t.key(key)] = source
	return len(source.given) > 0
}

// secret returns what the one given key leads to, or an empty Secret after
// reporting what is wrong with it.
func (t *table) secret(source SecretSource, given []string) secret.Secret {
	if len(given) == 0 {
		return secret.Secret{}
	}
	key := given[0]
	if len(given) > 1 {
		t.onlyOne(given)
		return secret.Secret{}
	}
	if t.hangs && source.file != "" {
		t.reported[t.key(key)] = true // nobody knows whether it is a mistake
		return secret.Secret{}
	}
	checked, err := checkedSecret(source.read())
	var hang hangError
	switch {
	case errors.As(err, &hang):
		t.hangs = true
		t.wrong(key, "%s%v", t.whose(), err)
	case errors.Is(err, fs.ErrNotExist) && t.goesOnWithout(key, err):
	case err != nil:
		t.wrong(key, "%v", err)
	}
	t.hold(t.key(key), checked)
	if source.file != "" {
		t.warnIfOpen(t.key(key), source.file, true)
	}
	return checked
}

// goesOnWithout notes that the file of an account's AppSecret is not there, if a
// process goes on without it. checkAccounts decides whether it can.
func (t *table) goesOnWithout(key string, err error) bool {
	if !t.serves || !strings.HasPrefix(t.name, "account[") && !strings.HasPrefix(t.name, "platform[") || !strings.HasPrefix(key, "secret") {
		return false
	}
	t.absent = append(t.absent, absentSecret{t.key(key), err})
	return true
}

// An absentSecret is a key of an account whose file is not there, and why.
type absentSecret struct {
	key string
	err error
}

// whose returns the name that the table gives itself, as the beginning of a
// sentence about it.
func (t *table) whose() *language.Text {
	if name, _ := t.values["name"].(string); isName(name) {
		return language.Textf("%s: ", words.Quoted(name))
	}
	return nothing()
}

// onlyOne reports that a secret is given by several keys.
func (t *table) onlyOne(given []string) {
	t.wrong(given[0], "is given in several ways (%s); keep one of them", strings.Join(given, ", "))
}

package words

import "strings"

// IsName reports whether s can name an account or a client: it goes into URLs,
// file names, logs and metrics as it is.
func IsName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, NameAlphabet) == ""
}

// NameAlphabet are the characters of names.
const NameAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

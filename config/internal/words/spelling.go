// Package words judges the words of a configuration: names, keys that are misspelt,
// secrets that are none, and what may be shown since it is no secret.
package words

import (
	"strings"

	"wxproxy/internal/language"
)

// aliases are words that people write for keys which are spelt quite
// differently, without the characters that sketch drops.
var aliases = map[string]string{
	"appsecret": "secret",
	"address":   "listen",
	"addr":      "listen",
	"bind":      "listen",
	"loglevel":  "level",
	"apikey":    "key",
	"keyhash":   "key_sha256",
	"fallback":  "fallback_urls",
	"fallbacks": "fallback_urls",
	"errcodes":  "retry_errcodes",
	"baseurl":   "url",
	"pattern":   "path",

	"corpsecret":     "secret",
	"corp":           "corp_id",
	"agent":          "agent_id",
	"encodingaeskey": "push_aes_key",
	"aeskey":         "push_aes_key",
	"token":          "push_token",
}

// Nearest returns the word among known that the misspelt one most probably
// stands for, or the empty string.
func Nearest(misspelt string, known []string) string {
	wanted := sketch(misspelt)
	best, bestDistance := "", min(2, len(wanted)/3)+1
	consider := func(spelling, word string) {
		if d := distance(wanted, spelling); d < bestDistance {
			best, bestDistance = word, d
		}
	}
	for _, word := range known {
		consider(sketch(word), word)
		for alias, meant := range aliases {
			if meant == word {
				consider(alias, word)
			}
		}
	}
	return best
}

// DidYouMean returns the end of a sentence that suggests one of words.
func DidYouMean(misspelt string, words []string) *language.Text {
	if word := Nearest(misspelt, words); word != "" {
		return language.Textf("; did you mean \"%s\"?", word)
	}
	return language.Textf("")
}

// sketch reduces a word to what matters when spellings are compared.
func sketch(word string) string { return withoutMarks.Replace(strings.ToLower(word)) }

// withoutMarks drops what joins words.
var withoutMarks = strings.NewReplacer("-", "", "_", "", " ", "", ":", "")

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make a into b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a) // nobody misspells a key at such length
	}
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replaced := above[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// OneOf lists words as alternatives.
func OneOf(words []string) *language.Text {
	last := len(words) - 1
	return language.Textf("%s or \"%s\"", `"`+strings.Join(words[:last], `", "`)+`"`, words[last])
}

// LooksLikeVariable reports whether name is written as variables usually are. A
// secret that was pasted in the place of a name hardly ever is.
func LooksLikeVariable(name string) bool {
	return len(name) <= 64 && strings.Contains(name, "_") &&
		strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// Joinings returns the ways to write words that are joined by dashes.
func Joinings(dashed string) (words []string) {
	if !strings.Contains(dashed, "-") {
		return []string{dashed}
	}
	for _, between := range [...]string{"-", "_", " ", ""} {
		words = append(words, strings.ReplaceAll(dashed, "-", between))
	}
	return words
}

package lines

import (
	"iter"
	"strconv"
	"strings"
)

// Enclosing yields a key and what it is in: "client[2].allow[1]", "client[2].allow",
// "client[2]", "client".
func Enclosing(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for key != "" && yield(key) {
			key = key[:max(0, strings.LastIndexAny(key, ".["))]
		}
	}
}

// Of returns the line of a key, or else of the table that it is missing in, 0 if that is
// not known. The index is that of Index.
func Of(index map[string]int, key string) int {
	for _, how := range []string{"", "_env", "_file", "_sha256"} { // ways to give a secret
		if line := index[key+how]; line > 0 {
			return line
		}
	}
	for outer := range Enclosing(key) {
		if line := index[outer]; line > 0 {
			return line
		}
	}
	return 0
}

// at returns the item of a list that has the index, counted from one.
func at[T any](list []T, index string) any {
	if i, err := strconv.Atoi(index); err == nil && i >= 1 && i <= len(list) {
		return list[i-1]
	}
	return nil
}

// Value finds what a key such as "upstream.fallback_urls[2]" stands for.
func Value(value any, key string) any {
	for part := range strings.SplitSeq(key, ".") {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		table, _ := value.(map[string]any)
		value = table[name]
		if !indexed {
			continue
		}
		switch list := value.(type) {
		case []any:
			value = at(list, index)
		case []map[string]any:
			value = at(list, index)
		}
	}
	return value
}

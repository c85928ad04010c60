package accountkind

import "strings"

// Normal returns a path, or the pattern of a [Route], as paths are compared: letter
// case and a slash at the end make no other path.
func Normal(path string) string {
	if path == "/" {
		return path
	}
	return strings.TrimSuffix(strings.ToLower(path), "/")
}

// NormalAll returns patterns in normal form.
func NormalAll(patterns []string) []string {
	all := make([]string, 0, len(patterns))
	for _, pattern := range patterns {
		all = append(all, Normal(pattern))
	}
	return all
}

// Matches reports whether pattern matches path, or all that path matches if that is a
// pattern. Both are normal. As "/a/" and "/a" are one path, "/a/*" matches both.
func Matches[Path string | []byte](pattern string, path Path) bool {
	prefix, isPrefix := strings.CutSuffix(pattern, "*")
	if !isPrefix {
		return string(path) == pattern
	}
	if len(path)+1 == len(prefix) && prefix[len(path)] == '/' {
		prefix = prefix[:len(path)]
	}
	return len(path) >= len(prefix) && string(path[:len(prefix)]) == prefix
}

// MatchesAny reports whether one of the normal patterns matches a path.
func MatchesAny(patterns []string, path []byte) bool {
	for _, pattern := range patterns {
		if Matches(pattern, path) {
			return true
		}
	}
	return false
}

// IsAboutOwn reports whether a normal pattern is about the proxy's own pages: a wider
// one is about the API.
func IsAboutOwn(pattern string) bool {
	return strings.HasPrefix(pattern, strings.TrimSuffix(OwnPrefix, "/"))
}

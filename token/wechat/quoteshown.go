package wechat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"wxproxy/internal/secret"
)

// maxNested is how deep what is quoted may be nested, escaped texts in texts included, and
// still be shown.
const maxNested = 32

// withoutValues returns a URL with a mask in the place of all values of its query, which
// WeChat also quotes alone, without the path and the question mark.
func withoutValues(quoted string) string {
	end := 0
	if strings.HasPrefix(quoted, "/") || strings.HasPrefix(quoted, "http") {
		end = strings.IndexAny(quoted, "?#;&=%")
	}
	if end < 0 || quoted == "" {
		return quoted
	}
	parts := strings.FieldsFunc(quoted[end:], func(r rune) bool { return strings.ContainsRune("&;?#", r) })
	for i, part := range parts {
		if name, _, hasValue := strings.Cut(part, "="); hasValue && isPlainName(name) {
			parts[i] = name + "=" + secret.Mask
		} else {
			parts[i] = secret.Mask
		}
	}
	if end == 0 {
		return strings.Join(parts, "&")
	}
	return quoted[:end] + "?" + strings.Join(parts, "&")
}

// withoutCredentials returns a body, JSON or a form, with a mask in the place of what stands
// under the name of a credential. Of what is neither it says only how long it is: what is
// secret in it nobody can tell.
func withoutCredentials(body string) string {
	body = strings.TrimSpace(body)
	if shown, isJSON := shownJSON(body, 0); isJSON {
		return shown
	}
	if shown, isForm := shownForm(body); isForm || body == "" {
		return shown
	}
	return fmt.Sprintf("[%d bytes that are neither JSON nor a form]", len(body))
}

// shownJSON returns an object or a list without credentials; false: it is neither.
func shownJSON(text string, depth int) (shown string, ok bool) {
	if text == "" || text[0] != '{' && text[0] != '[' || !json.Valid([]byte(text)) {
		return "", false
	}
	return shownValue(json.RawMessage(text), depth), true
}

// shownValue returns a valid value of JSON without credentials.
func shownValue(value json.RawMessage, depth int) string {
	switch {
	case depth > maxNested:
		return quotedJSON(secret.Mask)
	case value[0] == '{', value[0] == '[':
		return shownParts(value, depth)
	case value[0] == '"':
		var text string
		_ = json.Unmarshal(value, &text) // it is valid
		return quotedJSON(shownText(text, depth+1))
	}
	return string(value)
}

// shownParts does so for an object or a list. If one of its parts is the name of a credential,
// another may be the credential.
func shownParts(value json.RawMessage, depth int) string {
	names, values := partsOf(value)
	named := false
	for i, v := range values {
		var text string
		isErrmsg := value[0] == '{' && strings.EqualFold(names[i], "errmsg")
		named = named || !isErrmsg && json.Unmarshal(v, &text) == nil && isCredential(text)
	}
	shown := make([]string, len(values))
	for i, v := range values {
		if named || value[0] == '{' && isCredential(names[i]) {
			shown[i] = quotedJSON(secret.Mask)
		} else {
			shown[i] = shownValue(v, depth+1)
		}
		if value[0] == '{' {
			shown[i] = quotedJSON(shownText(names[i], depth+1)) + ":" + shown[i]
		}
	}
	if value[0] == '{' {
		return "{" + strings.Join(shown, ",") + "}"
	}
	return "[" + strings.Join(shown, ",") + "]"
}

// partsOf returns the values of a valid object, and their names, or those of a list.
func partsOf(value json.RawMessage) (names []string, values []json.RawMessage) {
	in := json.NewDecoder(bytes.NewReader(value))
	_, _ = in.Token() // which opens it
	for in.More() {
		if value[0] == '{' {
			name, _ := in.Token()
			text, _ := name.(string)
			names = append(names, text)
		}
		var part json.RawMessage
		if in.Decode(&part) != nil {
			part = json.RawMessage("null") // it is valid: this does not happen
		}
		values = append(values, part)
	}
	return names, values
}

// shownForm returns a form without credentials; false: it is none.
func shownForm(body string) (shown string, ok bool) {
	parameters := strings.Split(body, "&")
	named := false
	for i, parameter := range parameters {
		name, value, hasValue := strings.Cut(parameter, "=")
		text, err := url.QueryUnescape(value)
		if !hasValue || err != nil || !isPlainName(name) {
			return "", false
		}
		named = named || isCredential(text)
		switch {
		case isCredential(name):
			text = secret.Mask
		case !isCredential(text):
			text = shownText(text, 1)
		}
		parameters[i] = name + "=" + text
	}
	if named { // another parameter may be the credential
		return withoutValues(body), true
	}
	return strings.Join(parameters, "&"), true
}

// shownText returns a text without credentials: it may hold JSON, a form or a URL itself.
func shownText(text string, depth int) string {
	shown, isJSON := "", false
	if depth <= maxNested {
		shown, isJSON = shownJSON(strings.TrimSpace(text), depth)
	}
	plain, err := url.QueryUnescape(text)
	switch {
	case isJSON:
		return shown
	case depth > maxNested, strings.ContainsAny(text, "{[<") && strings.ContainsAny(text, `"'>`),
		err == nil && plain != text && strings.Contains(text, "%") && shownText(plain, depth+1) != plain:
		return secret.Mask
	case strings.Contains(text, "=") && !strings.ContainsAny(text, " \t\r\n"):
		return withoutValues(text)
	case tells(text):
		return secret.Mask
	}
	return text
}

// tells reports whether a text that is neither JSON nor a form seems to tell a credential, as
// "access_token: x".
func tells(text string) bool {
	for before := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'\\()[],;，；", r) }) {
		if name, _, ok := strings.Cut(before, ":"); ok && isCredential(name) {
			return true
		}
	}
	return false
}

// quotedJSON returns text as JSON writes it.
func quotedJSON(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a text always can
	return strings.TrimSuffix(out.String(), "\n")
}

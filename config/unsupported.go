package config

import (
	"slices"
	"strings"
)

// unsupported are the settings of config.toml that this version knows of but
// cannot honour yet. A row goes when its feature comes.
var unsupported = []struct {
	table, key string
	asked      func(value any) bool
}{
	{"token", "store", begins("redis://", "rediss://")},
	{"token", "encryption_key", other("")},
	{"token", "encryption_key_env", other("")},
	{"token", "encryption_key_file", other("")},
}

// refuseUnsupported reports what is asked of a later version. It comes before
// the table's keys are read, so that nothing else is said about them.
func (t *table) refuseUnsupported() {
	kind, _, _ := strings.Cut(t.name, "[")
	for _, row := range unsupported {
		if row.table != kind {
			continue
		}
		if value, ok := t.value(row.key); ok && row.asked(value) {
			t.wrong(row.key, "is not in this version yet; remove it")
		}
	}
}

// other accepts anything but the default.
func other(usual any) func(any) bool {
	return func(value any) bool {
		switch value.(type) {
		case string, int64, float64, bool:
			return value != usual
		default: // a list or a table cannot be compared, and is no default
			return true
		}
	}
}

func begins(prefixes ...string) func(any) bool {
	return func(value any) bool {
		text, _ := value.(string)
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
	}
}

package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"wxproxy/config/internal/words"
)

// kindOf returns the type of a decoded value in the words of people that write TOML.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "a text"
	case int64, float64:
		return "a number"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	default:
		return "a list"
	}
}

// parseDuration reads a positive duration written with a unit.
func parseDuration(value any) (time.Duration, error) {
	text, ok := value.(string)
	switch {
	case isNumber(value):
		return 0, fmt.Errorf(`has no unit; write %v seconds as "%vs"`, value, value)
	case !ok:
		return 0, fmt.Errorf(`is %s; write a duration with its unit, as "5s"`, kindOf(value))
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New(`is not a duration; write it with its unit, as "500ms", "5s" or "1m30s"`)
	case d <= 0:
		return 0, errors.New("must be longer than zero")
	case d < time.Millisecond:
		return 0, errors.New("must be at least a millisecond")
	}
	return d, nil
}

// parseRate reads a rate such as "100/s" as the time between two requests, 0 if there
// is none.
func parseRate(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	digits, unit, _ := strings.Cut(text, "/")
	per := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour}[unit]
	number, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case per == 0, err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, errors.New(`is not a rate; write it as "100/s", "5000/min" or "100000/h"`)
	case err != nil, time.Duration(number) > per:
		return 0, errors.New("is too large")
	case number == 0:
		return 0, errors.New(`must be more than 0; leave it out, or write "", for no limit`)
	}
	return per / time.Duration(number), nil
}

// parseSize reads a positive number of bytes, with or without a unit.
func parseSize(value any) (int, error) {
	text, ok := value.(string)
	if !ok {
		return 0, fmt.Errorf(`is %s; write a size in quotes, as "16MiB"`, kindOf(value))
	}
	digits := strings.TrimRight(text, "BGKMi")
	factor := bytesPer(text[len(digits):])
	number, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), factor == 0:
		return 0, errors.New(`is not a size; write it as "16MiB", with KiB, MiB, GiB, KB, MB, GB or nothing for bytes`)
	case err != nil, number > math.MaxInt/factor:
		return 0, errors.New("is too large")
	case number == 0:
		return 0, errors.New("must be larger than zero")
	}
	return int(number * factor), nil
}

// bytesPer returns how many bytes a unit stands for, 0 if it is none.
func bytesPer(unit string) uint64 {
	switch unit {
	case "", "B":
		return 1
	case "KB":
		return 1e3
	case "MB":
		return 1e6
	case "GB":
		return 1e9
	case "KiB":
		return 1 << 10
	case "MiB":
		return 1 << 20
	case "GiB":
		return 1 << 30
	default:
		return 0
	}
}

func isNumber(value any) bool {
	switch value.(type) {
	case int64, float64:
		return true
	default:
		return false
	}
}

// IsName reports whether s can name an account or a client.
func IsName(s string) bool { return isName(s) }

// isName reports whether s can name an account or a client.
func isName(s string) bool { return words.IsName(s) }

// count reads a positive number.
func (t *table) count(key string, into *int) bool { return t.number(key, 1, into) }

// limit reads a number where 0 means none.
func (t *table) limit(key string, into *int) bool { return t.number(key, 0, into) }

func (t *table) number(key string, least int64, into *int) bool {
	var number int64
	if !take(t, key, "a number without quotes", &number) {
		return false
	}
	if number < least || number > math.MaxInt32 {
		t.wrong(key, "must be between %d and %d", least, math.MaxInt32)
		return false
	}
	*into = int(number)
	return true
}

// rate reads how often something may happen, as the time between two times.
func (t *table) rate(key string, into *time.Duration) bool {
	var text string
	if !t.text(key, &text) {
		return false
	}
	interval, err := parseRate(text)
	if err != nil {
		t.wrong(key, "%v", err)
		return false
	}
	*into = interval
	return true
}

// duration reads a text with a unit. The decoder would take a bare 5 for five
// nanoseconds.
func (t *table) duration(key string, into *time.Duration) bool {
	return parsed(t, key, parseDuration, into)
}

func (t *table) size(key string, into *int) bool { return parsed(t, key, parseSize, into) }

// parsed sets into to the value of key, as parse reads it.
func parsed[T any](t *table, key string, parse func(any) (T, error), into *T) bool {
	value, ok := t.value(key)
	if !ok {
		return false
	}
	typed, err := parse(value)
	if err != nil {
		t.wrong(key, "%v", err)
		return false
	}
	*into = typed
	return true
}

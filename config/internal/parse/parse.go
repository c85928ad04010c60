// Package parse reads single values of the file: durations, rates, sizes.
package parse

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"wxproxy/internal/language"
)

// KindOf returns the type of a decoded value in the words of people that write TOML.
func KindOf(value any) language.Phrase {
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

// Duration reads a positive duration written with a unit.
func Duration(value any) (time.Duration, error) {
	text, ok := value.(string)
	switch {
	case isNumber(value):
		return 0, language.Textf(`has no unit; write %v seconds as "%vs"`, value, value)
	case !ok:
		return 0, language.Textf(`is %s; write a duration with its unit, as "5s"`, KindOf(value))
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

// Rate reads a rate such as "100/s" as the time between two requests, 0 if there
// is none.
func Rate(text string) (time.Duration, error) {
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

// Size reads a positive number of bytes, with or without a unit.
func Size(value any) (int, error) {
	text, ok := value.(string)
	if !ok {
		return 0, language.Textf(`is %s; write a size in quotes, as "16MiB"`, KindOf(value))
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

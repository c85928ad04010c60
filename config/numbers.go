package config

import (
	"math"
	"time"
)

// count reads a positive number.
func (t *table) count(key string, into *int) {
	var number int64
	switch {
	case !take(t, key, "a number without quotes", &number):
	case number < 1 || number > math.MaxInt32:
		t.wrong(key, "must be between 1 and %d", math.MaxInt32)
	default:
		*into = int(number)
	}
}

// limit reads a number where 0 means none.
func (t *table) limit(key string, into *int) {
	if value, ok := t.values[key]; ok && value == int64(0) {
		t.known = append(t.known, key)
		return
	}
	t.count(key, into)
}

// rate reads how often something may happen, as the time between two.
func (t *table) rate(key string, into *time.Duration) {
	var text string
	if !t.text(key, &text) || text == "" {
		return
	}
	interval, err := parseRate(text)
	if err != nil {
		t.wrong(key, "%v", err)
		return
	}
	*into = interval
}

// duration reads a text with a unit. The decoder would take a bare 5 for five
// nanoseconds.
func (t *table) duration(key string, into *time.Duration) {
	value, ok := t.value(key)
	if !ok {
		return
	}
	d, err := parseDuration(value)
	if err != nil {
		t.wrong(key, "%v", err)
		return
	}
	*into = d
}

func (t *table) size(key string, into *int) {
	value, ok := t.value(key)
	if !ok {
		return
	}
	size, err := parseSize(value)
	if err != nil {
		t.wrong(key, "%v", err)
		return
	}
	*into = size
}

package config

import (
	"math"
	"time"
)

// count reads a positive number.
func (t *table) count(key string, into *int) { t.number(key, 1, into) }

// limit reads a number where 0 means none.
func (t *table) limit(key string, into *int) { t.number(key, 0, into) }

func (t *table) number(key string, least int64, into *int) {
	var number int64
	switch {
	case !take(t, key, "a number without quotes", &number):
	case number < least || number > math.MaxInt32:
		t.wrong(key, "must be between %d and %d", least, math.MaxInt32)
	default:
		*into = int(number)
	}
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

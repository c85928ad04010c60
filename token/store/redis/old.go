package redis

import (
	"context"
	"strconv"
	"strings"

	"wxproxy/internal/secret"
)

// oldest is the version from which on a script may write what depends on the
// time.
const oldest = "3.2"

// writesTimes is a script that tells whether that can be done.
const writesTimes = `return redis.replicate_commands and 1 or 0`

// refusalOfOld is how Redis refuses to do it.
const refusalOfOld = "not allowed after non deterministic commands"

// isTooOld says once, at the start, that Redis cannot share tokens, and reports
// whether that is known now.
func (s *Store) isTooOld(ctx context.Context) (known bool) {
	var can int
	err := s.try(ctx, loads, func(ctx context.Context) (err error) {
		can, err = s.link.Load().client.Eval(ctx, writesTimes, nil).Int()
		return err
	})
	if err != nil || can == 1 {
		return err == nil
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	info, err := s.link.Load().client.Info(limited, "server").Result() // outside of try: a user may have no right to it
	if version := versionIn(info); err == nil && isBefore(version, oldest) {
		s.log.Error("Redis is too old: replicas share no tokens by it, and those of classic accounts end each other's",
			"redis_version", version, "needed", oldest, "remedy", remedyForOld)
	}
	return err == nil
}

// remedyForOld is what to do then.
const remedyForOld = "token.store needs Redis " + oldest + " or later"

// versionIn returns the version in what the command INFO answers, empty if there
// is none.
func versionIn(info string) string {
	for line := range strings.Lines(info) {
		if version, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:"); ok {
			return secret.Quote(version)
		}
	}
	return ""
}

// isBefore reports whether version, of numbers with dots between, is an earlier one
// than other. What is no version is not.
func isBefore(version, other string) bool {
	numbers, others := strings.Split(version, "."), strings.Split(other, ".")
	for i := range min(len(numbers), len(others)) {
		n, err := strconv.Atoi(numbers[i])
		o, _ := strconv.Atoi(others[i])
		if err != nil || n != o {
			return err == nil && n < o
		}
	}
	return false
}

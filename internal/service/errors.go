package service

import (
	"cmp"

	"wxproxy/config"
)

// A MistakeError is something that the user wrote wrong.
type MistakeError struct{ Err error }

// Error implements error.
func (e MistakeError) Error() string { return e.Err.Error() }

// Unwrap returns what is wrong.
func (e MistakeError) Unwrap() error { return e.Err }

// Mistake returns err as a mistake in a setting, in the form of config's own.
func Mistake(cfg *config.Config, key string, err error) error {
	return MistakeError{config.Problem{Where: cmp.Or(cfg.File, "environment"), Key: key, Text: err.Error()}}
}

// A LoggedError is one that the log has already.
type LoggedError struct{ Err error }

// Error implements error.
func (e LoggedError) Error() string { return e.Err.Error() }

// Unwrap returns what the log has.
func (e LoggedError) Unwrap() error { return e.Err }

package rawtest

import (
	"os"
)

// PlainIO is set in a process that runs the tests with PlainIO.
const PlainIO = "WXPROXY_TEST_PLAIN_IO"

func IsPlain() bool { return os.Getenv(PlainIO) != "" }

package redis

import (
	"flag"
	"testing"
)

// These tests take some twelve seconds, not five: a real Redis knows no simulated time,
// and what is noticed every three seconds, or after a Sentinel's election, is waited
// for. They wait at the same time, more of them than there are processors.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	m.Run()
}

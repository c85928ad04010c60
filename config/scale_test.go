package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// thousands returns a configuration with many accounts, and a client for each,
// which names it after prefix.
func thousands(many int, prefix string) string {
	var toml strings.Builder
	for n := range many {
		fmt.Fprintf(&toml, "[[account]]\nname = \"account-%d\"\napp_id = \"wx%016x\"\nsecret = \"5ec2e7\"\n", n, n)
		fmt.Fprintf(&toml, "[[client]]\nname = \"client-%d\"\nkey = \"0123456789abcdef-%d\"\naccounts = [\"%s-%d\"]\n", n, n, prefix, n)
	}
	return toml.String()
}

func TestEachOfManyMistakesIsReported(t *testing.T) {
	const many = 300
	_, err := Load(write(t, "config.toml", thousands(many, "acount")), lookup())
	problems, _ := errors.AsType[Problems](err)
	if len(problems) != many {
		t.Errorf("got %d problems; want %d", len(problems), many)
	}
	if !strings.Contains(problems[0].Text, "did you mean") || strings.Contains(problems[many-1].Text, "did you mean") {
		t.Errorf("got %q and %q; want suggestions for the first ones alone, which take their time", problems[0].Text, problems[many-1].Text)
	}
}

// BenchmarkLoad shows whether a check takes longer for each account when there
// are more of them.
func BenchmarkLoad(b *testing.B) {
	for _, many := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			path := write(b, "config.toml", thousands(many, "account"))
			for b.Loop() {
				if _, err := Load(path, lookup()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*many), "ns/account")
		})
	}
}

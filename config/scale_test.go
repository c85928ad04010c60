package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
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
	if !strings.Contains(problems[0].Text.Error(), "did you mean") || strings.Contains(problems[many-1].Text.Error(), "did you mean") {
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

// Each start and each reload checks them all. To look the account of each up for each pair
// of forwards took half a minute here.
func TestManyForwardsOfManyAccountsAreCheckedAtOnce(t *testing.T) {
	t.Parallel()
	const many = 3000
	var toml strings.Builder
	toml.WriteString("[push]\nlisten = \"127.0.0.1:8082\"\n")
	for n := range many {
		fmt.Fprintf(&toml, "[[account]]\nname = \"account-%d\"\napp_id = \"wx%016x\"\nsecret = \"5ec2e7\"\npush_token = \"f2c9a1-%d\"\n", n, n, n)
		fmt.Fprintf(&toml, "[[forward]]\naccount = \"account-%d\"\nurl = \"http://127.0.0.1:9000/%d\"\n", n, n)
	}
	toml.WriteString("[[forward]]\naccount = \"wx0000000000000007\"\nurl = \"http://127.0.0.1:9000/late\"\n")
	began := time.Now()
	cfg := mustLoad(t, toml.String())
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v; want less than 10 s", took)
	}
	last := cfg.Warnings()[len(cfg.Warnings())-1]
	if !strings.Contains(last, "forward[3001]: gets nothing: forward[8] before it") {
		t.Errorf("got %q; want that the last forward gets nothing", last)
	}
}

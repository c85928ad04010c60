package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest"
)

// BenchmarkRedis reports how many commands Redis gets from replicas with so many
// accounts, until all have a token and per second when nothing happens. Those that
// scripts call count.
func BenchmarkRedis(b *testing.B) {
	for _, row := range []struct{ replicas, accounts int }{{1, 1}, {3, 1}, {5, 1}, {3, 100}, {3, 1000}, {3, 10_000}} {
		b.Run(fmt.Sprintf("%dx%d", row.replicas, row.accounts), func(b *testing.B) {
			for b.Loop() {
				w, toml := accountsOf(b, row.accounts)
				server := redistest.Start(b)
				var all []*program
				for range row.replicas {
					all = append(all, startingAsBuilt(b, w.URL, toml, "WXPROXY_STORE=redis://"+server.Addr))
				}
				for _, p := range all {
					p.awaitReady()
				}
				b.ReportMetric(float64(commands(b, server))/float64(row.replicas*row.accounts), "commands/start/account")
				time.Sleep(5 * time.Second)
				watched := max(time.Minute, 10*time.Millisecond*time.Duration(row.accounts))
				before := commands(b, server)
				time.Sleep(watched)
				b.ReportMetric(float64(commands(b, server)-before-1)/watched.Seconds(), "commands/s")
				for _, p := range all {
					p.stop()
				}
				server.Stop()
			}
		})
	}
}

// accountsOf returns a WeChat with so many accounts, and the file that has them.
func accountsOf(b *testing.B, n int) (weChat, string) {
	w := wechattest.New()
	var toml strings.Builder
	for i := range n {
		id := fmt.Sprintf("wx%016x", i)
		w.AddApp(wechattest.App{ID: id, Secret: appSecret})
		fmt.Fprintf(&toml, "[[account]]\nname = \"account-%d\"\napp_id = %q\nsecret = %q\n", i, id, appSecret)
	}
	return serveWeChat(b, w), toml.String()
}

// commands returns how many commands a Redis has run.
func commands(b *testing.B, server *redistest.Server) int {
	b.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr, DisableIdentity: true})
	defer client.Close()
	stats := client.Info(context.Background(), "stats").Val()
	_, after, _ := strings.Cut(stats, "total_commands_processed:")
	number, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.Atoi(number)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkPausedRedis reports the p99 of requests while Redis answers and while
// it is stopped, by turns.
func BenchmarkPausedRedis(b *testing.B) {
	w := startWeChat(b)
	server := redistest.Start(b)
	p := startingAsBuilt(b, w.URL, fourLines, "WXPROXY_STORE=redis://"+server.Addr)
	p.awaitReady()
	var normal, paused []time.Duration
	for b.Loop() {
		normal = append(normal, p.latencies(3*time.Second)...)
		server.Pause()
		paused = append(paused, p.latencies(3*time.Second)...)
		server.Resume()
	}
	p99 := func(of []time.Duration) float64 {
		slices.Sort(of)
		return float64(of[len(of)*99/100].Microseconds())
	}
	b.ReportMetric(p99(normal), "us-p99-normal")
	b.ReportMetric(p99(paused), "us-p99-paused")
	b.ReportMetric(p99(paused)/p99(normal), "ratio")
	p.stop()
}

// latencies calls for so long and returns how long each call took.
func (p *program) latencies(long time.Duration) (all []time.Duration) {
	for until := time.Now().Add(long); time.Now().Before(until); {
		all = append(all, took(func() { p.mustSucceed() }))
	}
	return all
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// BenchmarkAccounts starts the program with so many accounts and reports what
// they cost: the time until all have a token, and memory, CPU and threads when
// nothing happens any more. KiB/account is what each costs beyond the first one.
func BenchmarkAccounts(b *testing.B) {
	alone := 0
	for _, accounts := range []int{1, 1000, 10_000} {
		b.Run(fmt.Sprint(accounts), func(b *testing.B) {
			for b.Loop() {
				r := rest(b, accounts)
				if accounts == 1 {
					alone = r.memory
				} else {
					b.ReportMetric(float64(r.memory-alone)/1024/float64(accounts-1), "KiB/account")
				}
				b.ReportMetric(r.ready.Seconds(), "s-to-ready")
				b.ReportMetric(float64(r.memory)/mib, "MiB")
				b.ReportMetric(float64(r.peak)/mib, "MiB-peak")
				b.ReportMetric(100*r.cpu.Seconds()/restTime.Seconds(), "%CPU")
				b.ReportMetric(r.status.Seconds()*1000, "ms/status")
				b.ReportMetric(float64(r.files), "files")
			}
		})
	}
}

// restTime is how long a process at rest is watched.
const restTime = 3 * time.Second

// resting is what a process costs at rest.
type resting struct {
	ready, cpu, status time.Duration
	memory, peak       int
	files              int
}

// rest starts the program with so many accounts and watches it when all of them
// have a token.
func rest(b *testing.B, accounts int) resting {
	w := wechattest.New()
	var toml strings.Builder
	for n := range accounts {
		id := fmt.Sprintf("wx%016x", n)
		w.AddApp(wechattest.App{ID: id, Secret: appSecret})
		fmt.Fprintf(&toml, "[[account]]\nname = \"account-%d\"\napp_id = %q\nsecret = %q\n", n, id, appSecret)
	}
	simulated := serveWeChat(b, w)
	began := time.Now()
	p := servingAsBuilt(b, simulated.URL, toml.String())
	r := resting{ready: time.Since(began)}
	for _, account := range []string{"0", strconv.Itoa(accounts - 1)} {
		if a := p.call("GET", "/@account-"+account+userInfo, ""); a.code != http.StatusOK {
			b.Fatalf("account-%s: got %d %s", account, a.code, a.body)
		}
	}
	began = time.Now()
	p.mustAsk("GET", p.admin+"/status", "")
	r.status = time.Since(began)
	time.Sleep(startTime) // and idle connections end
	before := p.cpuTime()
	time.Sleep(restTime)
	r.cpu = p.cpuTime() - before
	r.memory, r.peak = p.memory("VmRSS"), p.memory("VmHWM")
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	r.files = len(files)
	p.stop()
	return r
}

// cpuTime returns how long the process has computed, of which the kernel counts
// hundredths of a second.
func (p *program) cpuTime() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold anything
	fields := strings.Fields(after)
	const utime, stime = 11, 12
	ticks := 0
	for _, field := range fields[utime : stime+1] {
		n, err := strconv.Atoi(field)
		if err != nil {
			p.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

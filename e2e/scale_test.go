package e2e

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
// they cost: the time until all have a token, and memory, CPU and files when
// nothing happens any more. KiB/account is what each costs beyond the first one.
// Goroutines, which only the inside shows, are in BenchmarkKeepers of package token.
func BenchmarkAccounts(b *testing.B) {
	if _, err := built(); err != nil { // which is no part of the time
		b.Fatal(err)
	}
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
				b.ReportMetric(float64(r.early)/mib, "MiB-when-ready")
				b.ReportMetric(float64(r.peak)/mib, "MiB-peak")
				b.ReportMetric(100*r.cpu.Seconds()/restTime.Seconds(), "%CPU")
				b.ReportMetric(r.check.Seconds()*1000, "ms/check")
				b.ReportMetric(r.readyz.Seconds()*1000, "ms/readyz")
				b.ReportMetric(r.status.Seconds()*1000, "ms/status")
				b.ReportMetric(float64(r.files), "files")
				b.ReportMetric(float64(r.peakFiles), "files-peak")
			}
		})
	}
}

// restTime is how long a process at rest is watched.
const restTime = 3 * time.Second

// resting is what a process costs at rest.
type resting struct {
	ready, cpu, check, readyz, status time.Duration
	early, memory, peak               int // early: when all have a token
	files, peakFiles                  int
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
	p := startingAsBuilt(b, simulated.URL, toml.String())
	var r resting
	p.eventually("/readyz?all=1 with status 200", func() bool {
		r.peakFiles = max(r.peakFiles, p.files())
		a, err := p.ask("GET", p.admin+"/readyz?all=1", "")
		return err == nil && a.code == http.StatusOK
	})
	r.ready, r.early = time.Since(began), p.memory("VmRSS")
	for _, account := range []string{"0", strconv.Itoa(accounts - 1)} {
		if a := p.call("GET", "/@account-"+account+userInfo, ""); a.code != http.StatusOK {
			b.Fatalf("account-%s: got %d %s", account, a.code, a.body)
		}
	}
	r.readyz = took(func() { p.mustAsk("GET", p.admin+"/readyz?all=1", "") })
	r.status = took(func() { p.mustAsk("GET", p.admin+"/status", "") })
	r.check = took(func() { runs(b, exitOK, launch{args: []string{"check"}, dir: p.cmd.Dir, executable: p.cmd.Path}) })
	const startTime = 10 * time.Second // as in internal/service
	time.Sleep(startTime)              // and idle connections end
	before := p.cpuTime()
	time.Sleep(restTime)
	r.cpu = p.cpuTime() - before
	r.memory, r.peak, r.files = p.memory("VmRSS"), p.memory("VmHWM"), p.files()
	p.stop()
	return r
}

func took(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// files returns how many files the process has open.
func (p *program) files() int {
	p.t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skipf("this system does not say which files a process has: %v", err)
	}
	return len(files)
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

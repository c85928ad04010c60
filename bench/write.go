//go:build linux

package main

import (
	"bytes"
	_ "embed" // reading.md
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"wxproxy/bench/report"
)

// reading explains the tables.
//
//go:embed reading.md
var reading string

func now() string { return time.Now().UTC().Format("2006-01-02 15:04 UTC") }

func (b *bench) writePlot(folder string, shown []report.Comparison, caption string) error {
	var svg bytes.Buffer
	report.Plot(&svg, shown, caption)
	return writeFile(folder, "results.svg", svg.Bytes())
}

func (b *bench) writeTables(folder string, f findings, about []string) error {
	var md bytes.Buffer
	md.WriteString("# What a proxied request costs\n\n`make bench` wrote this page.\n\n")
	for _, line := range about {
		fmt.Fprintf(&md, "* %s\n", line)
	}
	for _, c := range b.contestants {
		fmt.Fprintf(&md, "* %s: %s.\n", c.Name, c.Version)
	}
	fmt.Fprintf(&md, "* Source: %s. Built with %s.\n\n![CPU time per request, nginx = 1](results.svg)\n", commit(), runtime.Version())
	section(&md, "Goals", b.goals(f))
	md.WriteString("\n" + reading)
	section(&md, "The same load on all", tables(f.plain, f.secure)...)
	section(&md, "At rest", report.Tabulate(f.idle, f.crowded, f.left), report.Tabulate(f.start))
	section(&md, "Bodies", tables(f.bodies)...)
	section(&md, "New connections, HTTPS callers", tables(f.fresh, f.callers)...)
	section(&md, "A line of the log for each request", tables(f.logged)...)
	section(&md, "After a silence", tables(f.silent)...)
	section(&md, "More callers, very long bodies", tables(f.larger)...)
	section(&md, "More accounts, more clients", tables([]report.Comparison{f.scraped, f.accounts, f.clients})...)
	section(&md, "A platform with many accounts", append(tables([]report.Comparison{f.platform.calls}), f.platform.sizes())...)
	return writeFile(folder, "RESULTS.md", md.Bytes())
}

func tables(lists ...[]report.Comparison) (all []report.Table) {
	for _, list := range lists {
		for _, c := range list {
			all = append(all, c.Table())
		}
	}
	return all
}

// section adds a heading and tables.
func section(md *bytes.Buffer, heading string, tables ...report.Table) {
	fmt.Fprintf(md, "\n## %s\n", heading)
	for _, t := range tables {
		md.WriteByte('\n')
		t.WriteTo(md) //nolint:errcheck // a bytes.Buffer takes everything
	}
}

func writeFile(folder, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// describeMachine returns processor, memory and kernel.
func describeMachine() (string, error) {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "", fmt.Errorf("looking at the machine: %w", err)
	}
	var name unix.Utsname
	var system unix.Sysinfo_t
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("looking at the machine: %w", err)
	}
	if err := unix.Sysinfo(&system); err != nil {
		return "", fmt.Errorf("looking at the machine: %w", err)
	}
	cores := strings.Count(string(info), "processor\t:")
	memory := float64(system.Totalram) * float64(system.Unit) / (1 << 30)
	return fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s", model(string(info)), cores, memory, unix.ByteSliceToString(name.Release[:])), nil
}

// model returns the processor's name in a /proc/cpuinfo, if it is there.
func model(cpuinfo string) string {
	_, after, found := strings.Cut(cpuinfo, "model name\t: ")
	if !found {
		return runtime.GOARCH
	}
	name, _, _ := strings.Cut(after, "\n")
	return name
}

// commit returns the commit of the working tree, and whether there are changes.
func commit() string {
	said, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "no commit known"
	}
	return "commit " + strings.TrimSpace(string(said))
}

// writeSizes writes SIZING.md.
func (b *bench) writeSizes(folder string, t report.Table, when string) error {
	machine, err := describeMachine()
	if err != nil {
		return err
	}
	return writeFile(folder, "SIZING.md", sizesPage(t, []string{
		"Machine: " + machine + ".", "Measured: " + when + ".", "Source: " + commit() + ".",
	}))
}

// sizesPage returns the page with the table of sizes.
func sizesPage(t report.Table, about []string) []byte {
	var md bytes.Buffer
	md.WriteString("# What wxproxy takes\n\n`make bench SIZING=1` wrote this page; docs/operations.md says what to plan with it.\n\n")
	for _, line := range about {
		fmt.Fprintf(&md, "* %s\n", line)
	}
	md.WriteByte('\n')
	t.WriteTo(&md) //nolint:errcheck // a bytes.Buffer takes everything
	return md.Bytes()
}

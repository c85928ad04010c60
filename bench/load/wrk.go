//go:build linux

package load

import (
	"context"
	_ "embed" // wrk.lua
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed wrk.lua
var script string

// A Closed load is so many callers, each of which calls again when it has its answer.
type Closed struct {
	Callers  int
	Duration time.Duration
	Turns    bool // the callers take turns with the calls, also if there is one only
}

// Run has wrk put the load on the target. It uses dir for files.
func (l Closed) Run(ctx context.Context, t Target, dir string) (Result, error) {
	var calls strings.Builder
	for _, call := range t.Calls {
		fmt.Fprintf(&calls, "%s %s\n", call.Path, call.Key)
	}
	for name, content := range map[string][]byte{"calls.txt": []byte(calls.String()), "body": t.Body, "wrk.lua": []byte(script)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return Result{}, fmt.Errorf("running wrk: %w", err)
		}
	}
	turns := "0"
	if l.Turns || len(t.Calls) > 1 {
		turns = "1"
	}
	seconds := strconv.Itoa(int(max(time.Second, l.Duration).Seconds()))
	command := exec.CommandContext(ctx, "wrk", "-t1", "-c"+strconv.Itoa(l.Callers), "-d"+seconds+"s", "--timeout", "30s",
		"-s", filepath.Join(dir, "wrk.lua"), "http://"+t.Addr)
	command.Env = append(os.Environ(), "BENCH_CALLS="+dir, "BENCH_TURNS="+turns)
	said, err := command.CombinedOutput()
	if err != nil {
		return Result{}, fmt.Errorf("running wrk: %w: %s", err, said)
	}
	return parseWrk(string(said))
}

// parseWrk reads the line that wrk.lua prints. Times are in microseconds.
func parseWrk(said string) (Result, error) {
	_, line, found := strings.Cut(said, "\nbench ")
	if !found {
		return Result{}, fmt.Errorf("reading what wrk says: no result in %q", said)
	}
	line, _, _ = strings.Cut(line, "\n")
	var numbers [6]int
	fields := strings.Fields(line)
	if len(fields) != len(numbers) {
		return Result{}, fmt.Errorf("reading what wrk says: %d numbers in %q", len(fields), line)
	}
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil {
			return Result{}, fmt.Errorf("reading what wrk says: %w", err)
		}
		numbers[i] = n
	}
	microseconds := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	return Result{
		Requests: numbers[0],
		Failed:   numbers[1],
		Elapsed:  microseconds(numbers[2]),
		P50:      microseconds(numbers[3]),
		P99:      microseconds(numbers[4]),
		P999:     microseconds(numbers[5]),
	}, nil
}

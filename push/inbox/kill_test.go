package inbox

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// helperFolder is the variable by which the test is the process that is killed.
const helperFolder = "WXPROXY_TEST_INBOX"

// TestMain is that process too: it adds pushes from a number on, says of each that it was
// stored, and notes in a file what it delivers. The tests take some ten seconds, not five:
// as many times a disk is waited for as there are pushes.
func TestMain(m *testing.M) {
	dir := os.Getenv(helperFolder)
	if dir == "" {
		m.Run()
		return
	}
	if err := help(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic("the helper failed")
	}
}

func help(dir string) error {
	from, err := strconv.Atoi(os.Getenv(helperFolder + "_FROM"))
	if err != nil {
		return err
	}
	b, err := Open(Config{Dir: filepath.Join(dir, "pushes"), Max: 1 << 30})
	if err != nil {
		return err
	}
	got, err := os.OpenFile(filepath.Join(dir, "got"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	b.Start(func(_ context.Context, p *Push) error {
		_, err := fmt.Fprintln(got, string(p.Body))
		return err
	})
	for i := from; i < killed; i++ {
		p := &Push{ID: fmt.Sprint(i), Account: "a", Forward: "f", Received: time.Now(), Body: fmt.Append(nil, i)}
		if err := b.Add(context.Background(), p); err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil { //nolint:forbidigo // the test reads it
			return err
		}
	}
	time.Sleep(time.Minute) // until it is killed
	return nil
}

// killed is how many pushes are added.
const killed = 1000

func TestAProcessThatIsKilledLosesNoPushAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stored, kills := 0, 0
	for len(delivered(t, dir)) == 0 || last(delivered(t, dir)) != killed-1 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), helperFolder+"="+dir, fmt.Sprint(helperFolder, "_FROM=", stored))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		end := time.AfterFunc(time.Duration(20+rand.IntN(300))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				stored = n + 1
			}
		}
		_ = cmd.Wait()
		end.Stop()
		if kills++; kills > 300 {
			t.Fatalf("got %d stored after %d kills", stored, kills)
		}
	}
	t.Logf("%d kills", kills)
	checkOrder(t, delivered(t, dir))
}

func delivered(t *testing.T, dir string) (numbers []int) {
	content, err := os.ReadFile(filepath.Join(dir, "got"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if n, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && strings.HasSuffix(line, "\n") {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func last(numbers []int) int { return numbers[len(numbers)-1] }

// checkOrder checks that each number comes, and none before the one before it. One may
// come again: if it was added again, or the process ended before it noted the delivery.
func checkOrder(t *testing.T, numbers []int) {
	t.Helper()
	next, again := 0, 0
	for _, n := range numbers {
		switch n {
		case next:
			next++
		case next - 1:
			again++
		default:
			t.Fatalf("got %d after %d; want %d", n, next-1, next)
		}
	}
	if next != killed {
		t.Errorf("got %d; want %d", next, killed)
	}
	t.Logf("%d came again", again)
}

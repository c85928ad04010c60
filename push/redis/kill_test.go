package redis

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/redistest"
	"wxproxy/internal/secret"
	"wxproxy/push/inbox"
	tokens "wxproxy/token/store/redis"
)

// helperRedis is the variable by which the test is the process that is killed.
const helperRedis = "WXPROXY_TEST_INBOX_REDIS"

// TestMain is that process too: it adds pushes from a number on, says of each that it was
// stored, and notes in a file what it delivers. The tests take longer than five seconds,
// since a real Redis knows no simulated time: leases end, and queues rest.
func TestMain(m *testing.M) {
	address := os.Getenv(helperRedis)
	if address == "" {
		flag.Parse()
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
		m.Run()
		return
	}
	if err := help(address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic("the helper failed")
	}
}

func help(address string) error {
	from, err := strconv.Atoi(os.Getenv(helperRedis + "_FROM"))
	if err != nil {
		return err
	}
	link, err := tokens.New(tokens.Config{URL: secret.New("redis://" + address), KeyPrefix: "p"})
	if err != nil {
		return err
	}
	s := New(link, 1<<30, slog.New(slog.DiscardHandler))
	s.lease = time.Second
	b, err := inbox.Open(inbox.Config{Store: s})
	if err != nil {
		return err
	}
	got, err := os.OpenFile(os.Getenv(helperRedis+"_GOT"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	b.Start(func(_ context.Context, p *inbox.Push) error {
		_, err := fmt.Fprintln(got, string(p.Body))
		return err
	})
	for i := from; i < killed; {
		p := &inbox.Push{ID: fmt.Sprint(i), Account: "a", Forward: "f", Received: time.Now(), Body: fmt.Append(nil, i)}
		if err := b.Add(context.Background(), p); err != nil {
			time.Sleep(50 * time.Millisecond) // Redis was killed
			continue
		}
		if _, err := fmt.Println(i); err != nil { //nolint:forbidigo // the test reads it
			return err
		}
		i++
	}
	time.Sleep(time.Minute) // until it is killed
	return nil
}

// killed is how many pushes are added.
const killed = 1000

// Processes and Redis are killed in turn, in the midst of it. Redis is told to write what
// it acknowledges at once: by default it may be a second or two behind, and what it loses
// of that is the deliveries that were noted, which come again, or pushes.
func TestProcessesAndARedisThatAreKilledLoseNoPushAndKeepTheOrder(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	file := filepath.Join(t.TempDir(), "got")
	stored, kills := 0, 0
	for numbers := delivered(t, file); len(numbers) == 0 || numbers[len(numbers)-1] != killed-1; numbers = delivered(t, file) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), helperRedis+"="+server.Addr, helperRedis+"_GOT="+file, fmt.Sprint(helperRedis, "_FROM=", stored))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := make(chan int)
		go func() {
			defer close(lines)
			for text := bufio.NewScanner(out); text.Scan(); {
				if n, err := strconv.Atoi(text.Text()); err == nil {
					lines <- n
				}
			}
		}()
		end := time.After(time.Duration(500+rand.IntN(1500)) * time.Millisecond)
		alone := time.After(time.Duration(300+rand.IntN(300)) * time.Millisecond)
		for alive := true; alive; {
			select {
			case n, open := <-lines:
				if alive = open; open {
					stored = n + 1
				}
			case <-alone:
				server.Stop()
				server.Start()
			case <-end:
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
		if kills++; kills > 100 {
			t.Fatalf("got %d stored after %d kills", stored, kills)
		}
	}
	t.Logf("%d kills", kills)
	checkOrder(t, delivered(t, file))
}

func delivered(t *testing.T, file string) (numbers []int) {
	content, err := os.ReadFile(file)
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

// checkOrder checks that each number comes, and none before the one before it. One may
// come again: if it was added again, or what ended it did so before the delivery was noted.
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

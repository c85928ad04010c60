//go:build linux

package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Redis returns redis-server, which keeps nothing on disk. It runs on the proxies' core, but nobody
// measures its time.
func Redis() *Peer {
	return &Peer{Name: "redis-server", prepare: func(s Site, addr string) ([]string, error) {
		_, port, err := net.SplitHostPort(addr)
		return []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", s.Dir, "--save", ""}, err
	}}
}

// Commands returns how many commands a redis-server has run, those that scripts call
// included.
func (p *Process) Commands(ctx context.Context) (int, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
	if err != nil {
		return 0, fmt.Errorf("asking redis-server: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(stopTime)); err != nil {
		return 0, fmt.Errorf("asking redis-server: %w", err)
	}
	if _, err := io.WriteString(conn, "INFO stats\r\n"); err != nil {
		return 0, fmt.Errorf("asking redis-server: %w", err)
	}
	answer := bufio.NewReader(conn)
	for {
		line, err := answer.ReadString('\n')
		if err != nil {
			return 0, fmt.Errorf("asking redis-server: %w", err)
		}
		if number, ok := strings.CutPrefix(line, "total_commands_processed:"); ok {
			return strconv.Atoi(strings.TrimSpace(number))
		}
	}
}

package redistest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// StartTLS starts a redis-server that speaks TLS only on its address.
func StartTLS(t testing.TB, args ...string) *Server {
	t.Helper()
	s := Start(t, args...)
	s.Stop()
	s.run = append(s.run, "--tls-port", port(s.Addr), "--port", "0")
	s.Start()
	return s
}

// StartReplica starts a redis-server that replicates primary, and returns when it has a
// copy.
func StartReplica(t testing.TB, primary *Server) *Server {
	t.Helper()
	s := Start(t, "--replicaof", "127.0.0.1 "+port(primary.Addr), "--repl-diskless-sync-delay", "0")
	s.await("a copy of "+primary.Addr, func() bool {
		return strings.Contains(s.info("replication"), "master_link_status:up")
	})
	return s
}

// StartSentinel starts a Sentinel that watches primary by a name, and replaces it
// on its own when it has been away for a second.
func StartSentinel(t testing.TB, name string, primary *Server) *Server {
	t.Helper()
	s := Start(t)
	s.Stop()
	file := filepath.Join(s.dir, "sentinel.conf")
	content := "sentinel monitor " + name + " 127.0.0.1 " + port(primary.Addr) + " 1\n" +
		"sentinel down-after-milliseconds " + name + " 1000\nsentinel failover-timeout " + name + " 3000\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run = append([]string{s.run[0], file, "--sentinel"}, s.run[1:]...)
	s.Start()
	s.await("a replica that the Sentinel knows", func() bool {
		return strings.Contains(s.info("sentinel"), "slaves=1")
	})
	return s
}

// StartCluster starts a cluster of three primaries.
func StartCluster(t testing.TB) []*Server {
	t.Helper()
	const slots = 16384
	nodes := make([]*Server, 3)
	for i := range nodes {
		bus := port(freeAddress(t))
		nodes[i] = Start(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		nodes[i].MustDo("CLUSTER", "ADDSLOTSRANGE", slots*i/len(nodes), slots*(i+1)/len(nodes)-1)
		nodes[0].MustDo("CLUSTER", "MEET", "127.0.0.1", port(nodes[i].Addr), bus)
	}
	for _, s := range nodes {
		s.await("a cluster", func() bool {
			info, _ := s.Do("CLUSTER", "INFO")
			text, _ := info.(string)
			return strings.Contains(text, "cluster_state:ok") && strings.Contains(text, "cluster_known_nodes:3")
		})
	}
	return nodes
}

// Do sends a command to the server as its default user, and returns the answer.
func (s *Server) Do(command ...any) (any, error) {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, DisableIdentity: true})
	defer client.Close()
	return client.Do(context.Background(), command...).Result()
}

// MustDo does what Do does, and fails the test on an error.
func (s *Server) MustDo(command ...any) any {
	s.t.Helper()
	answer, err := s.Do(command...)
	if err != nil {
		s.t.Fatalf("%v: %v", command, err)
	}
	return answer
}

func (s *Server) info(section string) string {
	answer, _ := s.Do("INFO", section)
	text, _ := answer.(string)
	return text
}

// await waits until is reports true, and fails the test after 20 s. what says what it
// waits for.
func (s *Server) await(what string, is func() bool) {
	s.t.Helper()
	const patience = 20 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	s.t.Fatalf("got no %s within %v", what, patience)
}

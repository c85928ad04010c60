package redis

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxproxy/internal/redistest"
	"wxproxy/internal/sockettest"
)

// olderRedis, before a script, has a Redis of today hold it to the rules of an
// earlier version: no write after TIME unless effects are replicated, which has to
// be asked for before the first write, and one field in HSET.
const olderRedis = `
local real, random, wrote, effects = redis, false, false, false
local function held(call, name, ...)
  if name == 'HSET' and select('#', ...) ~= 3 then error("ERR wrong number of arguments for 'hset' command") end
  if name == 'TIME' then random = true end
  if name == 'HSET' or name == 'DEL' or name == 'PEXPIRE' then
    if random and not effects then error('Write commands not allowed after non deterministic commands') end
    wrote = true
  end
  return call(name, ...)
end
local redis = {
  call = function(...) return held(real.call, ...) end,
  pcall = function(...) return held(real.pcall, ...) end,
}
`

// withReplication, after olderRedis, is what Redis has since 3.2.
const withReplication = `
redis.replicate_commands = function() effects = not wrote; return effects end
`

func TestScriptsRunOnOlderVersionsOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for name, prelude := range map[string]string{"today": "", "3.2 to 4": olderRedis + withReplication} {
		server.MustDo("FLUSHALL")
		s := openRedis(t, "redis://"+server.Addr)
		s.load, s.save = redis.NewScript(prelude+loadScript), redis.NewScript(prelude+saveScript)
		known := fetched("token-1", time.Now())
		for generation := int64(1); generation <= 3; generation++ {
			known = mustSave(t, s, known)
			if known.Notice.Generation != generation {
				t.Errorf("%s: got generation %d; want %d", name, known.Notice.Generation, generation)
			}
		}
		if r, err := s.Load(wx1); err != nil || r.Token.Value.Reveal() != "token-1" || r.Notice.FetchedAt.IsZero() {
			t.Errorf("%s: got %+v, %v; want what was saved", name, r, err)
		}
		mustLease(t, s, wx1)()
	}
}

func TestARedisBefore3_2IsTold(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log logged
	s := openRedis(t, "redis://"+server.Addr, loggingTo(&log))
	s.save = redis.NewScript(olderRedis + saveScript)
	if _, err := s.Save(wx1, fetched("token-1", time.Now())); err == nil || !strings.Contains(log.String(), "needs Redis 3.2 or later") {
		t.Errorf("got %v, %s; want to be told which version is needed", err, log.String())
	}
}

// oldServer answers what a store asks at its start as a Redis of this version
// does that cannot replicate effects.
func oldServer(t *testing.T, version string) string {
	t.Helper()
	return sockettest.Serve(t, func(conn net.Conn) {
		for r := bufio.NewReader(conn); ; {
			command, err := readCommand(r)
			if err != nil {
				return
			}
			io.WriteString(conn, oldAnswer(command, version))
		}
	})
}

func readCommand(r *bufio.Reader) (words []string, err error) {
	line, err := r.ReadString('\n')
	n, _ := strconv.Atoi(strings.Trim(line, "*\r\n"))
	for range n {
		if line, err = r.ReadString('\n'); err != nil {
			return nil, err
		}
		size, _ := strconv.Atoi(strings.Trim(line, "$\r\n"))
		word := make([]byte, size+2)
		if _, err = io.ReadFull(r, word); err != nil {
			return nil, err
		}
		words = append(words, string(word[:size]))
	}
	return words, err
}

func oldAnswer(command []string, version string) string {
	switch strings.ToUpper(command[0]) {
	case "EVAL":
		return ":0\r\n"
	case "INFO":
		info := "# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\n"
		return fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
	case "SUBSCRIBE":
		return fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(command[1]), command[1])
	case "PING":
		return "+PONG\r\n"
	}
	return "-ERR unknown command\r\n"
}

func TestTheVersionOfAnOldRedisIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	for version, told := range map[string]bool{"2.8.24": true, "3.0.7": true, "3.2.0": false, "9.0.1": false, "unstable": false} {
		var log logged
		s := openRedis(t, "redis://"+oldServer(t, version), loggingTo(&log))
		if !s.isTooOld(t.Context()) {
			t.Errorf("%s: got no answer", version)
		}
		if got := strings.Count(log.String(), "Redis is too old"); (got == 1) != told || told && (!strings.Contains(log.String(), version) || !strings.Contains(log.String(), "3.2")) {
			t.Errorf("%s: got %s", version, log.String())
		}
	}
	var log logged
	s := openRedis(t, "redis://"+oldServer(t, "2.8.24"), loggingTo(&log))
	s.Start()
	eventually(t, "a line at the start", func() bool { return strings.Contains(log.String(), "Redis is too old") })
}

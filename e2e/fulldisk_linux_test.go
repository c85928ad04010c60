package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxproxy/internal/wechattest"
)

// serveLong starts a WeChat that answers with content in parts, and counts what it
// gets.
func serveLong(t *testing.T, content []byte) weChat {
	t.Helper()
	return serveWeChat(t, wechattest.New(wechattest.App{ID: appID, Secret: appSecret}), func(s *http.Server) {
		mux := http.NewServeMux()
		mux.HandleFunc("/long", func(rw http.ResponseWriter, _ *http.Request) { rw.Write(content) })
		mux.HandleFunc("/upload", func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(rw, `{"errcode":0,"same":%v}`, bytes.Equal(body, content))
		})
		mux.Handle("/", s.Handler)
		s.Handler = mux
	})
}

// A directory for temporary files that takes no more is as good as a missing one:
// bodies are in memory, as far as there is room.
func TestAFullDirectoryForTemporaryFilesFailsNobody(t *testing.T) {
	t.Parallel()
	executable, err := built()
	if err != nil {
		t.Fatal(err)
	}
	content := filler(3 * mib)
	w := serveLong(t, content)
	for name, run := range map[string]launch{
		// To the program, a limit of 128 or 256 KiB for each file is a full disk.
		"full":    {executable: "/bin/sh", args: []string{"-c", `ulimit -f 256; exec "$0"`, executable}, env: []string{"TMPDIR=" + t.TempDir()}},
		"missing": {executable: executable, env: []string{"TMPDIR=" + filepath.Join(t.TempDir(), "missing")}},
	} {
		run.dir = t.TempDir()
		writeFile(t, filepath.Join(run.dir, "config.toml"), fourLines)
		run.env = append(run.env, "WXPROXY_LISTEN=127.0.0.1:0", "WXPROXY_ADMIN_LISTEN=127.0.0.1:0", "WXPROXY_UPSTREAM_URL="+w.URL)
		p := start(t, run)
		p.awaitServing()
		p.awaitReady()
		if a := p.call("POST", "/upload", string(content)); a.code != 200 || !strings.Contains(a.body, `"same":true`) {
			t.Errorf("%s: an upload got %d %.200s; want an answer", name, a.code, a.body)
		}
		if got := download10(t, p, "/long"); !bytes.Equal(got, content) {
			t.Errorf("%s: HTTP/1.0 got %d other bytes; want %d", name, len(got), len(content))
		}
		if lines := p.logged("large request bodies are kept in memory; let TMPDIR name a directory that can be written to"); len(lines) != 1 {
			t.Errorf("%s: got %v; want one line about it", name, lines)
		}
	}
}

// download10 returns the body of an answer to a caller that speaks HTTP/1.0.
func download10(t *testing.T, p *program, path string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%s: got %d and %d bytes, %v; want 200", path, resp.StatusCode, len(body), err)
	}
	return body
}

// Uploads that never end take no more memory than there is for them, however many
// there are.
func TestHalfSentUploadsTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	const uploads, size, most = 40, 12 * mib, 200 * mib
	w := startWeChat(t)
	p := startingAsBuilt(t, w.URL, fourLines, "TMPDIR="+filepath.Join(t.TempDir(), "missing"))
	p.awaitReady()
	part := filler(mib)
	for range uploads {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.proxy, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", send, size)
		for range size/mib - 1 {
			if _, err := conn.Write(part); err != nil {
				break // it was refused
			}
		}
	}
	p.mustSucceed()
	if got := p.memory("VmHWM"); got > most {
		t.Errorf("got %d MiB at most; want no more than %d", got/mib, most/mib)
	}
}

package wire

import (
	"testing"

	"wxproxy/proxy/internal/buffer"
)

func TestAnswersOutOfTheOrdinaryAreLeftToFasthttp(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	rows := []struct{ name, head string }{
		{"not all of it", ok + "\r"},
		{"another version", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n"},
		{"no HTTP", "SSH-2.0-x\r\nContent-Length: 2\r\n\r\n"},
		{"a short status", "HTTP/1.1 20\r\nContent-Length: 2\r\n\r\n"},
		{"a status without a reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n"},
		{"a status that is no number", "HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\n"},
		{"an interim answer", "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n"},
		{"no body", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"},
		{"a reason with a control byte", "HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\n"},
		{"no length", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"},
		{"two lengths", ok + "Content-Length: 2\r\n\r\n"},
		{"a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n"},
		{"a length without end", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"},
		{"a length and chunks", ok + "Transfer-Encoding: chunked\r\n\r\n"},
		{"chunks and a length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"},
		{"another transfer encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
		{"an encoding", ok + "Content-Encoding: gzip\r\n\r\n"},
		{"Connection that names a header", ok + "Connection: X-Hop\r\nX-Hop: 1\r\n\r\n"},
		{"Connection that names more after close", ok + "Connection: close\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"},
		{"a folded line", ok + "A: b\r\n c\r\n\r\n"},
		{"a bare line feed", ok + "A: b\nB: c\r\n\r\n"},
		{"a name with a space", ok + "A : b\r\n\r\n"},
		{"no name", ok + ": b\r\n\r\n"},
		{"no colon", ok + "A\r\n\r\n"},
		{"a control byte", ok + "A: \x02\r\n\r\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := Head{buffers: new(buffer.Pool)}
			if n := a.Read([]byte(row.head)); n != 0 || a.IsRaw() {
				t.Errorf("got %d bytes, raw %v; want nothing", n, a.IsRaw())
			}
		})
	}
}

func TestAnOrdinaryAnswerKeepsItsBytes(t *testing.T) {
	const body = `{"errcode":0}`
	head := "HTTP/1.1 200 Fine\r\nServer: w\r\nlogicRet: 0\r\nConnection: keep-alive\r\nX-Request-Id: theirs\r\n" +
		"Keep-Alive: timeout=5\r\nWxproxy-Attempts: 9\r\ncontent-length: 13\r\nSet-Cookie: a=b\r\nSet-Cookie:c\r\n\r\n"
	a := Head{buffers: new(buffer.Pool), dropsID: true}
	n := a.Read([]byte(head + body))
	want := "HTTP/1.1 200 Fine\r\nServer: w\r\nlogicRet: 0\r\nSet-Cookie: a=b\r\nSet-Cookie:c\r\n"
	if n != len(head) || string(a.lines.Bytes) != want || a.status != 200 || a.length != len(body) || a.closes {
		t.Errorf("got %d bytes, %q, status %d, length %d, closes %v; want %d, %q, 200, %d, false",
			n, a.lines.Bytes, a.status, a.length, a.closes, len(head), want, len(body))
	}
}

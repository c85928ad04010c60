package inbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token/store/seal"
)

// A record is a push as it is stored:
//
//	wxproxy-push 1 HEADER-LENGTH CONTENT-LENGTH CRC-32C-OF-BOTH
//	a header of JSON, then the content; encrypted, if there is a key
//
// in whose place a failed one has a line of JSON more at the end.
const firstLine = "wxproxy-push 1 %d %d %08x\n"

const (
	maxHeader  = 64 << 10
	maxContent = 8 << 20 // more than four times that of a push
)

// A header is the part of a record that can be read without a key.
type header struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	AppID    string    `json:"app_id"`
	Forward  string    `json:"forward"` // without what may be a secret in it
	Type     string    `json:"type"`
	Received time.Time `json:"received"`
	Sealed   bool      `json:"sealed,omitzero"`
}

// name is what the content is encrypted under: in the place of another one's it does not open.
func (h *header) name() string {
	return "push\x00" + h.ID + "\x00" + h.Account + "\x00" + h.AppID + "\x00" + h.Forward + "\x00" + h.Type
}

// Private is the line before the plain text in the content.
type private struct {
	ContentType string `json:"content_type,omitzero"`
	OpenID      string `json:"open_id,omitzero"`
	RequestID   string `json:"request_id,omitzero"`
	Forward     string `json:"forward,omitzero"` // if the header's is not the whole
}

// Encode returns the record of a push.
func Encode(p *Push, sealer *seal.Sealer) ([]byte, error) {
	h := header{p.ID, p.Account, p.AppID, p.Title(), p.Type, p.Received.UTC(), sealer != nil}
	head, err := json.Marshal(&h)
	if err != nil {
		return nil, fmt.Errorf("writing a push's header: %w", err)
	}
	hidden := private{p.ContentType, p.OpenID, p.RequestID, p.Forward}
	if h.Forward == p.Forward {
		hidden.Forward = ""
	}
	line, err := json.Marshal(hidden)
	if err != nil {
		return nil, fmt.Errorf("writing a push: %w", err)
	}
	content := append(append(line, '\n'), p.Body...)
	if sealer != nil {
		content = []byte(sealer.Seal(h.name(), secret.New(string(content))))
	}
	if len(head) > maxHeader || len(content) > maxContent {
		return nil, fmt.Errorf("a push has %d bytes and a header of %d, which is too much", len(content), len(head))
	}
	record := fmt.Appendf(make([]byte, 0, len(firstLine)+len(head)+len(content)), firstLine, len(head), len(content), checksum(head, content))
	return append(append(record, head...), content...), nil
}

func checksum(head, content []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(head, table), table, content)
}

// A layout is a record taken apart.
type layout struct {
	header  header
	content []byte
}

// maxLine is more than the first line has.
const maxLine = 64

// readLine reads the first line of a record, and returns what is behind it.
func readLine(record []byte) (head, content int, sum uint32, rest []byte, ok bool) {
	line, rest, ok := bytes.Cut(record, []byte("\n"))
	if !ok || len(line) > maxLine {
		return 0, 0, 0, nil, false
	}
	n, err := fmt.Sscanf(string(line)+"\n", firstLine, &head, &content, &sum)
	ok = n == 3 && err == nil && head >= 0 && content >= 0 && head <= maxHeader && content <= maxContent
	return head, content, sum, rest, ok
}

// isNewer reports whether a record is of a later version than this one's.
func isNewer(record []byte) bool {
	var version int
	line, _, _ := bytes.Cut(record[:min(len(record), maxLine)], []byte("\n"))
	n, _ := fmt.Sscanf(string(line), "wxproxy-push %d ", &version)
	return n == 1 && version > 1
}

// split takes a record apart.
func split(record []byte) (l layout, err error) {
	head, content, sum, rest, ok := readLine(record)
	switch {
	case !ok && isNewer(record):
		return l, ErrNewer
	case !ok || len(rest) < head+content:
		return l, ErrDamaged
	case checksum(rest[:head], rest[head:head+content]) != sum:
		return l, ErrDamaged
	case json.Unmarshal(rest[:head], &l.header) != nil:
		return l, ErrDamaged
	}
	l.content = rest[head : head+content]
	return l, nil
}

// Decode returns the push in a record. With ErrClosed it is one without content.
func Decode(record []byte, sealer *seal.Sealer) (*Push, error) {
	l, err := split(record)
	if err != nil {
		return nil, err
	}
	h, content := &l.header, l.content
	p := &Push{ID: h.ID, Account: h.Account, AppID: h.AppID, Forward: h.Forward, Type: h.Type, Received: h.Received}
	if h.Sealed {
		opened, err := sealer.Open(h.name(), string(content))
		if err != nil {
			return p, fmt.Errorf("%w: %w", ErrClosed, err)
		}
		content = []byte(opened.Reveal())
	}
	line, body, whole := bytes.Cut(content, []byte("\n"))
	var private private
	if !whole || json.Unmarshal(line, &private) != nil {
		return nil, ErrDamaged
	}
	p.ContentType, p.OpenID, p.RequestID, p.Body = private.ContentType, private.OpenID, private.RequestID, body
	p.Forward = cmp.Or(private.Forward, p.Forward)
	return p, nil
}

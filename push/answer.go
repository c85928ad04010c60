package push

import (
	"net/http"
	"strconv"

	"wxproxy/push/internal/envelope"
	"wxproxy/push/internal/message"
	"wxproxy/push/internal/sending"
)

// answer writes what became of a push: in its own format, and encrypted with the key that
// it came with.
func (p *push) answer(w http.ResponseWriter, o result) {
	switch {
	case o.Failed():
		w.WriteHeader(o.Status)
	case len(o.Reply) == 0:
		write(w, "text/plain", []byte("success"))
	case p.key != nil:
		write(w, p.format.ContentType(), p.seal(o.Reply))
	case o.ContentType == "":
		write(w, message.FormatOf(o.Reply).ContentType(), o.Reply)
	default:
		write(w, o.ContentType, o.Reply)
	}
}

// seal returns a reply, encrypted and signed.
func (p *push) seal(reply []byte) []byte {
	timestamp, nonce := sending.Stamp()
	encrypt := p.key.Seal(reply, p.account.ID)
	return message.Reply{
		Encrypt: encrypt, MsgSignature: envelope.Signature(p.account.Token, timestamp, nonce, encrypt), TimeStamp: timestamp, Nonce: nonce,
	}.Write(p.format)
}

// write writes an answer that has a body.
func write(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

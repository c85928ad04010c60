package sending

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"

	"wxproxy/push/internal/message"
)

// An Answer is what a program replies to a push. Without a Body it is nothing, or
// "success", which means the same to WeChat.
type Answer struct {
	Body        []byte
	ContentType string
}

// judge returns the reply that a response holds.
func (s *Sender) judge(ctx context.Context, response *http.Response) (Answer, error) {
	if err := judgeStatus(response); err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	switch {
	case err != nil:
		return Answer{}, explain(ctx, err)
	case len(body) > maxReply:
		return Answer{}, &Failure{Words: "the reply is larger than 1 MiB"}
	case isSuccess(body):
		return Answer{}, nil
	case response.Header.Get("Content-Encoding") != "":
		return Answer{}, &Failure{Words: "the reply is compressed, which nobody asked for"}
	}
	encrypt, isEncrypted := message.ReadReply(body)
	switch {
	case s.key != nil:
		return s.open(encrypt, isEncrypted)
	case isEncrypted:
		return Answer{}, &Failure{Words: "the reply is encrypted, and the forward has no aes_key to open it with: give it the program's, or have the program take pushes in plain mode"}
	}
	return Answer{Body: body, ContentType: response.Header.Get("Content-Type")}, nil
}

// open returns the reply of a program that gets its pushes encrypted.
func (s *Sender) open(encrypt string, isEncrypted bool) (Answer, error) {
	if !isEncrypted {
		return Answer{}, &Failure{Words: `the reply is neither encrypted nor "success"`}
	}
	plain, _, err := s.key.Open(encrypt)
	switch {
	case err != nil:
		return Answer{}, &Failure{Words: "the reply does not open with the forward's aes_key"}
	case isSuccess(plain):
		return Answer{}, nil
	}
	return Answer{Body: plain, ContentType: message.FormatOf(plain).ContentType()}, nil
}

// judgeStatus returns a failure unless a response says that the push was taken.
func judgeStatus(response *http.Response) error {
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusNoContent {
		return nil
	}
	return &Failure{Words: "the program answered with status " + strconv.Itoa(response.StatusCode)}
}

// isSuccess reports whether a reply means that there is none. node-easywechat's server for
// WeCom writes the word in capitals.
func isSuccess(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) == 0 || bytes.EqualFold(body, []byte("success"))
}

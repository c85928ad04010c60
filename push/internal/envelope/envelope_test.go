package envelope

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"wxproxy/internal/secret"
)

// A vector is one of WeChat's manual's, or of its sample code.
type vector struct {
	ID, Token, AppID            string
	AESKey                      string `json:"aes_key"`
	Timestamp, Nonce, Signature string
	MsgSignature                string `json:"msg_signature"`
	Random, Msg, Encrypt        string
	MsgLen                      int `json:"msg_len"`
	Get, Post                   struct{ Timestamp, Nonce, Signature string }
}

func vectors(tb testing.TB) (all []vector) {
	tb.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

func key(tb testing.TB, text string) *Key {
	tb.Helper()
	k, err := NewKey(secret.New(text))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestWeChatsVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			token := secret.New(v.Token)
			for _, plain := range []struct{ Timestamp, Nonce, Signature string }{v.Get, v.Post, {v.Timestamp, v.Nonce, v.Signature}} {
				if plain.Signature != "" && !Verify(plain.Signature, token, plain.Timestamp, plain.Nonce) {
					t.Errorf("got signature %s; want %s", Signature(token, plain.Timestamp, plain.Nonce), plain.Signature)
				}
			}
			if v.Encrypt == "" {
				return
			}
			if !Verify(v.MsgSignature, token, v.Timestamp, v.Nonce, v.Encrypt) {
				t.Errorf("got msg_signature %s; want %s", Signature(token, v.Timestamp, v.Nonce, v.Encrypt), v.MsgSignature)
			}
			k := key(t, v.AESKey)
			message, id, err := k.Open(v.Encrypt)
			if err != nil || id != v.AppID || v.Msg != "" && string(message) != v.Msg || v.MsgLen != 0 && len(message) != v.MsgLen {
				t.Fatalf("got %q of %s, error %v; want %q, %d bytes of %s", message, id, err, v.Msg, v.MsgLen, v.AppID)
			}
			if got := k.seal(v.Random, message, id); got != v.Encrypt {
				t.Errorf("sealed with the same random characters: got %s; want %s", got, v.Encrypt)
			}
		})
	}
}

func TestSealedIsOpened(t *testing.T) {
	k := key(t, strings.Repeat("A", 43))
	for size := range 70 {
		message := bytes.Repeat([]byte{'m'}, size)
		sealed := k.Seal(message, "wx1")
		got, id, err := k.Open(sealed)
		if err != nil || id != "wx1" || !bytes.Equal(got, message) {
			t.Errorf("%d bytes: got %q of %q, error %v", size, got, id, err)
		}
		if k.Seal(message, "wx1") == sealed {
			t.Errorf("%d bytes: sealed twice and the same", size)
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                 "",
		"42 characters":         strings.Repeat("A", 42),
		"44 characters":         strings.Repeat("A", 44),
		"with its equals":       strings.Repeat("A", 42) + "=",
		"another alphabet":      strings.Repeat("A", 42) + "-",
		"a line break":          strings.Repeat("A", 42) + "\n",
		"a line break in it":    strings.Repeat("A", 20) + "\r\n" + strings.Repeat("A", 21),
		"a line break too much": strings.Repeat("A", 43) + "\n",
	} {
		if _, err := NewKey(secret.New(text)); err == nil {
			t.Errorf("%s: got a key; want none", name)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error quotes the key: %v", name, err)
		}
	}
}

// sealed returns what k makes of plain, whatever that is.
func sealed(k *Key, plain []byte) string {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(k.block, k.iv[:]).CryptBlocks(out, plain)
	return base64.StdEncoding.EncodeToString(out)
}

func TestWhatDoesNotOpen(t *testing.T) {
	k := key(t, strings.Repeat("A", 43))
	block := func(last ...byte) []byte { return append(make([]byte, 64-len(last)), last...) }
	long := block(bytes.Repeat([]byte{4}, 4)...)
	copy(long[16:], []byte{0xff, 0xff, 0xff, 0xff})
	byOne := block(4, 4, 4, 4)
	byOne[19] = 64 - 20 - 4 + 1
	for name, row := range map[string]struct {
		encrypted string
		want      error
	}{
		"nothing":                       {"", ErrLength},
		"no base64":                     {"*", ErrBase64},
		"base64 without its end":        {strings.TrimRight(k.Seal(nil, "wx1"), "=")[:42], ErrBase64},
		"half a block":                  {base64.StdEncoding.EncodeToString(make([]byte, 24)), ErrLength},
		"padding of nothing":            {sealed(k, block(0)), ErrPadding},
		"padding of 33":                 {sealed(k, block(bytes.Repeat([]byte{33}, 33)...)), ErrPadding},
		"padding that is not all equal": {sealed(k, block(2, 3, 3)), ErrPadding},
		"padding longer than all":       {sealed(k, bytes.Repeat([]byte{32}, 16)), ErrPadding},
		"nothing but padding":           {sealed(k, bytes.Repeat([]byte{32}, 32)), ErrLength},
		"less than the head":            {sealed(k, append(make([]byte, 13), bytes.Repeat([]byte{19}, 19)...)), ErrLength},
		"a message of 4 GiB":            {sealed(k, long), ErrLength},
		"a message longer by one byte":  {sealed(k, byOne), ErrLength},
	} {
		if message, id, err := k.Open(row.encrypted); !errors.Is(err, row.want) || message != nil || id != "" {
			t.Errorf("%s: got %q of %q, error %v; want %v", name, message, id, err, row.want)
		}
	}
}

func TestAnotherKeyDoesNotOpen(t *testing.T) {
	for range 1000 {
		encrypted := key(t, strings.Repeat("A", 43)).Seal([]byte("<xml/>"), "wx1")
		if _, id, err := key(t, strings.Repeat("B", 43)).Open(encrypted); err == nil && id == "wx1" {
			t.Fatal("another key opened it, and the id is right")
		}
	}
}

func TestSignaturesThatAreNotRight(t *testing.T) {
	token := secret.New("AAAAA")
	right := Signature(token, "1", "2")
	for name, ok := range map[string]bool{
		"right":                Verify(right, token, "1", "2"),
		"empty":                !Verify("", token, "1", "2"),
		"cut":                  !Verify(right[:39], token, "1", "2"),
		"longer":               !Verify(right+"0", token, "1", "2"),
		"upper case":           !Verify(strings.ToUpper(right), token, "1", "2"),
		"of other parts":       !Verify(right, token, "1", "3"),
		"of another token":     !Verify(right, secret.New("AAAAB"), "1", "2"),
		"of no token":          !Verify(Signature(secret.Secret{}, "1", "2"), secret.Secret{}, "1", "2"),
		"parts are not joined": Verify(Signature(token, "12", ""), token, "1", "2"), // as WeChat does it
	} {
		if !ok {
			t.Errorf("%s: got the wrong answer", name)
		}
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	k := key(t, "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, value := range []any{k, *k, struct{ K *Key }{k}} {
			if got := fmt.Sprintf(verb, value); len(got) > 60 {
				t.Errorf("%s: got %s", verb, got)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Encrypt)
	}
	f.Add("")
	f.Add("AAAA")
	k := key(f, strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, encrypted string) {
		message, id, err := k.Open(encrypted)
		if err != nil {
			return
		}
		again, sameID, err := k.Open(k.Seal(message, id))
		if err != nil || sameID != id || !bytes.Equal(again, message) {
			t.Errorf("got %q of %q, error %v; want %q of %q", again, sameID, err, message, id)
		}
	})
}

// Here the fuzzer chooses what was encrypted, which it cannot do through base64 and AES.
func FuzzPlainText(f *testing.F) {
	f.Add(bytes.Repeat([]byte{32}, 32))
	f.Add(append(make([]byte, 60), 4, 4, 4, 4))
	k := key(f, strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, plain []byte) {
		plain = plain[:len(plain)/16*16]
		message, id, err := k.Open(sealed(k, plain))
		if err == nil && len(message)+len(id)+headSize+1 > len(plain) {
			t.Errorf("got %d bytes of %d", len(message)+len(id), len(plain))
		}
	})
}

func FuzzNewKey(f *testing.F) {
	f.Add("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := NewKey(secret.New(text))
		if err != nil {
			return
		}
		if message, id, err := k.Open(k.Seal([]byte("m"), "wx1")); err != nil || id != "wx1" || string(message) != "m" {
			t.Errorf("got %q of %q, error %v", message, id, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	v := vectors(b)[1]
	k := key(b, v.AESKey)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := k.Open(v.Encrypt); err != nil {
			b.Fatal(err)
		}
	}
}

//go:build linux

package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// receive takes pushes as a program does whose author has read WeChat's manual: it
// verifies and decrypts them, and answers "success". It does nothing else.
func receive(addr string) error {
	handler, err := receiver()
	if err != nil {
		return err
	}
	return http.ListenAndServe(addr, handler)
}

func receiver() (http.Handler, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, query.Get("echostr"))
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, encrypted, _ := bytes.Cut(body, []byte("<Encrypt><![CDATA["))
		encrypted, _, _ = bytes.Cut(encrypted, []byte("]]>"))
		parts := []string{pushToken, query.Get("timestamp"), query.Get("nonce"), string(encrypted)}
		slices.Sort(parts)
		sum := sha1.Sum([]byte(strings.Join(parts, "")))
		if hex.EncodeToString(sum[:]) != query.Get("msg_signature") || open(block, key, encrypted) != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, "success")
	}), nil
}

var errForeign = errors.New("the push is not for this account")

// open decrypts a push and looks whose it is.
func open(block cipher.Block, key, encrypted []byte) error {
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(encrypted)))
	n, err := base64.StdEncoding.Decode(plain, encrypted)
	if plain = plain[:n]; err != nil || n == 0 || n%aes.BlockSize != 0 {
		return errForeign
	}
	cipher.NewCBCDecrypter(block, key[:aes.BlockSize]).CryptBlocks(plain, plain)
	padding := int(plain[n-1])
	if padding > n {
		return errForeign
	}
	if plain = plain[:n-padding]; len(plain) < 20 {
		return errForeign
	}
	length := int(binary.BigEndian.Uint32(plain[16:]))
	if 20+length > len(plain) || string(plain[20+length:]) != appID {
		return errForeign
	}
	return nil
}

package errcode

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

// Gunzip unpacks body and returns its first most+1 bytes, so that a longer result than
// most shows that there is more. It returns nil if body is not gzip.
func Gunzip(body []byte, most int64) []byte {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil
	}
	return plain
}

// IsPacked reports whether body begins like gzip. WeChat's header may not say so.
func IsPacked(body []byte) bool { return bytes.HasPrefix(body, []byte(packedMark)) }

// packedMark is what a body packed with gzip begins with.
const packedMark = "\x1f\x8b"

// maxPackings is how many times a body that is unpacked may be packed.
const maxPackings = 3

// Why a body cannot be unpacked. They go to callers and quote nothing.
var (
	ErrLong   = errors.New("the answer may hold credentials and is longer than what can be searched for them")
	ErrPacked = errors.New("the answer may hold credentials and cannot be unpacked to be searched for them")
)

// Unpack returns the body as it was before it was packed with gzip, which nobody
// asked for: as often as coding says, and once more if that is not the whole truth.
func Unpack(body []byte, coding string, most int64) ([]byte, error) {
	packings := 0 // that coding says
	for one := range strings.SplitSeq(strings.ToLower(coding), ",") {
		switch strings.TrimSpace(one) {
		case "", "identity":
		case "gzip", "x-gzip":
			packings++
		default:
			return nil, ErrPacked
		}
	}
	for done := 0; done < packings || IsPacked(body); done++ {
		if body = Gunzip(body, most); body == nil || done == maxPackings {
			return nil, ErrPacked
		}
		if int64(len(body)) > most {
			return nil, ErrLong
		}
	}
	return body, nil
}

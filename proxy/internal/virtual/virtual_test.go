package virtual

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestAVirtualTokenIsSignedWithHMAC(t *testing.T) {
	key := NewKey("", []byte("secret"))
	var v Token
	text := New(IDOf("wxshop"), IDOf("orders"), time.Unix(1<<33, 0), &key)
	if err := v.parse([]byte(text)); err != nil || v.Account != IDOf("wxshop") || v.Client != IDOf("orders") || v.expires.Unix() != 1<<33 {
		t.Fatalf("got %+v, %v; want what was put in", v, err)
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write(v.signed[:v.size])
	if !hmac.Equal(mac.Sum(nil), v.signature[:]) {
		t.Error("got another signature than crypto/hmac's")
	}
}

// Whatever text is shown as a token: only what was issued is taken.
func FuzzVirtualToken(f *testing.F) {
	key := NewKey("", []byte("secret"))
	good := New(IDOf("wxshop"), IDOf("orders"), time.Now().Add(time.Hour), &key)
	f.Add(good)
	f.Add(Prefix)
	f.Add(good[:40])
	f.Add(Prefix + base64.RawURLEncoding.EncodeToString(make([]byte, signedSize+sha256.Size)))
	f.Fuzz(func(t *testing.T, text string) {
		var v Token
		if !strings.HasPrefix(text, Prefix) || v.parse([]byte(text)) != nil {
			return
		}
		if v.isSignedBy(&key) && text != good {
			t.Errorf("%q was taken for a token", text)
		}
		for _, before := range []string{text, good} {
			var last LastToken
			if err := last.Parse([]byte(before)); err != nil {
				t.Fatal(err)
			}
			last.Check(Keys{key}, time.Now())
			if err := last.Parse([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if last.Check(Keys{key}, time.Now()) == nil && text != good {
				t.Errorf("%q was taken for a token behind %q", text, before)
			}
		}
	})
}

func TestATokenOfAPlatformsAccountNamesIt(t *testing.T) {
	key := NewKey("", []byte("secret"))
	text := NewOfPlatform("wx0123456789abcdef", [2]ID{IDOf("wxcomponent"), IDOf("orders")}, time.Now().Add(time.Hour), &key)
	var last LastToken
	if err := last.Parse([]byte(text)); err != nil || last.Check(Keys{key}, time.Now()) != nil || len(text) > 256 {
		t.Fatalf("got %v and %d bytes; want it good and short", err, len(text))
	}
	if got := &last.Token; string(got.AppID()) != "wx0123456789abcdef" || got.Account != IDOf("wxcomponent") || got.Client != IDOf("orders") {
		t.Errorf("got %+v; want what was put in", got)
	}
	if err := last.Parse([]byte(New(IDOf("wxcomponent"), ID{}, time.Now(), &key))); err != nil || len(last.Token.AppID()) != 0 {
		t.Errorf("got %v and the appid %q; want none in another token", err, last.Token.AppID())
	}
	longest := NewOfPlatform(strings.Repeat("x", 100), [2]ID{}, time.Now(), &key)
	if err := last.Parse([]byte(longest)); err != nil || len(longest) > 256 {
		t.Errorf("got %v and %d bytes", err, len(longest))
	}
}

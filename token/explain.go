package token

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	"wxproxy/internal/secret"
)

// Class is what kind of obstacle keeps WeChat from handing out a token. It
// decides how soon it is worth asking again.
type Class string

// The classes of failures.
const (
	ClassTransient     Class = "transient"     // it passes by itself
	ClassConfiguration Class = "configuration" // somebody has to change a setting, here or at WeChat
	ClassQuota         Class = "quota"         // too many calls; it passes with time
	ClassAccount       Class = "account"       // somebody has to talk to WeChat
)

// An Explanation is what people need to know about a failure. It is safe to
// show.
type Explanation struct {
	Code     int    // WeChat's errcode; 0 if WeChat did not answer
	Reason   string // WeChat's errmsg, or what happened instead
	Remedy   string // what to do about it
	RemedyZH string // the same in Chinese
	Class    Class
	Local    bool // it is about this machine or what it was given: another process may fare better
}

// A remedy is a row of the tables of failures.
type remedy struct {
	class  Class
	en, zh string // "{ip}" stands for the address that WeChat objects to
}

// Explain says what err, the failure of a [Client] or a [Keeper], means and
// what to do about it. Without an error there is nothing to explain.
func Explain(err error) Explanation {
	for unavailable, ok := errors.AsType[*Unavailable](err); ok; unavailable, ok = errors.AsType[*Unavailable](err) {
		err = unavailable.Cause // for want of a token there is no ticket
	}
	if err == nil {
		return Explanation{}
	}
	e := Explanation{Reason: secret.Quote(err.Error())}
	row := withoutAnswer(err)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		e.Code, e.Reason, row = refusal.Code, secret.Quote(refusal.Reason), refusal.remedy()
	}
	e.Class, e.Local = row.class, row.class == ClassConfiguration || strings.Contains(row.en, "IP address")
	e.Remedy = strings.ReplaceAll(row.en, "{ip}", quotedAddress(e.Reason, "this machine's public IP address"))
	e.RemedyZH = strings.ReplaceAll(row.zh, "{ip}", quotedAddress(e.Reason, "本机的公网 IP"))
	return e
}

// withoutAnswer returns the remedy for a fetch that ended in another way than
// with WeChat's refusal.
func withoutAnswer(err error) remedy {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		dial    *net.OpError
		bad     badAnswer
		secret  *secretError
		short   interface{ Shortage() string }
	)
	if row, decided := ofKeeper(err); decided {
		return row
	}
	switch {
	case errors.As(err, &short):
		return usedUp
	case errors.As(err, &secret):
		return unreadableSecret
	case errors.Is(err, errStopped), errors.Is(err, context.Canceled):
		return shuttingDown
	case errors.As(err, &bad):
		return strangeAnswer
	case errors.As(err, &dns):
		return unknownHost
	case errors.As(err, &timeout) && timeout.Timeout():
		return noAnswer
	case isTLS(err):
		return untrusted
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &dial) && dial.Op == "dial":
		return noConnection
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &dial):
		return lostConnection
	}
	return otherFailure
}

// ofKeeper returns the remedy for what a Keeper found out or decided itself.
func ofKeeper(err error) (row remedy, ok bool) {
	_, stuck := errors.AsType[stuckToken](err)
	switch {
	case stuck:
		return deadToken, true
	case errors.Is(err, errResting):
		return diedSoon, true
	case errors.Is(err, errBrief):
		return successorLate, true
	case errors.Is(err, errFrugal):
		return tooManyFetches, true
	}
	return remedy{}, false
}

// isTLS reports whether err ended a TLS handshake: neither side trusts the other
// unasked, or the other end does not speak TLS at all.
func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		alert       *net.OpError
	)
	return errors.As(err, &certificate) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &alert) && alert.Op == "remote error"
}

// quotedAddress returns the IP address that WeChat names in reason, preferably
// of version 4, as the allow-list knows it, or otherwise the given words.
func quotedAddress(reason, otherwise string) string {
	words := strings.FieldsFunc(reason, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) })
	found := otherwise
	for _, word := range words {
		address, err := netip.ParseAddr(word)
		if err != nil {
			address, err = netip.ParseAddr(strings.Trim(word, ".:"))
		}
		if err != nil {
			continue
		}
		if address = address.Unmap(); address.Is4() {
			return address.String()
		}
		found = address.String()
	}
	return found
}

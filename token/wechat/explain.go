package wechat

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// A remedy is a row of the tables of failures.
type remedy struct {
	class  token.Class
	en, zh string // "{ip}" stands for the address that WeChat objects to
}

// Explain says what err, the failure of a [Client] or a [Keeper], means and
// what to do about it. Without an error there is nothing to explain.
func Explain(err error) token.Explanation { return explain(err, "") }

// explain explains err. Of a refusal that does not tell which API of a platform it is of,
// that is api; empty: it is of a token or a ticket.
func explain(err error, api string) token.Explanation {
	for unavailable, ok := errors.AsType[*token.Unavailable](err); ok; unavailable, ok = errors.AsType[*token.Unavailable](err) {
		if unavailable.Why.Class != "" {
			return unavailable.Why // by who knows of what it is
		}
		err = unavailable.Cause // for want of a token there is no ticket
	}
	if err == nil {
		return token.Explanation{}
	}
	e := token.Explanation{Reason: secret.Quote(err.Error())}
	row := withoutAnswer(err)
	if errors.Is(err, token.ErrManyFetches) && api != "" {
		row = tooManyFetchesOfPlatform
	}
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		e.Code, e.Reason, row = refusal.Code, secret.Quote(refusal.Reason), remedyOf(refusal, api)
	}
	e.Class, e.Local = row.class, row.class == token.ClassConfiguration || strings.Contains(row.en, "IP address") || ofTicket(e.Code)
	e.Remedy = strings.ReplaceAll(row.en, "{ip}", quotedAddress(e.Reason, "this machine's public IP address"))
	e.RemedyZH = strings.ReplaceAll(row.zh, "{ip}", quotedAddress(e.Reason, "本机的公网 IP"))
	return e
}

// remedyOf returns what the errcode means of the API that answered it.
func remedyOf(r *token.Refusal, api string) remedy {
	rows, row := refusals, unknownRefusal
	switch api = cmp.Or(r.API, api); {
	case r.Ticket:
		rows, row = ticketRefusals, unknownTicketRefusal
	case api != "":
		return remedyOfPlatform(r.Code, api)
	}
	if known, ok := rows[r.Code]; ok {
		return known
	}
	return row
}

// withoutAnswer returns the remedy for a fetch that ended in another way than
// with WeChat's refusal.
func withoutAnswer(err error) remedy {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		dial    *net.OpError
		bad     badAnswer
		unread  *secretError
		file    *fs.PathError
		short   interface{ Shortage() string }
	)
	if row, decided := ofKeeper(err); decided {
		return row
	}
	switch {
	case errors.As(err, &short):
		return usedUp
	case errors.As(err, &unread):
		return unreadableSecret
	case errors.As(err, &file): // of an account of a platform, whose refresh token is there
		return storeAway
	case errors.Is(err, token.ErrStopped), errors.Is(err, context.Canceled):
		return shuttingDown
	case errors.As(err, &bad), errors.Is(err, token.ErrUnusable):
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
	_, stuck := errors.AsType[token.StuckToken](err)
	switch {
	case stuck:
		return deadToken, true
	case errors.Is(err, token.ErrResting):
		return diedSoon, true
	case errors.Is(err, token.ErrBrief):
		return successorLate, true
	case errors.Is(err, token.ErrManyFetches):
		return tooManyFetches, true
	case errors.Is(err, token.ErrNoTicket):
		return noTicketYet, true
	case errors.Is(err, token.ErrNotAuthorized):
		return notAuthorized, true
	case errors.Is(err, token.ErrUnstored), errors.Is(err, token.ErrAway):
		return storeAway, true
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

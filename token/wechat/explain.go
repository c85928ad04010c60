package wechat

import (
	"cmp"
	"errors"
	"io/fs"
	"strings"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// A remedy is what to say of a failure. Those of errcodes are rows of package meanings.
type remedy struct {
	class  token.Class
	en, zh string // "{ip}" stands for the address that WeChat objects to
}

// What stands for the address that WeChat objects to, where it does not say which one.
const (
	thisMachine   = "this machine's public IP address"
	thisMachineZH = "本机的公网 IP"
)

// Explain says what err, the failure of a [Client] or a [Keeper], means and
// what to do about it. Without an error there is nothing to explain.
func Explain(err error) token.Explanation { return explain(err, "") }

// explain explains err. Of a refusal that does not tell which API of a platform it is of,
// that is api; empty: it is of a token or a ticket.
func explain(err error, api string) token.Explanation {
	said, err := asking.CauseOf(err)
	if err == nil {
		return said
	}
	e := token.Explanation{Reason: asking.Reason(err)}
	row := withoutAnswer(err)
	if errors.Is(err, token.ErrManyFetches) && api != "" {
		row = tooManyFetchesOfPlatform
	}
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		e.Code, e.Reason, row = refusal.Code, secret.Quote(refusal.Reason), remedyOf(refusal, api)
	}
	e.Class, e.Local = row.class, row.class == token.ClassConfiguration || strings.Contains(row.en, "IP address") || ofTicket(e.Code)
	e.Remedy = meanings.WithAddress(row.en, meanings.AddressIn(e.Reason, thisMachine))
	e.RemedyZH = meanings.WithAddress(row.zh, meanings.AddressIn(e.Reason, thisMachineZH))
	return e
}

// remedyOf returns what the errcode means of the API that answered it.
func remedyOf(r *token.Refusal, api string) remedy {
	switch api = cmp.Or(r.API, api); {
	case r.Ticket:
		return lookUp(r.Code, unknownTicketRefusal, meanings.Ticket)
	case api != "":
		return lookUp(r.Code, unknownPlatformRefusal, api, meanings.Platform, meanings.Token)
	}
	return lookUp(r.Code, unknownRefusal, meanings.Token)
}

// lookUp returns what an errcode means in the first of the situations that it has words for.
// Without any it is unknown, but for what it means anywhere.
func lookUp(code int, unknown remedy, situations ...string) remedy {
	for _, situation := range situations {
		if row, ok := meanings.WeChat.Find(code, situation); ok {
			return remedy{token.Class(row.Class), row.Remedy, row.RemedyZH}
		}
	}
	if row, ok := meanings.WeChat.Find(code, meanings.Anywhere); ok {
		unknown.en, unknown.zh = row.Meaning+"; "+unknown.en, row.MeaningZH+"；"+unknown.zh
	}
	return unknown
}

// troubles are the remedies where there is no answer of WeChat's.
var troubles = map[asking.Trouble]remedy{
	asking.Shortage:       usedUp,
	asking.Unreadable:     unreadableSecret,
	asking.Stopped:        shuttingDown,
	asking.Strange:        strangeAnswer,
	asking.UnknownHost:    unknownHost,
	asking.Late:           noAnswer,
	asking.Untrusted:      untrusted,
	asking.Unreachable:    noConnection,
	asking.LostConnection: lostConnection,
	asking.Other:          otherFailure,
}

// withoutAnswer returns the remedy for a fetch that ended in another way than
// with WeChat's refusal.
func withoutAnswer(err error) remedy {
	if row, decided := ofKeeper(err); decided {
		return row
	}
	trouble := asking.TroubleOf(err)
	if _, isFile := errors.AsType[*fs.PathError](err); isFile && trouble != asking.Shortage && trouble != asking.Unreadable {
		return storeAway // of an account of a platform, whose refresh token is there
	}
	if trouble == asking.Obstructed {
		en, zh := asking.HelpOf(err)
		return remedy{token.ClassTransient, en, zh}
	}
	return troubles[trouble]
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

package wecom

import (
	"errors"
	"strings"
	"time"

	"wxproxy/internal/meanings"
	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// A remedy is what to say of a failure. Those of errcodes are rows of package meanings.
type remedy struct {
	class  token.Class
	en, zh string // "{ip}" stands for the address that WeCom objects to
}

// Explain says what err, the failure of a [Client] or a Keeper, means and what to do about
// it. Without an error there is nothing to explain.
func Explain(err error) token.Explanation {
	said, err := asking.CauseOf(err)
	if err == nil {
		return said
	}
	e := token.Explanation{Reason: asking.Reason(err)}
	row := withoutAnswer(err)
	if refusal, ok := errors.AsType[*token.Refusal](err); ok {
		e.Code, e.Reason, row = refusal.Code, secret.Quote(refusal.Reason), remedyOf(refusal)
	}
	e.Class, e.Local = row.class, row.class == token.ClassConfiguration || errors.Is(err, errManyWrong) || errors.Is(err, errManyLost) || errors.Is(err, errLost)
	e.Remedy = meanings.WithAddress(row.en, meanings.AddressIn(e.Reason, "this machine's public IP address"))
	e.RemedyZH = meanings.WithAddress(row.zh, meanings.AddressIn(e.Reason, "本机的公网 IP"))
	if paused, ok := errors.AsType[*token.Paused](err); ok && (e.Code != 0 || errors.Is(err, errManyWrong)) {
		row, until := pauseOf(e.Code), paused.Until.UTC().Format(time.RFC3339)
		e.Remedy += "; " + strings.ReplaceAll(row.en, "{until}", until)
		e.RemedyZH += "；" + strings.ReplaceAll(row.zh, "{until}", until)
	}
	return e
}

// ExplainCall says what an errcode means that programs met when they called for an account
// from the address ip, empty if WeCom gave none.
func ExplainCall(errcode int, ip string) token.Explanation {
	return Explain(&token.Refusal{By: issuerName, API: "a call", Code: errcode, Reason: "from ip: " + ip})
}

// pauseOf returns what to say of a pause, by the errcode that it is for.
func pauseOf(errcode int) remedy {
	switch {
	case isWrongSecret(errcode):
		return secretPause
	case errcode == tooOften:
		return restPause
	}
	return manyWrongPause
}

// remedyOf returns what the errcode means where it was answered: by gettoken, for a ticket,
// or by an API that programs call.
func remedyOf(r *token.Refusal) remedy {
	switch {
	case r.Ticket:
		return lookUp(r.Code, unknownCall, meanings.Ticket)
	case r.API != "":
		return lookUp(r.Code, unknownCall, meanings.Call)
	}
	return lookUp(r.Code, unknownRefusal, meanings.Token)
}

// lookUp returns what an errcode means in a situation, or of a call. Without words for either
// it is unknown, but for what it means anywhere.
func lookUp(code int, unknown remedy, situation string) remedy {
	for _, situation := range []string{situation, meanings.Call} {
		if row, ok := meanings.WeCom.Find(code, situation); ok {
			return remedy{token.Class(row.Class), row.Remedy, row.RemedyZH}
		}
	}
	if row, ok := meanings.WeCom.Find(code, meanings.Anywhere); ok {
		unknown.en, unknown.zh = row.Meaning+"; "+unknown.en, row.MeaningZH+"；"+unknown.zh
	}
	return unknown
}

// withoutAnswer returns the remedy for what ended in another way than with WeCom's
// refusal.
func withoutAnswer(err error) remedy {
	_, stuck := errors.AsType[token.StuckToken](err)
	switch {
	case stuck:
		return deadToken
	case errors.Is(err, errManyWrong):
		return manyWrong
	case errors.Is(err, errManyLost), errors.Is(err, errLost):
		return troubles[asking.LostConnection]
	case errors.Is(err, token.ErrResting):
		return diedSoon
	case errors.Is(err, token.ErrBrief):
		return successorLate
	case errors.Is(err, token.ErrAway):
		return storeAway
	}
	trouble := asking.TroubleOf(err)
	if trouble == asking.Obstructed {
		en, zh := asking.HelpOf(err)
		return remedy{token.ClassTransient, en, zh}
	}
	return troubles[trouble]
}

package wechat

import (
	"errors"

	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// ofToken returns what an errcode says of the token that a request was sent with.
// WeChat looks at the token before it looks at quotas and permissions.
func ofToken(errcode int) token.Verdict {
	switch errcode {
	case 40001, 40014, 42001:
		return token.Dead
	case 0, 45009, 45011, 48001:
		return token.Alive
	}
	return token.Unclear
}

// ofSecret returns what WeChat's answer to a request that showed the AppSecret says of
// it, or of this account or machine that shows it, which every use of it meets. Some
// errcodes are answered only after the right one was shown: they are about the code
// that a login came with, or a quota.
func ofSecret(errcode int) token.Verdict {
	switch errcode {
	case 40001, 40013, 40125, 40164, 40243, 50002, 50004, 50007, 61004,
		89501, 89502, 89503, 89504, 89505, 89506, 89507:
		return token.Dead
	case 40029, 40163, 40226, 41008, 42003, 45011, 48006:
		return token.Alive
	}
	return token.Unclear
}

// blamesSecret reports whether err may end with another AppSecret.
func blamesSecret(err error) bool {
	if asking.IsUnread(err) {
		return true
	}
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && (refusal.Code == 40001 || refusal.Code == 40125)
}

// ofComponentToken returns what an errcode says of the token of a platform, or of an account
// that authorized it.
func ofComponentToken(errcode int) token.Verdict {
	switch errcode {
	case 42006, 40094:
		return token.Dead
	}
	return ofToken(errcode)
}

// ofTicket reports whether an errcode refuses a component_verify_ticket.
func ofTicket(errcode int) bool { return errcode == 61005 || errcode == 61006 || errcode == 40091 }

// RefusesTicket reports whether err is WeChat's refusal of the component_verify_ticket that
// a platform's token was asked for with.
func RefusesTicket(err error) bool {
	refusal, ok := errors.AsType[*token.Refusal](err)
	return ok && ofTicket(refusal.Code)
}

// The errcodes of refresh tokens and authorization codes, and of whoever shows them.
const (
	AddressRefused = 61004 // the address of this machine is not on the platform's list
	RefreshInvalid = 61023 // it is another account's, or was superseded
	NotAuthorized  = 61003 // the account has not authorized the platform, or WeChat is disturbed
	CodeInvalid    = 61009 // it was used, or never issued
	CodeExpired    = 61010
)

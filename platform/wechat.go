package platform

import (
	"context"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
)

// WeChat is what a platform asks WeChat for. The error is a [*token.Refusal] if WeChat
// declined. component is the component's token that a question is asked with.
type WeChat interface {
	// ComponentToken asks for the component's token.
	ComponentToken(ctx context.Context, ticket secret.Secret) (token.Token, error)

	// StartTicketPush has WeChat send tickets.
	StartTicketPush(ctx context.Context) error

	// QueryAuth redeems an authorization code, which may be done once.
	QueryAuth(ctx context.Context, component, code secret.Secret) (Grant, error)

	// AuthorizerToken asks for the token of an account. The refresh token in the answer
	// may be another one.
	AuthorizerToken(ctx context.Context, component secret.Secret, appID string, refresh secret.Secret) (Grant, error)

	// AuthorizerInfo asks for an account's refresh token.
	AuthorizerInfo(ctx context.Context, component secret.Secret, appID string) (Grant, error)

	// AuthorizerList asks for a page of the accounts that have authorized the platform.
	AuthorizerList(ctx context.Context, component secret.Secret, offset, count int) (Page, error)

	// PreAuthCode asks for a code that an authorization begins with.
	PreAuthCode(ctx context.Context, component secret.Secret) (code string, life time.Duration, err error)

	// SendText sends a text from an account to one of its users.
	SendText(ctx context.Context, authorizer secret.Secret, openID, text string) error
}

// A Grant is what WeChat hands to a platform for one account. What it left out is empty.
type Grant struct {
	AppID   string
	Token   token.Token
	Refresh secret.Secret
}

// A Page is a part of the list of the accounts that have authorized a platform.
type Page struct {
	Total       int // of all pages
	Authorizers []Listed
}

// Listed is an account in the list.
type Listed struct {
	AppID      string
	Refresh    secret.Secret // empty if no code was ever redeemed for it
	Authorized time.Time
}

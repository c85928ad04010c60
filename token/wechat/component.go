package wechat

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"wxproxy/internal/secret"
	"wxproxy/token"
	"wxproxy/token/internal/asking"
)

// A Component asks WeChat for what a third-party platform is handed. Its fields must be
// set and not be changed once it is in use. It sends each question once, and once more if
// WeChat refuses the component's token. Errors are a [*token.Refusal] if WeChat declined,
// and hold no secret. The lifetimes in answers count from before the question was sent.
type Component struct {
	HTTP   *http.Client                  // redirects are not followed, whatever it says
	URL    string                        // scheme and host of WeChat
	AppID  string                        // component_appid
	Secret func() (secret.Secret, error) // component_appsecret, read whenever it is sent
	Tokens Tokens                        // component_access_token; only Token and StartTicketPush do without

	sent atomic.Pointer[secret.Secret] // the AppSecret that Token sent last; nil: none
}

// Tokens is where a platform's token comes from, as a [token.Keeper].
type Tokens interface {
	// Token returns the token, for which it waits at most so long.
	Token(wait time.Duration) (string, error)

	// Replace returns the token to use instead of one that WeChat refused.
	Replace(refused string, wait time.Duration) (string, error)
}

// The names of the APIs, as errors have them.
const (
	apiComponentToken  = "api_component_token"
	apiStartPushTicket = "api_start_push_ticket"
	apiPreAuthCode     = "api_create_preauthcode"
	apiQueryAuth       = "api_query_auth"
	apiAuthorizerToken = "api_authorizer_token"
	apiAuthorizerInfo  = "api_get_authorizer_info"
	apiAuthorizerList  = "api_get_authorizer_list"
)

// MaxList is how many authorizers List returns at most.
const MaxList = 500

const (
	// maxComponentAnswer is far more than a list of MaxList has.
	maxComponentAnswer = 2 << 20

	// tokenPatience is how long the component's token is waited for.
	tokenPatience = 8 * time.Second
)

// Token asks for the component's token, which ends the one before within five minutes.
func (c *Component) Token(ctx context.Context, ticket secret.Secret) (token.Token, error) {
	appSecret, err := c.Secret()
	if err != nil {
		c.sent.Store(nil)
		return token.Token{}, asking.Unread(err)
	}
	c.sent.Store(&appSecret)
	sent := time.Now()
	a, err := c.ask(ctx, question{api: apiComponentToken, once: true, secrets: []secret.Secret{appSecret, ticket}, members: members{
		"component_appid": c.AppID, "component_appsecret": appSecret.Reveal(), "component_verify_ticket": ticket.Reveal(),
	}})
	if err != nil {
		return token.Token{}, err
	}
	return tokenOf(a.ComponentToken, a.ExpiresIn, sent)
}

// SecretChanged reports whether the AppSecret is another one than Token sent last.
func (c *Component) SecretChanged() bool {
	appSecret, err := c.Secret()
	sent := c.sent.Load()
	return err == nil && (sent == nil || !sent.Equal(appSecret.Reveal()))
}

// StartTicketPush asks WeChat to send tickets, if it has stopped that.
func (c *Component) StartTicketPush(ctx context.Context) error {
	appSecret, err := c.Secret()
	if err != nil {
		return asking.Unread(err)
	}
	_, err = c.ask(ctx, question{api: apiStartPushTicket, secrets: []secret.Secret{appSecret}, members: members{
		"component_appid": c.AppID, "component_secret": appSecret.Reveal(),
	}})
	return err
}

// QueryAuth redeems an authorization code, which can be done once. A Grant without tokens is
// of an account that has no APIs.
func (c *Component) QueryAuth(ctx context.Context, code secret.Secret) (token.Grant, error) {
	a, sent, err := c.call(ctx, question{api: apiQueryAuth, once: true, secrets: []secret.Secret{code}, members: members{"authorization_code": code.Reveal()}})
	if err != nil {
		return token.Grant{}, err
	}
	granted := a.authorization
	if a.Info != nil {
		granted = *a.Info
	}
	if granted.AppID == "" {
		return token.Grant{}, asking.Bad("WeChat's answer has no authorizer_appid")
	}
	if granted.Token == "" && granted.Refresh == "" {
		return token.Grant{AppID: granted.AppID, Permissions: string(granted.Permissions)}, nil
	}
	return granted.grant(sent)
}

// AuthorizerToken asks for the token of an account that has authorized the platform.
func (c *Component) AuthorizerToken(ctx context.Context, appID string, refresh secret.Secret) (token.Grant, error) {
	a, sent, err := c.call(ctx, question{api: apiAuthorizerToken, once: true, secrets: []secret.Secret{refresh}, members: members{
		"authorizer_appid": appID, "authorizer_refresh_token": refresh.Reveal(),
	}})
	if err != nil {
		return token.Grant{}, err
	}
	a.AppID = appID
	return a.grant(sent)
}

// Info returns what WeChat has of an account that has authorized the platform: its refresh
// token, empty if none was ever handed out.
func (c *Component) Info(ctx context.Context, appID string) (refresh secret.Secret, err error) {
	a, _, err := c.call(ctx, question{api: apiAuthorizerInfo, members: members{"authorizer_appid": appID}})
	if err != nil {
		return secret.Secret{}, err
	}
	if a.Info == nil {
		return secret.Secret{}, asking.Bad("WeChat's answer has no authorization_info")
	}
	return credential(a.Info.Refresh)
}

// A Listed account has authorized the platform.
type Listed struct {
	AppID        string
	Refresh      secret.Secret // empty if none was ever handed out
	AuthorizedAt time.Time
}

// List returns the accounts that have authorized the platform from offset on, at most
// [MaxList], and how many there are in all.
func (c *Component) List(ctx context.Context, offset, count int) (all []Listed, total int, err error) {
	a, _, err := c.call(ctx, question{api: apiAuthorizerList, members: members{"offset": offset, "count": min(count, MaxList)}})
	if err != nil {
		return nil, 0, err
	}
	if a.Total == nil || *a.Total < 0 || *a.Total > farBeyond {
		return nil, 0, asking.Bad("WeChat's answer has no total_count")
	}
	for _, one := range a.List {
		refresh, err := credential(one.Refresh)
		if err != nil {
			return nil, 0, err
		}
		at := time.Time{}
		if one.AuthAt > 0 && one.AuthAt < latest {
			at = time.Unix(int64(one.AuthAt), 0)
		}
		all = append(all, Listed{one.AppID, refresh, at})
	}
	return all, int(*a.Total), nil
}

const (
	farBeyond = 1e9     // more than all accounts that there are
	latest    = 1 << 36 // a time that WeChat does not mean, in Unix seconds
)

// PreAuthCode returns a code to begin one authorization with, and how long it can be used.
func (c *Component) PreAuthCode(ctx context.Context) (code secret.Secret, life time.Duration, err error) {
	a, _, err := c.call(ctx, question{api: apiPreAuthCode})
	if err != nil {
		return secret.Secret{}, 0, err
	}
	if code, err = credential(a.PreAuthCode); err != nil || code.Empty() {
		return secret.Secret{}, 0, asking.Bad("WeChat's answer has no pre_auth_code")
	}
	return code, (&asking.Answer{ExpiresIn: a.ExpiresIn}).Life(), nil
}

// Probe says whether WeChat honours t, the token of the component or of an account that has
// authorized it. It has no other effect.
func (c *Component) Probe(ctx context.Context, t secret.Secret) token.Verdict {
	code, ok := probe(ctx, c.HTTP, c.URL, t)
	if !ok {
		return token.Unclear
	}
	return ofComponentToken(code)
}

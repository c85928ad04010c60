package proxy

import (
	"bytes"
	"io"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/body"
	"wxproxy/proxy/internal/component"
)

// awaitPlatform leaves it to the body to say which of several platforms a request is for, if
// it is one whose body does.
func (x *exchange) awaitPlatform() error {
	if !x.route.traits.namesAuthorizer && !x.route.HoldsRefreshTokens {
		return errSeveral
	}
	if x.expectMembers(); !x.hasMembers {
		return errSeveral
	}
	return nil
}

// readPlatformRequest reads the body of a request that names an account or a code.
func (x *exchange) readPlatformRequest() (ask component.Request, err error) {
	if x.body.Len() > body.MemorySize {
		return ask, refuse(bodyTooLarge, "a body that says which account it is about is at most 64 KiB long")
	}
	ask, isGood, err := x.readPlatformMembers()
	table := &x.kind.Table.Platform.TokenRequest
	switch {
	case err != nil:
		return ask, err
	case string(x.message.Method) != fasthttp.MethodPost:
		return ask, refuseAsWeChat(table.NotPOST, "require POST method")
	case !isGood:
		return ask, refuseAsWeChat(table.BadData, "data format error (wxproxy: the body is no JSON object that can be read in one way only)")
	}
	return ask, x.checkPlatform(&ask)
}

// readPlatformMembers reads what the body says of a platform, its accounts and codes, and
// reports whether it can be read.
func (x *exchange) readPlatformMembers() (ask component.Request, isGood bool, err error) {
	content, err := io.ReadAll(x.body.Reader())
	table := &x.kind.Table.Platform
	isGood = ask.Read(content, [3]string{table.AppIDParameter, table.AuthorizerName, table.CodeName})
	return ask, isGood && (!x.fields.packed || len(content) == 0), err
}

// checkNamedPlatform refuses a body that is passed on and names another platform. What cannot
// be read WeChat answers. Most bodies name none, which costs no memory.
func (x *exchange) checkNamedPlatform() error {
	if !x.route.HoldsRefreshTokens || x.body.Len() == 0 || x.body.Len() > body.MemorySize {
		return nil
	}
	if first, more, _ := x.body.InMemory(); len(more) == 0 && !bytes.Contains(first, []byte(x.kind.Table.Platform.AppIDParameter)) {
		return nil
	}
	ask, isGood, err := x.readPlatformMembers()
	if err != nil || !isGood {
		return err
	}
	return x.checkPlatform(&ask)
}

package event

import (
	"strings"
	"testing"
	"time"
)

// The samples of WeChat's manual, with the faults that they have there.
const (
	ticketSample = `<xml>
<AppId>some_appid</AppId>
<CreateTime>1413192605</CreateTime>
<InfoType>component_verify_ticket</InfoType>
<ComponentVerifyTicket>ticket@@@some_verify_ticket</ComponentVerifyTicket>
</xml>`
	authorizedSample = `<xml>
  <AppId>component</AppId>
  <CreateTime>1413192760</CreateTime>
  <InfoType>authorized</InfoType>
  <AuthorizerAppid>wxauthorizer</AuthorizerAppid>
  <AuthorizationCode>queryauthcode@@@abc</AuthorizationCode>
  <AuthorizationCodeExpiredTime>600</AuthorizationCodeExpiredTime>
  <PreAuthCode>preauthcode@@@def</PreAuthCode>
<xml>`
	updatedSample = `<xml><AppId>component</AppId><CreateTime>1413192760</CreateTime><InfoType>updateauthorized</InfoType>` +
		`<AuthorizerAppid>wxauthorizer</AuthorizerAppid><AuthorizationCode>queryauthcode@@@abc</AuthorizationCode>` +
		`<AuthorizationCodeExpiredTime>1413196360</AuthorizationCodeExpiredTime><PreAuthCode>x</PreAuthCode><xml>`
	registeredSample = `<xml>
    <AppId><![CDATA[component]]></AppId>
    <CreateTime>1535442403</CreateTime>
    <InfoType><![CDATA[notify_third_fasteregister]]></InfoType>
    <appid>wxnew<appid>
    <status>0</status>
    <auth_code>queryauthcode@@@reg</auth_code>
    <msg>OK</msg>
    <info>
    <name><![CDATA[</info></xml> <AppId>evil</AppId> a < b & c]]></name>
    <appid>wxinner</appid>
    <code_type>1</code_type>
    </info>
</xml>`
)

func TestSamplesOfTheManualAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		text, appID, infoType, authorizer, code, ticket string
		created, ends                                   int64
	}{
		"ticket":         {ticketSample, "some_appid", Ticket, "", "", "ticket@@@some_verify_ticket", 1413192605, 0},
		"stray tag":      {authorizedSample, "component", Authorized, "wxauthorizer", "queryauthcode@@@abc", "", 1413192760, 1413193360},
		"absolute time":  {updatedSample, "component", UpdateAuthorized, "wxauthorizer", "queryauthcode@@@abc", "", 1413192760, 1413196360},
		"no end tag":     {registeredSample, "component", "notify_third_fasteregister", "wxnew", "queryauthcode@@@reg", "", 1535442403, 0},
		"missing end":    {`<xml><AppId>c<CreateTime>7</CreateTime><InfoType>unauthorized</InfoType><AuthorizerAppid>wx1</AuthorizerAppid>`, "c", Unauthorized, "wx1", "", "", 7, 0},
		"BOM, comment":   {"\ufeff<?xml version='1.0'?>\n<!-- <AppId>x</AppId> --><xml a='b'><AppId>c&amp;d</AppId><CreateTime>7</CreateTime><InfoType>x</InfoType><b/></xml>\n", "c&d", "x", "", "", "", 7, 0},
		"same twice":     {`<xml><AppId>c</AppId><AppId>c</AppId><CreateTime>7</CreateTime><InfoType>x</InfoType></xml>`, "c", "x", "", "", "", 7, 0},
		"end of nothing": {`<xml></b><AppId>c</AppId></c><CreateTime>7</CreateTime><InfoType>x</InfoType></xml>`, "c", "x", "", "", "", 7, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Read([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			ends := int64(0)
			if !e.CodeEnds.IsZero() {
				ends = e.CodeEnds.Unix()
			}
			if e.AppID != c.appID || e.InfoType != c.infoType || e.Authorizer != c.authorizer || e.Code.Reveal() != c.code ||
				e.Ticket.Reveal() != c.ticket || e.Created.Unix() != c.created || ends != c.ends {
				t.Errorf("got %+v with code %q, ticket %q; want %+v", e, e.Code.Reveal(), e.Ticket.Reveal(), c)
			}
		})
	}
}

func TestWhatIsNoEventIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"JSON":              `{"InfoType":"authorized","CreateTime":1}`,
		"a message":         `<xml><ToUserName>gh_1</ToUserName><CreateTime>7</CreateTime><MsgType>text</MsgType></xml>`,
		"no time":           `<xml><AppId>c</AppId><InfoType>authorized</InfoType></xml>`,
		"a strange time":    `<xml><CreateTime>-7</CreateTime><InfoType>authorized</InfoType></xml>`,
		"two values":        `<xml><AppId>c</AppId><AppId>d</AppId><CreateTime>7</CreateTime><InfoType>x</InfoType></xml>`,
		"a DTD":             `<!DOCTYPE xml [<!ENTITY a "b">]><xml><CreateTime>7</CreateTime><InfoType>x</InfoType></xml>`,
		"too long":          `<xml><CreateTime>7</CreateTime><InfoType>` + strings.Repeat("x", maxText+1) + `</InfoType></xml>`,
		"too deep":          strings.Repeat("<a><b>", maxDepth) + `<InfoType>x</InfoType>`,
		"an open CDATA":     `<xml><CreateTime>7</CreateTime><InfoType><![CDATA[x</InfoType></xml>`,
		"a second document": `<xml><CreateTime>7</CreateTime><InfoType>x</InfoType></xml><xml><AppId>c</AppId></xml>`,
	} {
		if e, err := Read([]byte(text)); err == nil {
			t.Errorf("%s: got %+v; want an error", name, e)
		}
	}
}

func TestEventsThatAreActedUponAreKept(t *testing.T) {
	for text, want := range map[string]bool{
		ticketSample: true, authorizedSample: true, updatedSample: true, registeredSample: true,
		strings.Replace(registeredSample, "auth_code", "other", 2):               false,
		strings.Replace(registeredSample, "notify_", "other_", 1):                false,
		strings.Replace(authorizedSample, "AuthorizerAppid", "x", 2):             false,
		strings.Replace(authorizedSample, ">authorized<", ">unauthorized<", 1):   true,
		strings.Replace(ticketSample, "ticket@@@some_verify_ticket", "", 1):      false,
		strings.Replace(authorizedSample, ">authorized<", ">notify_apply_x<", 1): true,
	} {
		e, err := Read([]byte(text))
		if err != nil || e.IsKept() != want {
			t.Errorf("%s\ngot %v, %v; want %v", text, e.IsKept(), err, want)
		}
	}
	if Hash([]byte("a")) == Hash([]byte("b")) || len(Hash(nil)) != 32 {
		t.Error("hashes do not tell events apart")
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{ticketSample, authorizedSample, updatedSample, registeredSample} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := Read(text)
		if err != nil {
			return
		}
		for _, value := range []string{e.AppID, e.InfoType, e.Authorizer, e.Code.Reveal(), e.Ticket.Reveal()} {
			if len(value) > maxText {
				t.Errorf("got a value of %d bytes", len(value))
			}
		}
		if e.InfoType == "" || e.Created.Before(time.Unix(1, 0)) {
			t.Errorf("got %+v of %q", e, text)
		}
	})
}

package message

import (
	"encoding/json"
	"strings"
)

// WriteEnvelope returns the body of an encrypted push.
func WriteEnvelope(format Format, toUserName, encrypt string) []byte {
	if format == JSON {
		return marshal(struct{ ToUserName, Encrypt string }{toUserName, encrypt})
	}
	return []byte("<xml><ToUserName>" + cdata(toUserName) + "</ToUserName><Encrypt>" + cdata(encrypt) + "</Encrypt></xml>")
}

// WriteAgentEnvelope returns the body of an encrypted push of WeCom's.
func WriteAgentEnvelope(format Format, toUserName, agentID, encrypt string) []byte {
	if format == JSON {
		return marshal(struct{ ToUserName, Encrypt, AgentID string }{toUserName, encrypt, agentID})
	}
	return []byte("<xml><ToUserName>" + cdata(toUserName) + "</ToUserName><Encrypt>" + cdata(encrypt) + "</Encrypt><AgentID>" + cdata(agentID) + "</AgentID></xml>")
}

// WriteEventEnvelope returns the body of an encrypted event of a third-party platform, which
// has its app id.
func WriteEventEnvelope(appID, encrypt string) []byte {
	return []byte("<xml><AppId>" + cdata(appID) + "</AppId><Encrypt>" + cdata(encrypt) + "</Encrypt></xml>")
}

// A Reply is an encrypted reply to a push.
type Reply struct {
	Encrypt      string
	MsgSignature string
	TimeStamp    string // digits
	Nonce        string
}

// Write returns the body of the reply.
func (r Reply) Write(format Format) []byte {
	if format == JSON {
		return marshal(struct {
			Encrypt, MsgSignature string
			TimeStamp             json.Number
			Nonce                 string
		}{r.Encrypt, r.MsgSignature, json.Number(r.TimeStamp), r.Nonce})
	}
	return []byte("<xml><Encrypt>" + cdata(r.Encrypt) + "</Encrypt><MsgSignature>" + cdata(r.MsgSignature) +
		"</MsgSignature><TimeStamp>" + r.TimeStamp + "</TimeStamp><Nonce>" + cdata(r.Nonce) + "</Nonce></xml>")
}

// cdata returns text as character data, whatever it holds.
func cdata(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// marshal returns value as JSON.
func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("BUG: strings cannot be written as JSON")
	}
	return text
}

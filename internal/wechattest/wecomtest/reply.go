package wecomtest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"wxproxy/internal/wechattest"
)

// judge reads an answer to a push: nothing, "success" in whatever case, as node-easywechat
// answers, or a reply, which is encrypted. Anything else is a fault.
func (c Callback) judge(answer []byte) (reply []byte, fault string) {
	if text := string(answer); text == "" || strings.EqualFold(text, "success") {
		return nil, ""
	}
	members, err := wechattest.Members(answer)
	if err != nil {
		return nil, fmt.Sprintf("the reply cannot be read: %v: %.100q", err, answer)
	}
	for _, name := range []string{"Encrypt", "MsgSignature", "TimeStamp", "Nonce"} {
		if members[name] == "" {
			return nil, "the reply has no " + name
		}
	}
	if members["MsgSignature"] != wechattest.Sign(c.Token, members["TimeStamp"], members["Nonce"], members["Encrypt"]) {
		return nil, "MsgSignature does not fit"
	}
	if reply, err = wechattest.Decrypt(c.AESKey, members["Encrypt"], c.receiveID()); err != nil {
		return nil, err.Error()
	}
	if _, err := wechattest.Members(reply); err != nil {
		return nil, fmt.Sprintf("the reply is not XML: %.100q", reply)
	}
	return reply, ""
}

// Seal returns reply as a program encrypts it.
func (c Callback) Seal(reply []byte) []byte {
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), "1372623149"
	sealed := wechattest.Encrypt(c.AESKey, reply, c.receiveID())
	return []byte("<xml><Encrypt>" + data(sealed) + "</Encrypt><MsgSignature>" + data(wechattest.Sign(c.Token, timestamp, nonce, sealed)) +
		"</MsgSignature><TimeStamp>" + timestamp + "</TimeStamp><Nonce>" + data(nonce) + "</Nonce></xml>")
}

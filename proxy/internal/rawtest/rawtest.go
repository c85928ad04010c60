// Package rawtest has what the tests of the proxy's packages share: callers and a WeChat
// that send and receive byte by byte, so that they can break the rules of HTTP, and what
// belongs to both.
package rawtest

// OwnHosts are WeChat's hosts, which a request's target may name.
var OwnHosts = []string{"api.weixin.qq.com", "api.weixin.qq.com:443"}

// Bodies of WeChat's answers.
const (
	OKBody      = `{"errcode":0,"errmsg":"ok"}`
	RefusedBody = `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 655d9278"}`
)

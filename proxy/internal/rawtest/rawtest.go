// Package rawtest has what tests of the proxy send and receive byte by byte: callers
// and a WeChat that know HTTP only as far as they are told.
package rawtest

// OwnHosts are the names by which requests may call WeChat.
var OwnHosts = []string{"api.weixin.qq.com", "api.weixin.qq.com:443"}

// Answers of WeChat's.
const (
	OKBody      = `{"errcode":0,"errmsg":"ok"}`
	RefusedBody = `{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 655d9278"}`
)

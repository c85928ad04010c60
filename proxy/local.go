package proxy

// answerLocally answers the requests that never reach WeChat.
func (p *Proxy) answerLocally(*exchange) error {
	return refuse(noCredential, "tokens stay in the proxy and this path is not forwarded; call WeChat's APIs without access_token, it is added here")
}

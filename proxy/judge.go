package proxy

import (
	"time"

	"wxproxy/accountkind"
)

// judge decides about a request by its header alone: none of its body is read,
// still less kept, before it is clear that it may be sent.
func (p *Proxy) judge(x *exchange) error {
	if err := x.readHeader(); err != nil {
		return err
	}
	if !x.caller.Meets(p.config.CallersTLS) {
		x.fields.close = true
		return errOldCertificate
	}
	err := p.admit(x)
	if c := x.caller; c.IsSurplus() && !c.Admit(err == nil && p.knows(x.client), p.asksForKeys()) {
		x.fields.close = true
		return &failure{tooManyConnections, "max_connections callers are connected already", time.Second}
	}
	if err != nil {
		return err
	}
	x.admitted = x.account != nil
	if x.route.Credential == accountkind.CredentialDeny {
		return refuse(noCredential, "this API takes a credential that no account of the proxy has, such as a third-party platform's or a WeCom application's, or a [[route]] denies it")
	}
	return x.checkLength()
}

// takeBody reads the body, where there is a use for it, and decides what only that
// can say.
func (p *Proxy) takeBody(x *exchange) error {
	if c := x.route.Credential; c == credentialLocal || c == credentialHealth {
		return nil
	}
	if err := x.readBody(); err != nil {
		return err
	}
	if x.hasMembers {
		if err := p.admitByBody(x); err != nil {
			return err
		}
	}
	x.announceLength()
	return nil
}

// errOldCertificate refuses who shook hands when other certificates counted.
var errOldCertificate = refuse(unauthenticated,
	"tls_client_ca has changed, and what this connection was opened with is not good any more; connect again with a certificate that is")

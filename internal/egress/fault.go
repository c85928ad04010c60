package egress

import "strings"

// A Fault says why nothing gets through a proxy to a target. No byte that the proxy sent is
// in it, but for a number.
type Fault struct {
	Proxy  string // host and port
	Target string // likewise
	cause  cause
	code   string // that the proxy answered; empty: none
	err    error  // what the network says; may be nil

	setting, scheme string // of the proxy
}

// A cause is a row of the table of faults.
type cause int

const (
	unknown cause = iota
	unreachable
	noTLS
	noPassword
	wrongPassword
	noBasic
	noProxy
	tooMany
	refuses
	refusesSOCKS // where nobody speaks of CONNECT
	noTunnel
	cut
	late
	hangs
	outOfTime
	page
	intercepted
	unshaken
)

// causes are the faults: whether one is the proxy's whichever target is asked for, what it
// is, and what helps. {setting} names the proxy, {scheme} is its URL's, and {target} is where nobody gets.
var causes = [...]struct {
	everywhere    bool
	words, en, zh string
}{
	unknown: {true, "has a name that cannot be looked up",
		"check {setting}, and that this machine's DNS knows the proxy; its IP address will do as well",
		"请检查 {setting}，并确认本机的 DNS 能解析代理的域名；也可以直接填写代理的 IP"},
	unreachable: {true, "cannot be reached",
		"check host and port in {setting}, that the proxy runs, and that it takes connections from this machine",
		"请检查 {setting} 中的主机和端口，并确认代理正在运行且允许本机连接"},
	noTLS: {true, "does not shake hands for TLS, or its certificate is not trusted",
		"check {setting}: most proxies are http://, also for HTTPS; the root of an https:// proxy's certificate belongs into upstream.ca_file",
		"请检查 {setting}：多数代理应写 http://，转发 HTTPS 时也是如此；https:// 代理的根证书请写入 upstream.ca_file"},
	noPassword: {true, "wants a user and a password",
		"write them into {setting}: {scheme}://user:password@host:port",
		"请在 {setting} 中填写用户名和密码：{scheme}://user:password@host:port"},
	wrongPassword: {true, "does not accept the user or the password",
		"check user and password in {setting}; wxproxy shows them ever more seldom, at last once a minute, until the proxy takes them",
		"请检查 {setting} 中的用户名和密码；在代理接受之前，wxproxy 的尝试会越来越少，最后每分钟一次"},
	noBasic: {true, "wants another proof than a user and a password in Basic authentication",
		"ask those who run the proxy to allow Basic to this machine, or to let it through without; or name a local proxy in {setting} that speaks NTLM or Kerberos to theirs",
		"请联系代理的管理员，允许本机使用 Basic 认证，或对本机免认证；也可以在 {setting} 中改用本地的、能与公司代理进行 NTLM 或 Kerberos 认证的代理"},
	noProxy: {true, "answers in another way than a proxy does",
		"check {setting}: whatever listens there is no proxy of this kind, or does not know CONNECT",
		"请检查 {setting}：该地址上运行的不是这种代理，或不支持 CONNECT"},
	tooMany: {true, "answers that there are too many requests",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy to allow this machine more requests",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，放宽对本机的请求数限制"},
	refuses: {false, "does not allow connections to {target}",
		"ask those who run the proxy to allow CONNECT from this machine to {target}",
		"请联系代理的管理员，允许本机通过 CONNECT 访问 {target}"},
	refusesSOCKS: {false, "does not allow connections to {target}",
		"ask those who run the proxy to allow connections from this machine to {target}",
		"请联系代理的管理员，允许本机连接 {target}"},
	noTunnel: {false, "does not get to {target} itself",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy whether it can look up and reach {target}",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，确认代理能解析并访问 {target}"},
	cut: {false, "ended the connection before there was a tunnel to {target}",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy whether it allows {target} to this machine",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，确认它允许本机访问 {target}"},
	late: {false, "did not connect to {target} within connect_timeout",
		"wxproxy tries again by itself; if it lasts, raise upstream.connect_timeout, or ask those who run the proxy",
		"wxproxy 会自动重试；如果持续出现，请增大 upstream.connect_timeout，或联系代理的管理员"},
	hangs: {true, "connected neither to {target} nor to the host before within connect_timeout",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy whether it works, or raise upstream.connect_timeout",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，确认代理工作正常，或增大 upstream.connect_timeout"},
	outOfTime: {false, "did not connect to {target} before the time for the answer was over",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy, and set upstream.timeout above upstream.connect_timeout",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，并把 upstream.timeout 设得大于 upstream.connect_timeout"},
	page: {false, "answers with something of its own where {target} should be",
		"check {setting}: a log-in page, a page that says no, or a web server answers in its place; ask those who run the proxy to let this machine through",
		"请检查 {setting}：应答的是登录页面、拦截页面或普通网站；请联系代理的管理员对本机放行"},
	intercepted: {false, "leads to a certificate for {target} that is not trusted",
		"if the proxy opens TLS, put its root certificate into upstream.ca_file, or ask those who run it to leave {target} alone; check the clock, too",
		"如果代理会解密 TLS，请把它的根证书写入 upstream.ca_file，或请管理员对 {target} 免解密；并检查系统时间"},
	unshaken: {false, "leads to {target}, with which there is no TLS",
		"wxproxy tries again by itself; if it lasts, ask those who run the proxy what it does with TLS to {target}",
		"wxproxy 会自动重试；如果持续出现，请联系代理的管理员，确认它如何处理到 {target} 的 TLS 连接"},
}

// fault returns a fault of p.
func (p *Proxy) fault(c cause, target string, err error) *Fault {
	return &Fault{Proxy: p.Address(), Target: target, cause: c, err: err, setting: p.setting, scheme: p.scheme}
}

// Words returns what is wrong without what the network says of it.
func (f *Fault) Words() string {
	words := "the proxy " + f.Proxy + " " + f.filled(causes[f.cause].words)
	if f.code != "" {
		words += " (" + f.code + ")"
	}
	return words
}

// Error implements error.
func (f *Fault) Error() string {
	if f.err != nil {
		return f.Words() + ": " + f.err.Error()
	}
	return f.Words()
}

// Unwrap returns what the network says.
func (f *Fault) Unwrap() error { return f.err }

// IsEverywhere reports whether the proxy leads nowhere, rather than not to this target.
func (f *Fault) IsEverywhere() bool { return causes[f.cause].everywhere }

// IsOfPassword reports whether asking again would show a password that was not accepted.
func (f *Fault) IsOfPassword() bool { return f.cause == wrongPassword || f.cause == noBasic }

// IsLate reports whether the proxy, or what is behind it, took all the time that there was.
func (f *Fault) IsLate() bool { return f.cause == late || f.cause == hangs || f.cause == outOfTime }

// Remedies returns what helps, in English and Chinese. Packages that do not import this one
// tell by the method that WeChat was not asked, and why.
func (f *Fault) Remedies() (en, zh string) {
	return f.filled(causes[f.cause].en), f.filled(causes[f.cause].zh)
}

func (f *Fault) filled(text string) string {
	return strings.NewReplacer("{setting}", f.setting, "{scheme}", f.scheme, "{target}", f.Target).Replace(text)
}

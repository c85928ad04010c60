package accountkind

// These are the pages of the proxy itself, whatever kinds of accounts there are. They
// are never forwarded.
const (
	OwnPrefix     = "/wxproxy/" // of all of them
	LivenessPath  = OwnPrefix + "healthz"
	ReadinessPath = OwnPrefix + "readyz"
	SignaturePath = OwnPrefix + "jsapi-signature"
	AuthorizePath = OwnPrefix + "authorize-url"
)

// HealthPaths are those of them that take no key.
var HealthPaths = []string{LivenessPath, ReadinessPath}

package accountkind

// The pages of the proxy itself, which accounts of every kind have. They are never
// forwarded.
const (
	OwnPrefix     = "/wxproxy/" // of all of them
	LivenessPath  = OwnPrefix + "healthz"
	ReadinessPath = OwnPrefix + "readyz"
	SignaturePath = OwnPrefix + "jsapi-signature"
)

// HealthPaths are those of them that take no key.
var HealthPaths = []string{LivenessPath, ReadinessPath}

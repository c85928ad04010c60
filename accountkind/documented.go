package accountkind

import (
	_ "embed" // the lists
	"strings"
)

// The paths of the APIs that WeChat's and WeCom's manuals document for servers, one a line, in
// normal form and in order. They are what metrics tell calls apart by: a path that is missing
// is counted among the others.
var (
	//go:embed wechat.txt
	wechatDocumented string

	//go:embed wecom.txt
	wecomDocumented string
)

// DocumentedPaths returns the paths of the kind's documented APIs, and of the pages of the
// proxy itself that answer for an account.
func (k *Kind) DocumentedPaths() []string {
	return append(strings.Fields(k.documented), SignaturePath, AuthorizePath)
}

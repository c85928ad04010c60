//go:generate go test -run TestTheNoticesAreThoseOfWhatIsCompiledIn ./e2e -update-notices
//go:generate go test -run TestTheSchemaOfTheValuesHasAllSettings ./e2e -update-schema

// Command wxproxy is a reverse proxy for WeChat's server API. Programs call it
// as they would call api.weixin.qq.com, without an access_token: it adds the
// token, keeps it fresh, and sends a request once more when WeChat says that the
// token is no good.
package main

import (
	"os"

	_ "golang.org/x/crypto/x509roots/fallback" // root certificates, where the system has none

	"wxproxy/internal/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr))
}

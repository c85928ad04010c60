// Command sdk makes the calls that people make most with a Go SDK of others',
// through the base URL in its first argument, and says how each went. It changes
// nothing of the SDK but its base URL, and gives it the secret it is told.
//
//	sdk silenceper|fastwego BASE APPID SECRET
//
// With platform it manages the tokens of a third-party platform instead: see there.
//
//	sdk platform silenceper|powerwechat BASE COMPONENT SECRET TICKET APPID CODE
//
// With wecom it makes calls to WeCom instead: see there.
//
//	sdk wecom go-workwx|silenceper|powerwechat|fastwego|go-wecom BASE CORPID SECRET AGENTID
//
// With receive it takes pushes with an SDK's server instead: see there.
//
//	sdk receive APPID TOKEN AESKEY
package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
)

// A call is one thing that people do with an SDK.
type call struct {
	name string
	make func() error
}

// picture is what is uploaded and downloaded: bytes that no text has.
func picture() []byte { return bytes.Repeat([]byte("\x89PNG\r\n\x1a\n\x00\xff"), 10_000) }

func main() {
	if os.Args[1] == "receive" {
		receive(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	sdk, args := os.Args[1], os.Args[2:]
	if sdk == "platform" || sdk == "wecom" {
		sdk, args = args[0], args[1:]
	}
	base, err := url.Parse(args[0])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	var calls []call
	switch {
	case os.Args[1] == "platform":
		calls = platform(sdk, base, authorization{component: args[1], secret: args[2], ticket: args[3], authorizer: args[4], code: args[5]})
	case os.Args[1] == "wecom":
		calls = wecom(sdk, base, args[1], args[2], args[3])
	case sdk == "fastwego":
		calls = fastwego(base, args[1], args[2])
	default:
		calls = silenceper(base, args[1], args[2])
	}
	failed := false
	for _, c := range calls {
		if err := c.make(); err != nil {
			failed = true
			fmt.Printf("%s: %v\n", c.name, err)
			continue
		}
		fmt.Printf("%s: ok\n", c.name)
	}
	if failed {
		os.Exit(1)
	}
}

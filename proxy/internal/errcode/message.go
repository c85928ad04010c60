package errcode

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/valyala/fasthttp"

	"wxproxy/proxy/internal/wire"
)

// Text returns the body, in memory, of an answer that has an errcode, unpacked.
func Text(resp *fasthttp.Response) []byte {
	if wire.IsFold(resp.Header.ContentEncoding(), "gzip") {
		return Gunzip(resp.Body(), MaxRefusal)
	}
	return resp.Body()
}

// Message returns the errmsg of an answer that has an errcode.
func Message(resp *fasthttp.Response) string {
	var said struct {
		Errmsg string `json:"errmsg"`
	}
	printable := bytes.Map(func(r rune) rune { return max(r, ' ') }, Text(resp)) // WeChat sends control bytes, which JSON does not allow
	if json.Unmarshal(printable, &said) != nil || said.Errmsg == "" {
		return "no errmsg"
	}
	return said.Errmsg
}

// Address returns the address of this machine that WeCom gives in an errmsg, as in "..., hint:
// [...], from ip: 203.0.113.7, more info at ...". It is not valid if there is none.
func Address(errmsg string) netip.Addr {
	_, rest, _ := strings.Cut(errmsg, "from ip: ")
	text, _, _ := strings.Cut(rest, ",")
	address, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || address.Zone() != "" {
		return netip.Addr{}
	}
	return address
}

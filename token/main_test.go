package token_test

import (
	"testing"

	"wxproxy/token"
)

func TestMain(m *testing.M) {
	token.IssuerOfWeChat = token.NewIssuer()
	m.Run()
}

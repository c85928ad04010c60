package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestExplainTakesFlagsAndNegativeErrcodesAnywhere(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	for _, c := range []struct {
		args string
		code int
		has  string
	}{
		{"40001", 0, "40001 (WeChat)"},
		{"-wecom 40001", 0, "40001 (WeCom)"},
		{"40001 --wecom", 0, "40001 (WeCom)"},
		{"errcode 40001", 0, "40001 (WeChat)"},
		{"-50300", 0, "token_unavailable"},
		{"-1", 0, "WeChat is busy"},
		{"-1 -wecom", 0, "WeCom is busy"},
		{"-- -1", 0, "WeChat is busy"},
		{"99999", 1, "99999: wxproxy does not know this errcode"},
		{"hello", 1, "There is no errcode in this"},
		{"", 2, "usage: wxproxy explain [-wecom] CODE..."},
		{"-wecom", 2, "usage: wxproxy explain [-wecom] CODE..."},
		{"-nosuch 40001", 2, "-nosuch"},
		{"-h", 0, "usage: wxproxy explain [-wecom] CODE..."},
		{"-help", 0, "usage: wxproxy explain [-wecom] CODE..."},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, printed := run(t, append([]string{"explain"}, strings.Fields(c.args)...)...)
			if code != c.code || !strings.Contains(printed, c.has) {
				t.Errorf("got %d, %s; want %d, %q", code, printed, c.code, c.has)
			}
		})
	}
}

func TestFlagsFirst(t *testing.T) {
	got := flagsFirst([]string{"errcode", "-1", "-wecom", "", "-", "--", "-50300"})
	if want := []string{"-wecom", "--", "errcode", "-1", "", "-", "--", "-50300"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

package words

import (
	"strings"
	"testing"
)

func TestIDsAndSecretsOfWeCom(t *testing.T) {
	secret := strings.Repeat("aB3-_x", 7) + "q"
	for _, row := range []struct {
		judge    func(string) string
		id, want string
	}{
		{CorpProblem, "ww0123456789abcdef", ""}, {CorpProblem, "wpAbC-_12", ""}, {CorpProblem, "wx0123456789abcdef", ""},
		{CorpProblem, "", "missing"}, {CorpProblem, secret, "swapped"}, {CorpProblem, "1000002", "looks like an agent_id"}, {CorpProblem, "ww 1", "letters, digits"},
		{CorpProblem, "wwxxxxxxxxxxxxxxxx", "placeholder"},
		{AgentProblem, "1000002", ""}, {AgentProblem, "1", ""}, {AgentProblem, "0", "as 1000002"}, {AgentProblem, "01", "as 1000002"}, {AgentProblem, "crm", "as 1000002"},
		{AgentProblem, "-1", "as 1000002"}, {AgentProblem, "", "as 1000002"}, {AgentProblem, "１", "as 1000002"}, {AgentProblem, strings.Repeat("1", 19), "as 1000002"},
		{AgentProblem, "ww0123456789abcdef", "swapped"},
		{WeComSecretDoubt, secret, ""}, {WeComSecretDoubt, "", ""}, {WeComSecretDoubt, secret[1:], "not as long"}, {WeComSecretDoubt, "secret", "stands in examples"},
		{WeComSecretDoubt, "5f4dcc3b5aa765d65f4dcc3b5aa765d6", "AppSecret of WeChat's"},
	} {
		if got := row.judge(row.id); (got == "") != (row.want == "") || !strings.Contains(got, row.want) || row.id != "" && strings.Contains(got, row.id) && len(row.id) > 30 {
			t.Errorf("%q: got %q; want %q", row.id, got, row.want)
		}
	}
	for name, want := range map[string]bool{
		secret: true, "5f4dcc3b5aa765d65f4dcc3b5aa765d6": true, "shop": false, strings.Repeat("a", 43): false, "the-account-of-the-shop-in-the-north-of-2026": false,
	} {
		if LooksLikeSecret(name) != want {
			t.Errorf("%s: got %v", name, !want)
		}
	}
	for id, want := range map[string]bool{"ww0123456789abcdef": true, "wx0123456789abcdef": false, "ww1": false, "wwzz23456789abcdef": false} {
		if IsCorpID(id) != want {
			t.Errorf("%s: got %v", id, !want)
		}
	}
}

package wechat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"wxproxy/token/internal/asking"
)

func TestPermissionsAreKeptAsWeChatAnswersThem(t *testing.T) {
	for info, want := range map[string][2]string{
		`[{"funcscope_category":{"id":1}},{"funcscope_category":{"id":17},"confirm_info":{"need_confirm":1,"already_confirm":0,"can_confirm":1}}]`: {"1 17.5",
			`[{"funcscope_category":{"id":1}},{"funcscope_category":{"id":17},"confirm_info":{"need_confirm":1,"already_confirm":0,"can_confirm":1}}]`},
		`[{"funcscope_category":{"id":"2","type":1,"name":"x"},"confirm_info":{}}]`: {"2.0", `[{"funcscope_category":{"id":2},"confirm_info":{"need_confirm":0,"already_confirm":0,"can_confirm":0}}]`},
		`[]`:      {"", ""},
		`null`:    {"", ""},
		`"x"`:     {"", ""},
		`[1]`:     {"", ""},
		`{"a":1}`: {"", ""},
		`[{"funcscope_category":{"id":-1}},{},{"funcscope_category":{"id":1e30}}]`: {"", ""},
	} {
		var a componentAnswer
		body := `{"authorization_info":{"authorizer_appid":"wx1","func_info":` + info + `}}`
		if err := json.Unmarshal([]byte(body), &a); err != nil || string(a.Info.Permissions) != want[0] {
			t.Errorf("%s: got %q, %v; want %q", info, a.Info.Permissions, err, want[0])
		}
		if got := FuncInfo(want[0]); string(got) != want[1] {
			t.Errorf("%q: got %s; want %s", want[0], got, want[1])
		}
	}
	for _, text := range []string{"x", "1.9", "1.", ".", "1 99999999999", strings.Repeat("1 ", maxPermissions+1)} {
		if got := FuncInfo(text); got != nil {
			t.Errorf("%q: got %s; want nothing", text, got)
		}
	}
	var many []permission
	for i := range 3 * maxPermissions {
		many = append(many, permission{Category: category{asking.Number(1e8 + i)}})
	}
	if got := permissionsOf(many); strings.Count(got, " ") != maxPermissions-1 || len(got) > 2<<10 {
		t.Errorf("got %d bytes; want a bound", len(got))
	}
}

func FuzzPermissions(f *testing.F) {
	f.Add("1 2 17.5")
	f.Add("1.8 .")
	f.Fuzz(func(t *testing.T, text string) {
		var a componentAnswer
		body := FuncInfo(text)
		if body == nil {
			return
		}
		if err := json.Unmarshal(fmt.Appendf(nil, `{"func_info":%s}`, body), &a); err != nil {
			t.Fatalf("%q: got %s: %v", text, body, err)
		}
		if again := FuncInfo(string(a.Permissions)); string(again) != string(body) {
			t.Errorf("%q: got %s and then %s", text, body, again)
		}
	})
}

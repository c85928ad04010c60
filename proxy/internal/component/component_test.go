package component

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestRefreshTokensAreMasked(t *testing.T) {
	for name, row := range map[string]struct{ answer, want string }{
		"of a list":         {`{"total_count":2,"list":[{"authorizer_appid":"wx1","refresh_token":"refreshtoken@@@a_B-1","auth_time":1},{"authorizer_appid":"wx2","auth_time":2}]}`, `{"total_count":2,"list":[{"authorizer_appid":"wx1","refresh_token":"refreshtoken@@@wxproxy","auth_time":1},{"authorizer_appid":"wx2","auth_time":2}]}`},
		"of an account":     {`{"authorization_info":{"authorizer_refresh_token" : "x\"y"}}`, `{"authorization_info":{"authorizer_refresh_token" : "refreshtoken@@@wxproxy"}}`},
		"none was redeemed": {`{"refresh_token":""}`, `{"refresh_token":""}`},
		"an escaped name":   {`{"Refresh\u005fToken":"abc"}`, `{"Refresh\u005fToken":"refreshtoken@@@wxproxy"}`},
		"all is escaped":    {`{"\u0072\u0045fresh_toke\u006e":"abc","\u0061ccess\u005FTOKEN":"d"}`, `{"\u0072\u0045fresh_toke\u006e":"refreshtoken@@@wxproxy","\u0061ccess\u005FTOKEN":"***"}`},
		"JSON in a string":  {`{"x":"{\"refresh_token\":\"a\/b\",\"y\":1,\"access_token\":\"c\"}","z":2}`, `{"x":"{\"refresh_token\":\"refreshtoken@@@wxproxy\",\"y\":1,\"access_token\":\"***\"}","z":2}`},
		"its end":           {`{"x":"{\"y\":\"refreshtoken@@@a\u0042\/c\"}"}`, `{"x":"{\"y\":\"refreshtoken@@@wxproxy\"}"}`},
		"an escaped value":  {`{"x":"\u0072efreshtoken@\u0040@abc"}`, `{"x":"refreshtoken@@@wxproxy"}`},
		"deep":              {`{"a":[{"b":{"refresh_token":"abc"}},[[{"refresh_token":"def"}]]]}`, `{"a":[{"b":{"refresh_token":"refreshtoken@@@wxproxy"}},[[{"refresh_token":"refreshtoken@@@wxproxy"}]]]}`},
		"among other words": {`{"a":["p",":"],"refresh_token":"v"}`, `{"a":["p",":"],"refresh_token":"refreshtoken@@@wxproxy"}`},
		"elsewhere":         {`{"x":["refreshtoken@@@abc","refreshtoken\u0040\u0040\u0040abc"]}`, `{"x":["refreshtoken@@@wxproxy","refreshtoken@@@wxproxy"]}`},
		"not JSON":          {"{\"refresh_token\":\"a\x01\xff\",", `{"refresh_token":"refreshtoken@@@wxproxy",`},
		"an access token":   {`{"authorizer_access_token":"abc"}`, `{"authorizer_access_token":"***"}`},
		"a null":            {`{"refresh_token":null}`, `{"refresh_token":null}`},
	} {
		if got := string(Mask([]byte(row.answer), "***")); got != row.want {
			t.Errorf("%s: got %s; want %s", name, got, row.want)
		}
	}
}

func TestARedemptionIsAnsweredInWeChatsForm(t *testing.T) {
	got, err := Redeemed("wx1", "wxp_1", 2*time.Hour, json.RawMessage(`[{"funcscope_category":{"id":1}}]`))
	if err != nil || string(got) != `{"authorization_info":{"authorizer_appid":"wx1","authorizer_access_token":"wxp_1","expires_in":7200,"authorizer_refresh_token":"refreshtoken@@@wxproxy","func_info":[{"funcscope_category":{"id":1}}]}}` {
		t.Errorf("got %s, %v", got, err)
	}
	if got, _ := Redeemed("wx1", "wxp_1", 2*time.Hour, nil); !strings.Contains(string(got), `"func_info":[]`) {
		t.Errorf("got %s; want an empty func_info", got)
	}
}

func TestTheAddressOfAnAuthorization(t *testing.T) {
	const pc = "https://mp.weixin.qq.com/cgi-bin/componentloginpage?component_appid=wxc&pre_auth_code=preauthcode%40%40%40x&redirect_uri="
	const mobile = "https://open.weixin.qq.com/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&component_appid=wxc&pre_auth_code=preauthcode%40%40%40x&redirect_uri="
	for query, want := range map[string]string{
		"?redirect_uri=https%3A%2F%2Fsaas.example%2Fback%3Fa%3Db%26c": pc + "https%3A%2F%2Fsaas.example%2Fback%3Fa%3Db%26c&auth_type=3",
		"?redirect_uri=javascript:alert(1)":                           pc + "javascript%3Aalert%281%29&auth_type=3",
		"?redirect_uri=x&auth_type=1&device=pc&platform=saas":         pc + "x&auth_type=1",
		"?redirect_uri=x&biz_appid=wx%26":                             pc + "x&biz_appid=wx%26",
		"?redirect_uri=x&biz_appid=wx1&auth_type=2":                   pc + "x&auth_type=2&biz_appid=wx1",
		"?device=mobile&redirect_uri=x&access_token=wxp_1":            mobile + "x&auth_type=3#wechat_redirect",
	} {
		q, err := ReadQuestion([]byte(query), []string{"access_token"})
		if got := q.URL("wxc", "preauthcode@@@x"); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", query, got, err, want)
		}
	}
}

func TestOtherQuestionsAreRefused(t *testing.T) {
	for _, query := range []string{
		"", "?", "?redirect_uri=", "?redirect_uri=x&other=1", "?redirect_uri=x&redirect_uri=y", "?redirect_uri=%zz", "?redirect_uri=https://x/?a=1&b=2",
		"?redirect_uri=x&auth_type=a", "?redirect_uri=x&auth_type=0", "?redirect_uri=x&auth_type=123", "?redirect_uri=x&device=tv",
	} {
		if _, err := ReadQuestion([]byte(query), nil); err == nil {
			t.Errorf("%s: got no error", query)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"list":[{"refresh_token":"refreshtoken@@@abc"}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		once := Mask(answer, "***")
		if twice := Mask(once, "***"); string(twice) != string(once) {
			t.Errorf("%q became %q, and then %q", answer, once, twice)
		}
		var object struct {
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(once, &object) == nil && strings.HasPrefix(object.Refresh, "refreshtoken@@@") && object.Refresh != RefreshToken {
			t.Errorf("%q became %q", answer, once)
		}
	})
}

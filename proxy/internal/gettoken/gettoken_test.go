package gettoken

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"wxproxy/accountkind"
)

func TestWhichApplicationIsMeant(t *testing.T) {
	crm, oa := Application{"crm", "1000002", true}, Application{"oa", "1000003", true}
	agent := Application{"1000003", "1000004", true} // its name is another's agent_id
	hidden := func(a Application) Application {
		a.Usable = false
		return a
	}
	for name, row := range map[string]struct {
		all    []Application
		choice Choice
		want   int // -1: a problem
	}{
		"the only one":                 {[]Application{crm}, Choice{Named: -1}, 0},
		"the only one, not usable":     {[]Application{hidden(crm)}, Choice{Named: -1}, 0},
		"the only usable one":          {[]Application{hidden(crm), oa}, Choice{Named: -1}, 1},
		"several":                      {[]Application{crm, oa}, Choice{Named: -1}, -1},
		"several, of more":             {[]Application{hidden(agent), crm, oa}, Choice{Named: -1}, -1},
		"none is usable":               {[]Application{hidden(crm), hidden(oa)}, Choice{Named: -1}, 0},
		"named":                        {[]Application{crm, oa}, Choice{Named: 1}, 1},
		"a name behind":                {[]Application{crm, oa}, Choice{Named: -1, Behind: "oa"}, 1},
		"an agent_id behind":           {[]Application{crm, oa}, Choice{Named: -1, Behind: "1000003"}, 1},
		"a name before an agent_id":    {[]Application{crm, oa, agent}, Choice{Named: -1, Behind: "1000003"}, 2},
		"behind, not usable":           {[]Application{crm, oa, hidden(agent)}, Choice{Named: -1, Behind: "1000004", IsCertain: true}, 2},
		"the only usable one, not it":  {[]Application{crm, hidden(oa)}, Choice{Named: -1, Behind: "oa", IsCertain: true}, 0},
		"nobody behind":                {[]Application{crm}, Choice{Named: -1, Behind: "x", IsCertain: true}, -1},
		"maybe a part of the secret":   {[]Application{crm}, Choice{Named: -1, Behind: "x"}, 0},
		"the same twice":               {[]Application{crm, oa}, Choice{Named: 1, Behind: "1000003", IsCertain: true}, 1},
		"two":                          {[]Application{crm, oa}, Choice{Named: 0, Behind: "oa"}, 0},
		"named, and nobody behind":     {[]Application{crm, oa}, Choice{Named: 0, Behind: "x", IsCertain: true}, 0},
		"no agent_id is no empty word": {[]Application{{"a", "", true}, {"b", "", true}}, Choice{Named: -1, IsCertain: true}, -1},
	} {
		got, problem := row.choice.Of(row.all)
		if problem != "" {
			got = -1
		}
		if got != row.want {
			t.Errorf("%s: got %d, %q; want %d", name, got, problem, row.want)
		}
	}
}

func TestTheSecretIsCutAtItsLastColon(t *testing.T) {
	for secret, want := range map[string]string{"k:crm": "k|crm|true", "a:b:crm": "a:b|crm|true", ":crm": "|crm|true", "k:": "k||true", "k": "k||false", "": "||false"} {
		key, application, found := Cut(secret)
		if got := fmt.Sprintf("%s|%s|%v", key, application, found); got != want {
			t.Errorf("%q: got %s; want %s", secret, got, want)
		}
	}
}

func TestMessagesNameAFewApplicationsOnly(t *testing.T) {
	var all []Application
	for i := range 300 {
		all = append(all, Application{fmt.Sprint("app", i), "", i != 1})
	}
	if got := Names(all); !strings.HasPrefix(got, "app0, app2, ") || !strings.HasSuffix(got, ", others") || strings.Count(got, "app") != maxNames {
		t.Errorf("got %s; want %d names of those that may be used", got, maxNames)
	}
}

func TestAnAgentIDIsWrittenAsItIsConfigured(t *testing.T) {
	for agent, want := range map[Agent]string{{}: "null", {ID: "1000002"}: "1000002", {ID: "1000002", IsText: true}: `"1000002"`} {
		if got, err := json.Marshal(agent.Value()); err != nil || string(got) != want {
			t.Errorf("%v: got %s, %v; want %s", agent, got, err, want)
		}
	}
}

// Whatever a program sends is read without a panic, and a corp's answer is always one
// application of it, or words.
func FuzzRequest(f *testing.F) {
	f.Add("?corpid=ww1&corpsecret=k%3Acrm", `{"corpid":"ww1"}`)
	f.Add("?corpid=ww1", "corpsecret=a:b:1000003")
	all := []Application{{"crm", "1000002", true}, {"oa", "1000003", false}}
	f.Fuzz(func(t *testing.T, query, body string) {
		var r Request
		if !strings.HasPrefix(query, "?") || !r.Read(&accountkind.WeCom.TokenRequest, []byte(query), []byte(body)) {
			return
		}
		errcode, errmsg := r.Refusal(&accountkind.WeCom.TokenRequest, "GET", "/cgi-bin/gettoken")
		if (errcode == 0) != (errmsg == "") || errcode == 0 && r.AppID.Text == "" {
			t.Errorf("got %d, %q of %+v", errcode, errmsg, r)
		}
		_, behind, _ := Cut(r.Secret.Text)
		i, problem := Choice{Named: -1, Behind: behind, IsCertain: true}.Of(all)
		if i < 0 || i >= len(all) || behind != "" && strings.Contains(problem, behind) && len(behind) > 20 {
			t.Errorf("got %d, %q of %q", i, problem, behind)
		}
	})
}

package service

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wxproxy/config"
	"wxproxy/internal/redistest"
	"wxproxy/internal/wechattest/wecomtest"
)

// startWeCom starts a simulated WeCom with two applications of the corp ww1 and one of ww2.
func startWeCom(t *testing.T) (*wecomtest.WeCom, string) {
	t.Helper()
	w := wecomtest.New(wecomtest.Rules{})
	for _, app := range []wecomtest.App{
		{CorpID: "ww1", AgentID: "1000002", Secret: "secret-of-crm"}, {CorpID: "ww1", AgentID: "1000003", Secret: "secret-of-oa"}, {CorpID: "ww2", Secret: "secret-of-book"},
	} {
		w.Add(app)
	}
	server, err := w.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return w, server.URL
}

func applicationOf(name, corpID, more string) string {
	return fmt.Sprintf("[[account]]\nname = %q\nkind = \"wecom\"\ncorp_id = %q\nsecret = \"secret-of-%s\"\n%s\n", name, corpID, name, more)
}

// applications are the accounts of the simulated WeCom.
func applications() string {
	return applicationOf("crm", "ww1", "agent_id = 1000002") + applicationOf("oa", "ww1", "agent_id = \"1000003\"") + applicationOf("book", "ww2", "")
}

// asked returns what a running service answers, and the errcode in it.
func (r *running) asked(path string, header ...string) (answer string, errcode int) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+r.callers[0].Addr().String()+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	var a struct{ Errcode int }
	if err := json.Unmarshal(body, &a); err != nil {
		a.Errcode = resp.StatusCode
	}
	return string(body), a.Errcode
}

// names returns those of the files in a folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	slices.Sort(all)
	return all
}

func TestAccountsOfBothKindsAreServed(t *testing.T) {
	t.Parallel()
	weChat := startWeChat(t)
	weCom, url := startWeCom(t)
	dir := filepath.Join(t.TempDir(), "tokens")
	ways := fmt.Sprintf("[upstream]\nurl = %q\n[upstream.wecom]\nurl = %q\n[token]\nstore = %q\n", weChat.URL, url, "file:"+dir)
	r := runService(t, ways+shop+applications())
	for _, name := range []string{"crm", "oa", "book"} {
		for _, path := range []string{"/cgi-bin/get_api_domain_ip", "/cgi-bin/get_jsapi_ticket", "/cgi-bin/ticket/get?type=agent_config"} {
			if answer, errcode := r.asked("/@" + name + path); errcode != 0 {
				t.Errorf("%s of %s: got %s", path, name, answer)
			}
		}
	}
	if answer, errcode := r.asked("/cgi-bin/get_api_domain_ip"); errcode != 0 || weChat.Calls("/cgi-bin/get_api_domain_ip") == 0 {
		t.Errorf("nobody named: got %s; want WeChat's answer", answer)
	}
	if answer, errcode := r.asked("/@ww2/cgi-bin/get_api_domain_ip"); errcode != 0 {
		t.Errorf("a corp with one application: got %s", answer)
	}
	if answer, errcode := r.asked("/@ww1/cgi-bin/get_api_domain_ip"); errcode != -40400 {
		t.Errorf("a corp with two applications: got %s; want it unknown", answer)
	}
	if n := weCom.Calls("/cgi-bin/gettoken"); n != 3 {
		t.Errorf("gettoken was asked %d times; want once for each application", n)
	}
	eventually(t, "all records in files of their own", func() bool {
		have := names(t, dir)
		for _, want := range []string{appID + ".json", "ww1.1000002.json", "ww1.1000003.json", "ww2.name.book.json", "ww1.1000002-ticket-jsapi.json", "ww1.1000003-ticket-agent_config.json"} {
			if !slices.Contains(have, want) {
				return false
			}
		}
		return true
	})
	hosts := r.now.Load().hosts
	if states := hosts.states(); len(states) != 2 || states[0].URL != weChat.URL || states[1].URL != url {
		t.Errorf("got the hosts %+v; want both", states)
	}

	keepers := r.now.Load().keepers
	r.mustReload(ways + shop + strings.Replace(applications(), "name = \"crm\"", "name = \"sales\"", 1))
	now := r.now.Load()
	if now.keepers["sales"] != nil && now.keepers["sales"] == keepers["crm"] || now.keepers["oa"] != keepers["oa"] || now.hosts[config.WeCom] != hosts[config.WeCom] {
		t.Error("a reload that renames one account has more than that replaced, or takes another's keeper")
	}
	if answer, errcode := r.asked("/@sales/cgi-bin/get_api_domain_ip"); errcode != 0 {
		t.Errorf("renamed: got %s", answer)
	}
	r.mustReload(ways + shop)
	eventually(t, "the records of removed applications to leave the store", func() bool {
		return !slices.ContainsFunc(names(t, dir), func(name string) bool { return strings.HasPrefix(name, "ww") })
	})
	if n := weCom.Calls("/cgi-bin/gettoken"); n != 3 {
		t.Errorf("gettoken was asked %d times; want no more than once for each application", n)
	}
}

// A wrong secret is shown once, whatever operators do and however often the process starts.
func TestAWrongSecretOfWeComIsShownOnce(t *testing.T) {
	for name, spec := range map[string]string{"files": "file:" + filepath.Join(t.TempDir(), "tokens"), "Redis": "redis://" + redistest.Start(t).Addr} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustShowItOnce(t, spec)
		})
	}
}

func mustShowItOnce(t *testing.T, store string) {
	weCom, url := startWeCom(t)
	toml := fmt.Sprintf("[upstream.wecom]\nurl = %q\n[token]\nstore = %q\n", url, store) + applicationOf("crm", "ww1", "agent_id = 1000002")
	wrong := strings.Replace(toml, "secret-of-crm", "a-wrong-secret", 1)
	for range 2 {
		r := runService(t, wrong)
		keeper := r.now.Load().keepers["crm"]
		eventually(t, "the refusal", func() bool { status := keeper.Status(); return status.Problem().Code == 40001 })
		for range 3 {
			if _, err := keeper.Refresh("", time.Second); err == nil {
				t.Error("a refresh by hand brought a token")
			}
			r.mustReload(wrong + "[log]\naccess = true\n")
			r.mustReload(wrong)
			if answer, errcode := r.asked("/cgi-bin/get_api_domain_ip"); errcode != -50300 || !strings.Contains(answer, "WeCom answered errcode 40001") {
				t.Errorf("got %s; want WeCom's refusal", answer)
			}
		}
		_ = r.end()
	}
	if n := weCom.Calls("/cgi-bin/gettoken"); n != 1 {
		t.Errorf("gettoken was asked %d times; want once", n)
	}
	r := runService(t, wrong)
	r.mustReload(toml)
	eventually(t, "the token of the right secret", func() bool { _, errcode := r.asked("/cgi-bin/get_api_domain_ip"); return errcode == 0 })
	if n := weCom.Calls("/cgi-bin/gettoken"); n != 2 {
		t.Errorf("gettoken was asked %d times; want once for each secret", n)
	}
}

// Replicas that share Redis share the pauses of a wrong secret.
func TestReplicasShowAWrongSecretOfWeComOnce(t *testing.T) {
	t.Parallel()
	weCom, url := startWeCom(t)
	toml := fmt.Sprintf("[upstream.wecom]\nurl = %q\n[token]\nstore = %q\n", url, "redis://"+redistest.Start(t).Addr) +
		strings.Replace(applicationOf("crm", "ww1", "agent_id = 1000002"), "secret-of-crm", "a-wrong-secret", 1)
	var replicas []*running
	for range 3 {
		replicas = append(replicas, runService(t, toml))
	}
	for i, r := range replicas {
		keeper := r.now.Load().keepers["crm"]
		eventually(t, "the refusal", func() bool { status := keeper.Status(); return status.Problem().Code == 40001 })
		if answer, errcode := r.asked("/cgi-bin/get_api_domain_ip"); errcode != -50300 || !strings.Contains(answer, "40001") {
			t.Errorf("replica %d: got %s; want WeCom's refusal", i, answer)
		}
	}
	if n := weCom.Calls("/cgi-bin/gettoken"); n != 1 {
		t.Errorf("gettoken was asked %d times; want once", n)
	}
}

func TestConnectionsAreSharedByKinds(t *testing.T) {
	cfg, err := loads(t, t.TempDir(), "[upstream]\nmax_connections = 300\n[upstream.wecom]\nmax_connections = 100\n"+applications())
	if err != nil {
		t.Fatal(err)
	}
	for files, want := range map[int][2]int{1000: {300, 100}, 400: {300, 100}, 200: {150, 50}, 1: {1, 1}} {
		f := openFiles{upstream: files}
		if got := [2]int{f.toHosts(cfg, config.WeChat), f.toHosts(cfg, config.WeCom)}; got != want {
			t.Errorf("%d files: got %v; want %v", files, got, want)
		}
	}
}

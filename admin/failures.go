package admin

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"wxproxy/internal/audit"
	"wxproxy/internal/meanings"
	"wxproxy/proxy/traffic"
	"wxproxy/proxy/traffic/apis"
)

// failures are how many requests failed at the proxy, by reason.
type failures map[string]uint64

// failuresOf returns the failures of each client, and of all together.
func failuresOf(counted *traffic.Snapshot) (byClient map[string]failures, all failures) {
	byClient, all = map[string]failures{}, failures{}
	for _, c := range counted.Failures {
		if byClient[c.Client] == nil {
			byClient[c.Client] = failures{}
		}
		byClient[c.Client][c.Reason] += c.N
		all[c.Reason] += c.N
	}
	return byClient, all
}

// clientsNow returns all failures, and how each client is; behind the clients, how all
// callers are together that are none.
func clientsNow(clients []Client, counted *traffic.Snapshot) (failures, []clientStatus) {
	byClient, all := failuresOf(counted)
	requests := map[string]uint64{}
	for _, c := range counted.Requests {
		requests[c.Client] += c.N
	}
	told := make([]clientStatus, 0, len(clients)+1)
	if len(clients) == 0 || requests[""] > 0 || byClient[""] != nil {
		clients = append(slices.Clone(clients), Client{})
	}
	for _, client := range clients {
		failed := byClient[client.Name]
		if failed == nil {
			failed = failures{} // not null
		}
		told = append(told, clientStatus{client.Name, requests[client.Name], failed})
	}
	return all, told
}

// reasonWords are the slugs of the proxy's own errors in words.
var reasonWords = map[string]phrase{
	"bad_request":          {"not understood", "请求有误"},
	"unauthenticated":      {"no key or a wrong one", "密钥缺失或错误"},
	"forbidden_account":    {"account not allowed", "无权使用该账号"},
	"forbidden_path":       {"path not allowed", "无权调用该接口"},
	"no_credential":        {"API not served", "不提供的接口"},
	"unknown_account":      {"unknown account", "未知账号"},
	"body_too_large":       {"body too large", "请求体过大"},
	"too_many_requests":    {"too many requests", "请求过多"},
	"internal_error":       {"mistake of the proxy", "代理内部错误"},
	"upstream_unreachable": {"WeChat not reached", "无法连接微信"},
	"token_unavailable":    {"no token", "无可用 token"},
	"upstream_busy":        {"no connection free", "无空闲连接"},
	"not_authorized":       {"merchant has not authorized", "商家未授权"},
	"no_ticket":            {"platform without a ticket", "平台没有 ticket"},
	"too_many_connections": {"too many connections", "连接过多"},
	"upstream_timeout":     {"WeChat did not answer", "微信未应答"},
	traffic.OtherReason:    wordOther,
}

// reasons adds why requests failed, the commonest first.
func (d *document) reasons(f failures) {
	commonest := slices.SortedFunc(maps.Keys(f), func(a, b string) int {
		return cmp.Or(cmp.Compare(f[b], f[a]), cmp.Compare(a, b))
	})
	for _, reason := range commonest {
		words := reasonWords[reason][d.lang]
		if errcode, err := strconv.Atoi(reason); err == nil {
			words = d.sayf(wordErrcode, errcode)
		}
		d.in(" <small>", cmp.Or(words, reason), "")
		d.number(" ×&#8239;", f[reason], "</small>")
	}
}

// failedCall is a call that failed. Nothing of what the caller sent, or WeChat answered, is
// told.
type failedCall struct {
	At        time.Time `json:"at"` // in UTC
	Kind      string    `json:"kind"`
	Account   string    `json:"account"`
	Client    string    `json:"client"`
	Path      string    `json:"path"`
	Errcode   int       `json:"errcode"` // WeChat's, or the proxy's own; 0: the status says it
	Status    int       `json:"status"`
	Reason    string    `json:"reason,omitempty"`     // why the proxy answered in WeChat's place
	Remedy    string    `json:"remedy,omitempty"`     // what to do about the errcode, if that is known
	RemedyZH  string    `json:"remedy_zh,omitempty"`  // likewise
	Rid       string    `json:"rid,omitempty"`        // by which WeChat knows the call
	RequestID string    `json:"request_id,omitempty"` // the header X-Request-Id
}

func (a *Admin) describeFailed() []failedCall {
	told := []failedCall{} // not null
	for _, f := range a.lastFailed() {
		means := meaningOf(&f)
		told = append(told, failedCall{f.At.UTC().Truncate(time.Millisecond), f.Kind, f.Account, f.Client, f.Path, f.Errcode, f.HTTP, f.Reason, means.Remedy, means.RemedyZH, f.Rid, f.RequestID})
	}
	return told
}

// lowestOfOthers is the lowest errcode that can be WeChat's: the proxy's own are below.
const lowestOfOthers = -9999

// meaningOf returns what the errcode of a call means; nothing if that is not known.
func meaningOf(f *apis.FailedCall) meanings.Row {
	whose := meanings.WeChat
	switch {
	case f.Errcode < lowestOfOthers:
		whose = meanings.Own
	case f.Kind == "wecom":
		whose = meanings.WeCom
	}
	if f.Errcode == 0 {
		return meanings.Row{Meaning: "the answer has this status of HTTP, and no errcode", MeaningZH: "应答为此 HTTP 状态码，没有错误码"}
	}
	row, _ := whose.Find(f.Errcode, meanings.Anywhere)
	return row.About(wordThisMachine[english], wordThisMachine[chinese])
}

// whyFailed adds what a call failed with, what that means and what to do about it.
func (d *document) whyFailed(f *apis.FailedCall) {
	means := meaningOf(f)
	meaning, remedy := phrase{means.Meaning, means.MeaningZH}, phrase{means.Remedy, means.RemedyZH}
	d.in("<b>", f.Name(), "</b> ")
	d.in("", cmp.Or(meaning[d.lang], reasonWords[f.Reason][d.lang], f.Reason), " <small>")
	d.say("", remedy, "</small>")
}

// lastFailed returns the last calls that failed, the latest first.
func (a *Admin) lastFailed() []apis.FailedCall {
	if a.APIs == nil {
		return nil
	}
	return a.APIs.LastFailed()
}

// Quoted is what WeChat knows of a call. It holds no credential.
type Quoted struct {
	At       *time.Time `json:"invoke_time,omitempty"` // in UTC; nil if WeChat does not say it
	Cost     int64      `json:"cost_in_ms"`
	URL      string     `json:"request_url"`
	Body     string     `json:"request_body"`
	Answer   string     `json:"response_body"`
	ClientIP string     `json:"client_ip"`
}

// maxQuotes is how many operators can ask WeChat about calls at a time.
const maxQuotes = 4

// quote has WeChat asked what it knows of a call of the account.
func (a *Admin) quote(account Account, w http.ResponseWriter, r *http.Request) {
	rid := r.PathValue("rid")
	switch {
	case account.Keeper == nil:
		writeError(w, http.StatusBadRequest, "WeCom has no API that tells of a call; its console's error lookup takes the hint that stands in the errmsg. WeCom was not asked")
		return
	case !apis.IsRid(rid):
		writeError(w, http.StatusBadRequest, "a rid is what WeChat writes behind \"rid:\" in an errmsg, as 655d9278-1a2b3c4d-5e6f7a8b; WeChat was not asked")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), tokenWait)
	defer cancel()
	quoted, why := a.Quote(ctx, account, rid)
	if why.Reason != "" {
		a.note(r, audit.AskRid, account.Name, audit.Failed)
		writeJSON(w, http.StatusBadGateway, struct {
			Error string `json:"error"`
			*errorStatus
		}{"WeChat has told nothing of the call", errorOf(why)})
		return
	}
	a.note(r, audit.AskRid, account.Name, audit.Done)
	writeJSON(w, http.StatusOK, struct {
		Account string `json:"account"`
		Rid     string `json:"rid"`
		Request Quoted `json:"request"`
	}{account.Name, rid, quoted})
}

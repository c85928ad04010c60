package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"wxproxy/internal/meanings"
	"wxproxy/token"
	"wxproxy/token/history"
)

// listHistory tells what came of the account's fetches in the last week, as far as the store does.
func listHistory(account Account, w http.ResponseWriter, _ *http.Request) {
	list := struct {
		Account string          `json:"account"`
		AppID   string          `json:"app_id"`
		Events  []history.Event `json:"events"` // the newest first
		Problem string          `json:"problem,omitempty"`
	}{Account: account.Name, AppID: account.AppID, Events: []history.Event{}}
	if account.History != nil {
		events, err := account.History()
		list.Events = append(list.Events, events...)
		if err != nil {
			list.Problem = err.Error()
		}
	}
	writeJSON(w, http.StatusOK, list)
}

// showAccount is the page of one account: how it is, and what came of its fetches.
func (a *Admin) showAccount(w http.ResponseWriter, r *http.Request) {
	account, found := a.account(r.URL.Query().Get("name"))
	switch {
	case !found && isBrowser(r):
		showNowhere(w, r, wordNoAccount)
		return
	case !found:
		writeError(w, http.StatusNotFound, "there is no such account in the configuration: account?name=NAME")
		return
	}
	d := newPage(r, "wxproxy: "+account.Name)
	d.say(`<section aria-labelledby="now"><h2 id="now">`, wordNowIs, "</h2>")
	d.accountTable([]accountNow{nowOf(&account)})
	d.mark("</section>")
	d.history(account)
	d.mark("</main>")
	d.footer(!a.Key.Empty() || a.Public, wordRefresh)
	d.mark("</body></html>\n")
	writePage(w, r, d.bytes.Bytes())
}

// history adds the table of what came of the account's fetches.
func (d *document) history(account Account) {
	d.say(`<section aria-labelledby="history"><h2 id="history">`, wordHistory, "</h2>")
	var events []history.Event
	if account.History != nil {
		var err error
		if events, err = account.History(); err != nil {
			why := wordHistoryAway
			if errors.Is(err, history.ErrUnstored) {
				why = wordHistoryUnstored
			}
			d.say(`<p class="none" role="status">`, why, "</p>")
		}
	}
	if len(events) == 0 {
		d.say(`<p class="none">`, wordNoHistory, "</p></section>")
		return
	}
	d.say(`<table class="cards failed" role="table"><caption>`, wordHistory, "</caption>")
	d.columns(wordWhen, wordOutcome, wordCause, wordWrong, wordMachine)
	for i := range events {
		d.event(&events[i], account.Kind)
	}
	d.mark("</tbody></table></section>")
}

func (d *document) event(e *history.Event, kind string) {
	d.in(`<tr role="row"><th role="rowheader" scope="row">`, e.LastAt.Local().Format("01-02 15:04:05"), " <small>")
	d.moment(e.LastAt)
	d.labelled(`</small></th><td role="cell" data-label="`, wordOutcome)
	d.say("", outcomeWords[e.Outcome], "")
	if e.Times > 1 {
		d.in(" <small>", d.sayf(wordTimes, grouped(uint64(e.Times)), e.At.Local().Format("01-02 15:04:05")), "</small>")
	}
	d.labelled(`</td><td role="cell" data-label="`, wordCause)
	d.say("", causeWords[e.Reason], "")
	if e.Ticket != "" {
		d.in(" <small>", d.sayf(wordTicket, e.Ticket), "</small>")
	}
	d.labelled(`</td><td role="cell" data-label="`, wordWrong)
	switch of, known := meaningKinds[kind]; {
	case e.Outcome == token.OutcomeRefreshed, e.Outcome == token.OutcomeUnchanged:
		d.mark("–")
	case known && e.Errcode != 0:
		d.in("", e.Errmsg, "")
		d.meaning(of, e.Errcode, e.Errmsg)
	default:
		d.in("", e.Errmsg, "")
	}
	d.labelled(`</td><td role="cell" data-label="`, wordMachine)
	d.in("", e.Process, "</td></tr>")
}

// meaningKinds says whose errcodes those of an account are.
var meaningKinds = map[string]meanings.Kind{"wechat": meanings.WeChat, "wecom": meanings.WeCom}

// languageSwitch adds a link to the same page in the other language.
func (d *document) languageSwitch(r *http.Request) {
	query := url.Values{"lang": {wordLang[1-d.lang]}}
	if filter := filterOf(r); filter != "" {
		query.Set("q", filter)
	}
	if name := r.URL.Query().Get("name"); name != "" { // of the page of one account
		query.Set("name", name)
	}
	d.say(`<nav><a lang="`, phrase{wordLang[chinese], wordLang[english]}, "")
	d.in(`" href="?`, query.Encode(), `">`)
	d.say("", wordOtherLang, `</a></nav>`)
}

// accountPage returns where the page of an account is.
func (d *document) accountPage(name string) string {
	return "account?" + url.Values{"name": {name}, "lang": {wordLang[d.lang]}}.Encode()
}

// The words of the page about one account.
var (
	wordNowIs           = phrase{"Now", "现状"}
	wordHistory         = phrase{"What came of fetches in the last week", "最近一周获取 token 和 ticket 的结果"}
	wordNoHistory       = phrase{"Nothing was fetched.", "没有获取过。"}
	wordHistoryAway     = phrase{"The token store does not answer: only what it has not got yet is shown.", "token 存储没有应答：这里只有尚未存入的记录。"}
	wordHistoryUnstored = phrase{"The last events are not stored yet: the token store does not take them. wxproxy tries again by itself.", "最近的记录尚未存入：token 存储没有接受。wxproxy 会自动重试。"}
	wordOutcome         = phrase{"Outcome", "结果"}
	wordCause           = phrase{"Why it was fetched", "获取原因"}
	wordWrong           = phrase{"What was wrong", "问题"}
	wordMachine         = phrase{"Machine", "主机"}
	wordTimes           = phrase{"%s times since %s", "%s 次，始于 %s"}
)

var outcomeWords = map[token.Outcome]phrase{
	token.OutcomeRefreshed: {"refreshed", "已刷新"},
	token.OutcomeUnchanged: {"the same token, which is good", "仍是原来的 token，有效"},
	token.OutcomeDead:      {"the same token, which is dead", "仍是原来的 token，已失效"},
	token.OutcomeFailed:    {"failed", "失败"},
}

var causeWords = map[string]phrase{
	"start":   {"the first of the process", "进程启动后的首次获取"},
	"due":     {"due", "到期之前刷新"},
	"refused": {"a call was refused", "调用被拒"},
	"asked":   {"an operator asked", "运维手动刷新"},
	"forced":  {"replaced by force", "强制更换"},
}

// isBrowser reports whether a request is of somebody who reads pages.
func isBrowser(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// withNowhere returns a handler that shows a browser a page where mux has nothing.
func withNowhere(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isBrowser(r) {
			posted := *r
			posted.Method = http.MethodPost
			_, known := mux.Handler(r)
			if _, orPosted := mux.Handler(&posted); known+orPosted == "" {
				showNowhere(w, r, wordNoPage)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// showNowhere is the page of what is not there, with the way back. Nothing of the request is on it.
func showNowhere(w http.ResponseWriter, r *http.Request, why phrase) {
	d := &document{lang: langOf(r)}
	d.head(0)
	d.say("<body><main><h1>wxproxy</h1><p>", why, `</p><p><a href="`)
	d.mark(markup("./" + strings.Repeat("../", max(0, strings.Count(r.URL.EscapedPath(), "/")-1))))
	d.say(`?lang=`, wordLang, `">← `)
	d.say("", wordOverview, "</a></p></main></body></html>\n")
	guard(w.Header(), "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	w.Write(d.bytes.Bytes())
}

package admin

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"wxproxy/proxy/traffic"
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

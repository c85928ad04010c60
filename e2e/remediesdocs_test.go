package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"wxproxy/internal/meanings"
	"wxproxy/token"
	"wxproxy/token/wechat"
	"wxproxy/token/wecom"
)

var updateRemedies = flag.Bool("update-remedies", false, "write the tables of remedies of docs/troubleshooting*.md anew")

// A guide is docs/troubleshooting.md in one language.
type guide struct {
	path   string
	any    string // what its table of platforms calls APIs that have no row of their own
	remedy func(token.Explanation) string
}

var guides = [2]guide{
	{"docs/troubleshooting.md", "any", func(e token.Explanation) string { return e.Remedy }},
	{"docs/troubleshooting.zh-CN.md", "其他", func(e token.Explanation) string { return e.RemedyZH }},
}

// A remedyTable is a table of both guides, whose rows are a table of the code.
type remedyTable struct {
	heading [len(guides)]string
	rows    func(*testing.T) []token.Refusal
	explain func(error) token.Explanation
	least   int // rows
}

var remedyTables = []remedyTable{
	{[2]string{"## WeChat gives no token", "## 微信不给 token"}, codesOf(meanings.WeChat, meanings.Token, token.Refusal{}), wechat.Explain, 30},
	{[2]string{"### A third-party platform gets no token", "### 第三方平台得不到 token"}, platformCodes, wechat.Explain, 20},
	{[2]string{"### WeChat gives no ticket", "### 微信不给 ticket"}, codesOf(meanings.WeChat, meanings.Ticket, token.Refusal{Ticket: true}), wechat.Explain, 15},
	{[2]string{"### WeCom gives no token", "### 企业微信不给 token"}, codesOf(meanings.WeCom, meanings.Token, token.Refusal{}), wecom.Explain, 10},
	{[2]string{"### WeCom refuses calls", "### 企业微信拒绝调用"}, codesOf(meanings.WeCom, meanings.Call, token.Refusal{API: "agent/get"}), wecom.Explain, 4},
	{[2]string{"### WeCom gives no ticket", "### 企业微信不给 ticket"}, codesOf(meanings.WeCom, meanings.Ticket, token.Refusal{Ticket: true}), wecom.Explain, 5},
}

// codesOf returns the errcodes that have words for a situation, refused as of is.
func codesOf(kind meanings.Kind, situation string, of token.Refusal) func(*testing.T) []token.Refusal {
	return func(*testing.T) (all []token.Refusal) {
		for row := range kind.All() {
			if of.Code = row.Code; row.Situation == situation {
				all = append(all, of)
			}
		}
		return all
	}
}

// platformCodes returns the errcodes that have words for platforms, those of one API first.
func platformCodes(*testing.T) (all []token.Refusal) {
	for row := range meanings.WeChat.All() {
		switch {
		case row.Situation == meanings.Platform:
			all = append(all, token.Refusal{Code: row.Code, API: otherAPI})
		case strings.HasPrefix(row.Situation, "api_"):
			all = append(all, token.Refusal{Code: row.Code, API: row.Situation})
		}
	}
	slices.SortFunc(all, func(a, b token.Refusal) int {
		ofOne := func(r token.Refusal) string { return strings.Replace(r.API, otherAPI, "~", 1) }
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(ofOne(a), ofOne(b)))
	})
	return all
}

// otherAPI is one that has no remedies of its own.
const otherAPI = "api_get_authorizer_list"

// row returns the row of a refusal in the language of g.
func (g guide) row(r token.Refusal, explain func(error) token.Explanation) string {
	r.Reason = "errmsg"
	e, api := explain(&r), ""
	switch {
	case r.API == otherAPI:
		api = g.any + " | "
	case strings.HasPrefix(r.API, "api_"):
		api = "`" + r.API + "` | "
	}
	return fmt.Sprintf("| %d | %s%s | %s |\n", r.Code, api, e.Class, g.remedy(e))
}

// Both guides have what the program itself says: of each errcode, in its words, and of no
// other errcode.
func TestTheRemediesInTheDocumentsAreThoseOfTheCode(t *testing.T) {
	for n, g := range guides {
		doc := read(t, g.path)
		for _, table := range remedyTables {
			rows := table.rows(t)
			if len(rows) < table.least {
				t.Fatalf("%s: got %d remedies; want those of the code", table.heading[0], len(rows))
			}
			want := ""
			for _, r := range rows {
				want += g.row(r, table.explain)
			}
			before, got, after := firstTable(doc, table.heading[n])
			switch {
			case got == want:
			case *updateRemedies && before != "":
				doc = before + want + after
			default:
				t.Errorf("%s, %s: got\n%s\nwant what the code says; update it with: go test ./e2e -run %s -update-remedies\n%s", g.path, table.heading[n], got, t.Name(), want)
			}
		}
		if !*updateRemedies {
			continue
		}
		if err := os.WriteFile(g.path, []byte(doc), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// firstTable returns the rows of the first table under a heading, and what stands around them.
func firstTable(doc, heading string) (before, rows, after string) {
	_, section, _ := strings.Cut(doc, "\n"+heading+"\n")
	table := regexp.MustCompile(`\A(?s:[^#]*?)\n\|---[-|]*\n((?:\|.*\n)*)`).FindStringSubmatchIndex(section)
	if table == nil {
		return "", "", doc
	}
	at := len(doc) - len(section)
	return doc[:at+table[2]], section[table[2]:table[3]], section[table[3]:]
}

// What both guides say of a fetch that WeChat did not answer is said by the code in one place.
func TestTheRemediesWithoutAnAnswerAreThoseOfTheCode(t *testing.T) {
	var said [len(guides)][]string
	for n, g := range guides {
		_, table, _ := strings.Cut(read(t, g.path), "\n| `errmsg` ")
		table, _, _ = strings.Cut(table, "\n\n")
		for _, row := range regexp.MustCompile(`(?m)^\| [^|-][^|]* \| (.*) \|$`).FindAllStringSubmatch(table, -1) {
			said[n] = append(said[n], strings.ReplaceAll(row[1], "`", ""))
		}
	}
	if len(said[0]) != 7 || len(said[1]) != 7 {
		t.Fatalf("got %d and %d rows; want 7", len(said[0]), len(said[1]))
	}
	inTheCode := regexp.MustCompile(`remedy\{token\.Class\w+, "([^"]+)",\s+"([^"]+)"\}`).FindAllStringSubmatch(read(t, "token/wechat/remedies.go"), -1)
	for n := range said[0] {
		if !slices.ContainsFunc(inTheCode, func(r []string) bool { return r[1] == said[0][n] && r[2] == said[1][n] }) {
			t.Errorf("got %q and %q; want a remedy of token/wechat/remedies.go in both languages", said[0][n], said[1][n])
		}
	}
}

func TestEveryErrorOfTheProxyIsInTheDocuments(t *testing.T) {
	problems := regexp.MustCompile(`problem\{fasthttp\.Status\w+, (-\d+), "(\w+)"\}`).FindAllStringSubmatch(read(t, "proxy/errors.go"), -1)
	if len(problems) < 10 {
		t.Fatalf("got %d problems; want those of proxy/errors.go", len(problems))
	}
	for _, g := range guides {
		doc := read(t, g.path)
		for _, p := range problems {
			if want := fmt.Sprintf(" | %s | `%s` | ", p[1], p[2]); !regexp.MustCompile(`(?m)^\| \d{3}` + regexp.QuoteMeta(want)).MatchString(doc) {
				t.Errorf("%s lacks %s", g.path, want)
			}
		}
		for _, row := range regexp.MustCompile(`(?m)^\| (\d{3}) \| -(\d{3})`).FindAllStringSubmatch(doc, -1) {
			if row[1] != row[2] {
				t.Errorf("%s: got HTTP status %s for an errcode that begins with %s", g.path, row[1], row[2])
			}
		}
	}
}

// Every line that an operator can read in a log of level warn is explained.
func TestEveryWarningIsInTheDocuments(t *testing.T) {
	calls := regexp.MustCompile(`\.(?:Warn|Error|Log|LogAttrs)\((?:context\.Background\(\), level, )?"([^"]+)"`)
	messages := calls.FindAllStringSubmatch(sources(t), -1)
	if len(messages) < 15 {
		t.Fatalf("got %d messages; want more", len(messages))
	}
	for _, g := range guides {
		doc := read(t, g.path)
		for _, m := range messages {
			// Tables cannot show a colon at the end: the rest stands in another literal.
			if !strings.Contains(doc, "\n| `"+strings.TrimRight(strings.SplitN(m[1], ": tokens in", 2)[0], ": ")) {
				t.Errorf("%s lacks %q", g.path, m[1])
			}
		}
	}
}

package meanings

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var kinds = map[string]Kind{"wechat": WeChat, "wecom": WeCom, "wxproxy": Own}

// situations are all that a row may have, in the order in which those of one errcode stand.
var situations = []string{
	Anywhere, Call, Token, Ticket, Platform, "api_component_token", "api_start_push_ticket", "api_query_auth", "api_authorizer_token", "api_get_authorizer_info", Callback, Wxproxy,
}

func TestEveryRowIsCompleteInBothLanguages(t *testing.T) {
	isHan := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	source := regexp.MustCompile(`^(list|https://(developers\.weixin|developer\.work\.weixin)\.qq\.com/\S+)$`)
	for name, kind := range kinds {
		for row := range kind.All() {
			at := fmt.Sprintf("%s, %d, %q", name, row.Code, row.Situation)
			general := row.Situation == Anywhere
			if general != (row.Meaning != "") || general != (row.MeaningZH != "") || general != source.MatchString(row.Source) || !general && row.Source+row.Errmsg != "" {
				t.Errorf("%s: got %+v; want a meaning with its source where it means that anywhere", at, row)
			}
			if (row.Situation == Anywhere || row.Situation == Wxproxy) != (row.Class == "") {
				t.Errorf("%s: got class %q", at, row.Class)
			}
			for _, text := range []string{row.Meaning, row.Remedy} {
				if strings.ContainsFunc(strings.NewReplacer("全网发布", "", "企业可信IP", "", "修改", "", "编辑", "", "客户联系", "", "微信客服", "", "审批", "", "可调用应用", "").Replace(text), isHan) || strings.HasSuffix(text, ".") || strings.TrimSpace(text) != text {
					t.Errorf("%s: got %q; want an English phrase without an end", at, text)
				}
			}
			for _, text := range []string{row.MeaningZH, row.RemedyZH} {
				if text != "" && !strings.ContainsFunc(text, isHan) || strings.HasSuffix(text, "。") || strings.TrimSpace(text) != text {
					t.Errorf("%s: got %q; want a Chinese phrase without an end", at, text)
				}
			}
			if row.Remedy == "" || row.RemedyZH == "" || !slices.Contains(situations, row.Situation) {
				t.Errorf("%s: got %+v; want what to do", at, row)
			}
		}
	}
}

func TestRowsAreInOrderAndEachErrcodeHasAMeaning(t *testing.T) {
	for name, kind := range kinds {
		last := Row{Code: -1 << 31}
		for row := range kind.All() {
			if row.Code != last.Code && row.Situation != Anywhere {
				t.Errorf("%s, %d: got no meaning of it anywhere", name, row.Code)
			}
			order := cmp.Or(cmp.Compare(last.Code, row.Code), cmp.Compare(slices.Index(situations, last.Situation), slices.Index(situations, row.Situation)))
			if order >= 0 {
				t.Errorf("%s: got %d, %q behind %d, %q", name, row.Code, row.Situation, last.Code, last.Situation)
			}
			last = row
		}
	}
}

func TestEveryErrcodeThatIsKnownOfIsThere(t *testing.T) {
	list, err := os.ReadFile("testdata/facts.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var name string
		var code int
		if _, err := fmt.Sscan(line, &name, &code); err != nil {
			t.Fatal(line, err)
		}
		if _, ok := kinds[name].Find(code, Anywhere); !ok {
			t.Errorf("got nothing of %s", line)
		}
		n++
	}
	if n < 150 {
		t.Errorf("got %d errcodes", n)
	}
	for kind, least := range map[Kind]int{WeChat: 350, WeCom: 200, Own: 15} {
		n := 0
		for row := range kind.All() {
			if row.Situation == Anywhere {
				n++
			}
		}
		if n < least {
			t.Errorf("got %d errcodes of kind %d; want %d and more", n, kind, least)
		}
	}
}

// Every row is found by its errcode, wherever it stands, and no errcode beside it.
func TestEveryRowIsFound(t *testing.T) {
	for name, kind := range kinds {
		there := map[int]bool{}
		for row := range kind.All() {
			there[row.Code] = true
			if found, ok := kind.Find(row.Code, row.Situation); !ok || found != row {
				t.Errorf("%s: got %+v; want %+v", name, found, row)
			}
		}
		for _, code := range []int{-1 << 31, -50401, -1001, -2, 0, 1, 39999, 40000, 40244, 90454, 9001004, 1<<31 - 1} {
			if row, ok := kind.Find(code, Anywhere); ok != there[code] || ok && row.Code != code {
				t.Errorf("%s, %d: got %+v, %v", name, code, row, ok)
			}
		}
		if _, ok := kind.Find(-1, "no such situation"); ok {
			t.Errorf("%s: got a row of no situation", name)
		}
	}
}

func TestLookingUpTakesNoMemory(t *testing.T) {
	n := testing.AllocsPerRun(100, func() {
		for _, code := range []int{40001, 61023, 9001003, 12345} {
			WeChat.Find(code, Token)
		}
	})
	if n != 0 {
		t.Errorf("got %v allocations; want none", n)
	}
}

func BenchmarkFind(b *testing.B) {
	for b.Loop() {
		WeChat.Find(61023, "api_authorizer_token")
	}
}

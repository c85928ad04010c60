package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"wxproxy/internal/language"
)

// inChinese returns the name of a page's Chinese sister, and its own if it is that; inEnglish
// the other way round.
func inChinese(path string) string {
	path = inEnglish(path)
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".zh-CN" + filepath.Ext(path)
}

func inEnglish(path string) string { return strings.Replace(path, ".zh-CN.", ".", 1) }

// Both pages of a pair say the same, part by part, as far as a program can see: headings of the
// same levels; tables of as many rows and columns; the same fenced blocks but for comments, texts
// in quotes, and drawings; links to the same places; the
// same numbers; and the same words in code. Every span in code counts: settings, commands, metrics, paths, states and lines of the log are what readers
// type or look for, and so the same in each language.
//
// What a page has people run, the tests beside this one run: TestReadmeCommands of both pages,
// those for pushes, platforms and WeCom too. TestEverySecretIsRotatedAsThePageSays and others that
// run the English page alone, or what it names in deploy, hold for both by this test.
func TestPagesSayTheSameInBothLanguages(t *testing.T) {
	for _, english := range documents(t) {
		if english == "CONTRIBUTING.md" || strings.HasSuffix(english, ".zh-CN.md") {
			continue
		}
		chinese := inChinese(english)
		t.Run(chinese, func(t *testing.T) {
			if _, err := os.Stat(chinese); err != nil {
				t.Fatal(err)
			}
			mustLinkTo(t, english, chinese)
			mustLinkTo(t, chinese, english)
			for _, difference := range differences(partsOf(t, english), partsOf(t, chinese)) {
				t.Error(difference)
			}
			mustLinkToChinese(t, chinese)
		})
	}
}

func mustLinkTo(t *testing.T, page, other string) {
	t.Helper()
	top := strings.Join(strings.SplitAfterN(read(t, page), "\n", 6)[:5], "")
	if !strings.Contains(top, "]("+filepath.Base(other)+")") {
		t.Errorf("%s: got %q; want a link to %s below the title", page, top, other)
	}
}

// mustLinkToChinese fails the test if a Chinese page sends its readers to an English one without
// need or without saying so, or calls a Chinese one English.
func mustLinkToChinese(t *testing.T, page string) {
	t.Helper()
	for _, link := range linked.FindAllStringSubmatch(read(t, page), -1) {
		file, _, _ := strings.Cut(link[1], "#")
		target := filepath.Join(filepath.Dir(page), file)
		if file == "" || strings.Contains(file, "://") || inChinese(target) == page {
			continue
		}
		_, err := os.Stat(inChinese(target))
		if err == nil && target != inChinese(target) {
			t.Errorf("%s links to %s; want %s", page, link[1], inChinese(file))
		}
		if after := link[2]; err == nil && after != "" {
			t.Errorf("%s says %q of %s, which is Chinese", page, after, file)
		}
		if isPage := strings.HasSuffix(file, ".md") || strings.HasSuffix(file, "decisions"); err != nil && isPage && link[2] == "" {
			t.Errorf("%s links to %s; want （英文） behind it", page, file)
		}
	}
}

// linked finds a link's target, and whether the reader is told that it is in English.
var linked = regexp.MustCompile(`\]\(([^)\s]+)\)(（英文）|，英文|\(英文\))?`)

// A part of a page is what stands below one of its headings.
type part struct {
	heading              string   // with the # before it
	rows                 []string // of tables
	blocks               []string // fenced, without what differs between languages
	words, numbers, goes []string // in code; in prose, of two digits and more; where links lead, for readers of either language
}

var (
	inCode   = regexp.MustCompile("`[^`]+`")
	markup   = regexp.MustCompile(`\]\([^)]*\)|<[^>]*>`)
	numbers  = regexp.MustCompile(`\d[\d,.]*\d|\d`)
	comments = regexp.MustCompile(`(?m)((?:^|[ \t])(?:#|//|--|<!--))(?:[ \t]+[^{\s].*|[ \t]*)$`)
	quoted   = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'`)
)

func partsOf(t *testing.T, page string) (parts []part) {
	t.Helper()
	fence, text := "", ""
	now := part{heading: "the top"}
	end := func() {
		now.see(t, page, text)
		parts, text = append(parts, now), ""
	}
	for line := range strings.Lines(read(t, page)) {
		switch {
		case strings.HasPrefix(line, "```") && fence == "":
			fence = line
		case strings.HasPrefix(line, "```"):
			if strings.HasPrefix(fence, "```text\n") {
				fence = "a drawing"
			}
			now.blocks = append(now.blocks, comments.ReplaceAllString(fence, "$1"))
			fence = ""
		case fence != "":
			fence += line
		case strings.HasPrefix(line, "#"):
			end()
			now = part{heading: strings.TrimSpace(line)}
			text = line
		default:
			text += line
		}
	}
	end()
	return parts
}

// see notes what both languages have in the text of a part.
func (p *part) see(t *testing.T, page, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "|") {
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
			row := fmt.Sprintf("a row of %d cells with %q", cells, sorted(inCode.FindAllString(line, -1)))
			if strings.Contains(page, "performance") { // all that its tables say is what was measured
				row += fmt.Sprintf(" and %q", sorted(numbers.FindAllString(inCode.ReplaceAllString(line, ""), -1)))
			}
			p.rows = append(p.rows, row)
		}
	}
	for _, word := range inCode.FindAllString(text, -1) {
		p.words = append(p.words, strings.Join(strings.Fields(word), " "))
	}
	prose := markup.ReplaceAllString(inCode.ReplaceAllString(text, ""), "")
	for _, number := range numbers.FindAllString(prose, -1) {
		if len(number) > 1 { // others are words in one of the languages
			p.numbers = append(p.numbers, number)
		}
	}
	for _, link := range linked.FindAllStringSubmatch(text, -1) {
		p.goes = append(p.goes, place(t, page, link[1]))
	}
	p.words, p.numbers, p.goes = sorted(p.words), sorted(p.numbers), sorted(p.goes)
}

// sorted returns each once: the order of words, and how often they are said, differ.
func sorted(found []string) []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for _, one := range found {
			if !yield(one, true) {
				return
			}
		}
	})))
}

// place returns where a link leads, with the number of the heading in the place of its words.
func place(t *testing.T, page, link string) string {
	t.Helper()
	file, anchor, _ := strings.Cut(link, "#")
	if strings.Contains(file, "://") {
		return link
	}
	target := page
	if file != "" {
		target = filepath.Join(filepath.Dir(page), file)
	}
	at := inEnglish(target)
	if at == inEnglish(page) && anchor == "" {
		return "its sister" // in the other language
	}
	if anchor != "" {
		at += fmt.Sprintf(", heading %d", slices.Index(anchorsIn(read(t, target)), anchor))
	}
	return at
}

// differences returns what one of two pages has and the other one has not.
func differences(english, chinese []part) (found []string) {
	for i := range max(len(english), len(chinese)) {
		if i >= len(english) || i >= len(chinese) || level(english[i]) != level(chinese[i]) {
			return append(found, fmt.Sprintf("got other headings from %q and %q on", headingsFrom(english, i), headingsFrom(chinese, i)))
		}
		e, c := english[i], chinese[i]
		for what, both := range map[string][2][]string{"words in code": {e.words, c.words}, "numbers": {e.numbers, c.numbers}, "links": {e.goes, c.goes}} {
			if only := without(both[0], both[1]); len(only) > 0 {
				found = append(found, fmt.Sprintf("%s: the Chinese page lacks the %s %q", e.heading, what, only))
			}
			if only := without(both[1], both[0]); len(only) > 0 {
				found = append(found, fmt.Sprintf("%s: the English page lacks the %s %q", c.heading, what, only))
			}
		}
		found = append(found, inOrder(e.heading, e.rows, c.rows)...)
		found = append(found, inOrder(e.heading, e.blocks, c.blocks)...)
	}
	return found
}

func level(p part) string {
	level, _, _ := strings.Cut(p.heading, " ")
	return level
}

func headingsFrom(parts []part, i int) (headings []string) {
	for _, p := range parts[min(i, len(parts)):min(i+3, len(parts))] {
		headings = append(headings, p.heading)
	}
	return headings
}

func without(these, those []string) []string {
	return slices.DeleteFunc(slices.Clone(these), func(one string) bool { return slices.Contains(those, one) })
}

// inOrder compares rows or blocks. Where the Chinese one has Chinese in a text in quotes, what a
// program says to people, the English one may say it in its own words.
func inOrder(heading string, english, chinese []string) (found []string) {
	if len(english) != len(chinese) {
		return []string{fmt.Sprintf("%s: got %d and %d rows or blocks\n%q\n%q", heading, len(english), len(chinese), english, chinese)}
	}
	for i, c := range chinese {
		theirs, ours := strings.Split(english[i], "\n"), strings.Split(c, "\n")
		for j := range max(len(theirs), len(ours)) {
			e, c := theirs[min(j, len(theirs)-1)], ours[min(j, len(ours)-1)]
			if strings.ContainsFunc(c, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				e, c = quoted.ReplaceAllString(e, `""`), quoted.ReplaceAllString(c, `""`)
			}
			if e != c || len(theirs) != len(ours) {
				found = append(found, fmt.Sprintf("%s: got\n%s\nin English, but\n%s", heading, e, c))
				break
			}
		}
	}
	return found
}

// The Chinese words are those of CONTRIBUTING.md, in pages and in what the program says. Others
// for the same have readers look for a difference.
func TestChineseIsWrittenWithTheSameWords(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"*.zh-CN.*", "docs/*.zh-CN.md", "internal/language/*.go", "internal/meanings/*.tsv", "admin/words.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: got %q, %v", pattern, found, err)
		}
		paths = append(paths, found...)
	}
	others := regexp.MustCompile(`.*(?:凭据|重载|缺省|边车|侧车|帐号|秘钥|登陆|调用者|响应头|响应体|[^您]你|\d %[^%]|\d ms).*`)
	for _, path := range paths {
		text := inCode.ReplaceAllString(regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(read(t, path), ""), "")
		for _, line := range others.FindAllString(text, -1) {
			if strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				t.Errorf("%s: got %s; want the words of CONTRIBUTING.md", path, line)
			}
		}
	}
}

func TestPagesThatDifferAreFound(t *testing.T) {
	const page = "# A\n\n[中文](other.md), `x` and\n`y z` of [it](#a)\n\n| a `x` | 1,000 |\n|---|---|\n| b | `y` |\n\n```sh\nmake # all\ncurl -d 'hi' x # {\"a\":1}\n```\n"
	parts := func(text string) []part {
		file := filepath.Join(t.TempDir(), "performance.md")
		writeFile(t, file, text)
		parts := partsOf(t, file)
		for i := range parts {
			for j, at := range parts[i].goes {
				parts[i].goes[j] = strings.TrimPrefix(at, filepath.Dir(file))
			}
		}
		return parts
	}
	same := strings.NewReplacer("# A", "# 甲", "#a", "#甲", "# all", "# 全部", "a `x`", "`x` 甲", "'hi'", "'您好'", "and\n`y z`", "`y z`、").Replace(page)
	if got := differences(parts(page), parts(same)); len(got) > 0 {
		t.Errorf("got %q; want that both say the same", got)
	}
	for _, other := range [][2]string{
		{"# A", "## A"}, {"1,000", "1,001"}, {"`x` and", "`x`, 20 and"}, {"a `x`", "a `y`"}, {"make", "make x"}, {"{\"a\":1}", "{\"a\":2}"}, {"'hi'", "hi"},
		{"| b | `y` |", "| b | `y` | |"}, {"| b | `y` |\n", ""}, {"`y z`", "`yz`"}, {"(#a)", "(other.md)"}, {"make # all\n", ""}, {"```sh\n", "```\n"}, {"[it](#a)", "it"},
	} {
		text := strings.Replace(page, other[0], other[1], 1)
		if len(differences(parts(page), parts(text))) == 0 || text == page {
			t.Errorf("got no difference in %q", text)
		}
	}
	if got := differences(parts(page), parts(page+"## B\n")); len(got) != 1 {
		t.Errorf("got %q; want a heading more", got)
	}
}

// What the Chinese page says that check -live prints of a proxy is what it prints.
func TestTheFaultsOfAProxyAreInChineseAsTheyArePrinted(t *testing.T) {
	pairs := regexp.MustCompile(`([a-z][a-zA-Z_ ]*(?:\.\.\. ?[a-zA-Z_ ]*)*)（([^（）]+)）`)
	rows := regexp.MustCompile(`(?m)^\| [a-z][^|]*（[^|]*\|`).FindAllString(read(t, "docs/deployment.zh-CN.md"), -1)
	if len(rows) < 5 {
		t.Fatalf("got the rows %q; want those of all faults", rows)
	}
	for _, pair := range pairs.FindAllStringSubmatch(strings.Join(rows, "\n"), -1) {
		english, chinese := strings.ReplaceAll(pair[1], "...", "TARGET"), strings.TrimPrefix(pair[2], "代理……")
		english = strings.Replace(english, "another proof than TARGET Basic", "another proof than a user and a password in Basic", 1)
		if english == "answers with something of its own" {
			english += " where TARGET should be"
		}
		printed := strings.ReplaceAll(language.Chinese.Chain("the proxy HOST:1 "+english), " ", "")
		if want := strings.ReplaceAll(strings.ReplaceAll(chinese, "……", "TARGET"), " ", ""); !strings.HasSuffix(printed, want) {
			t.Errorf("got %s for %q; want %s", printed, pair[1], want)
		}
	}
}

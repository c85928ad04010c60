package explain

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wxproxy/internal/meanings"
)

// mostCodes is how many errcodes are explained at a time.
const mostCodes = 20

// A question is what a text asks about: errcodes, whole answers, lines of a log.
type question struct {
	codes    []int
	statuses []int  // of HTTP, as the page names those without an errcode: http_502
	rid      string // what WeChat calls the request, if the text has that
	address  string // that the other side objects to, if the text has one
	isWeCom  bool   // it is about WeCom
}

// readQuestion finds what a text asks about, which is about WeCom if it says so itself. The
// errcodes are those that it calls so; else the words of a text of nothing but numbers; else
// numbers that are known ones; else those whose name or errmsg it has.
func readQuestion(text string, isWeCom bool) question {
	text = regexp.MustCompile(`(?:\x1b|\^\[)?\[[0-9;]{0,20}m`).ReplaceAllString(text, " ") // the colours of a terminal
	named := regexp.MustCompile(`(?i)(?:err_?code|error[-_]?code|logicret|错误码|[?&]e=)[\\"'\s:=：]*(-?\d{1,9})\b`)
	alone := regexp.MustCompile(`(?:^|[\s,;，、；])(-?\d{1,9})\b`)
	inside := regexp.MustCompile(`(-?\b\d{4,7})\b`)
	q := question{
		codes: codesIn(text, named, nil), address: addressIn(text),
		isWeCom: isWeCom || strings.Contains(text, "work.weixin.qq.com") || strings.Contains(text, "qyapi.weixin.qq.com"),
	}
	if len(q.codes) == 0 && onlyNumbers(text) {
		q.codes = codesIn(text, alone, nil)
	}
	if len(q.codes) == 0 {
		q.codes = codesIn(text, inside, isKnown)
	}
	q.statuses = codesIn(text, regexp.MustCompile(`\bhttp_([1-5]\d\d)\b`), nil)
	if len(q.codes) == 0 {
		q.codes = ownCodes(text)
	}
	if len(q.codes) == 0 {
		q.codes = codesWith(text, q.isWeCom)
	}
	q.codes = withEnds(text, q.codes)
	if rid := regexp.MustCompile(`(?i)\brid\b[\\"'\s:=]*([0-9a-f]{4,}(?:-[0-9a-f]{2,}){1,4})`).FindStringSubmatch(text); rid != nil {
		q.rid = rid[1]
	}
	return q
}

// withEnds adds the last of a range of errcodes, as 40001-40014, whose first is among codes.
func withEnds(text string, codes []int) []int {
	for _, found := range regexp.MustCompile(`\b(\d{4,7})-(\d{4,7})\b`).FindAllStringSubmatch(text, -1) {
		first, _ := strconv.Atoi(found[1])
		last, _ := strconv.Atoi(found[2])
		if slices.Contains(codes, first) && !slices.Contains(codes, last) && len(codes) < mostCodes {
			codes = append(codes, last)
		}
	}
	return codes
}

// onlyNumbers reports whether a text has no words.
func onlyNumbers(text string) bool {
	return !regexp.MustCompile(`[^-\d\s,;，、；]`).MatchString(text)
}

// codesIn returns the errcodes that pattern finds in a text, each once, and no more than are
// explained at a time. Those that are not wanted are left out.
func codesIn(text string, pattern *regexp.Regexp, wanted func(int) bool) (codes []int) {
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		code, err := strconv.Atoi(found[1])
		if err != nil || slices.Contains(codes, code) || wanted != nil && !wanted(code) {
			continue
		}
		if codes = append(codes, code); len(codes) == mostCodes {
			break
		}
	}
	return codes
}

// ownCodes returns wxproxy's own errcodes whose names a text has, as the header Wxproxy-Error
// does.
func ownCodes(text string) (codes []int) {
	for row := range meanings.Own.All() {
		if name, _, _ := strings.Cut(row.Meaning, ":"); strings.Contains(text, name) {
			codes = append(codes, row.Code)
		}
	}
	return codes
}

// codesWith returns the errcodes of the longest errmsg that a text has. Several may have the
// same.
func codesWith(text string, isWeCom bool) (codes []int) {
	kind, longest := meanings.WeChat, 1
	if isWeCom {
		kind = meanings.WeCom
	}
	text = strings.ToLower(text)
	for row := range kind.All() {
		if len(row.Errmsg) < longest || !strings.Contains(text, strings.ToLower(row.Errmsg)) {
			continue
		}
		if len(row.Errmsg) > longest {
			codes, longest = nil, len(row.Errmsg)
		}
		codes = append(codes, row.Code)
	}
	return codes
}

func isKnown(code int) bool {
	return slices.ContainsFunc([]meanings.Kind{meanings.WeChat, meanings.WeCom, meanings.Own}, func(k meanings.Kind) bool {
		_, ok := k.Find(code, meanings.Anywhere)
		return ok
	})
}

// addressIn returns the first IP address in a text, empty if there is none.
func addressIn(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF.:", r) })
	for _, word := range words {
		address, err := netip.ParseAddr(strings.TrimRight(strings.TrimLeft(word, "."), ".:"))
		if err == nil && (address.Is4() || strings.Contains(word, "::")) {
			return address.Unmap().String()
		}
	}
	return ""
}

package config

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"wxproxy/internal/language"
)

// What is the same in both languages: values between quotes, and the numbers of lines.
var (
	quotedValue = regexp.MustCompile("\"[^\"]*\"|`[^`]*`")
	lineNumber  = regexp.MustCompile(`line (\d+)`)
	chineseLine = regexp.MustCompile(`第 (\d+) 行`)
	han         = regexp.MustCompile(`\p{Han}`)
)

// Each mistake names the same file, key, values and line in Chinese, and says nothing in English.
func TestEveryBadExampleIsReportedInChinese(t *testing.T) {
	paths, err := filepath.Glob("../testdata/config/*.toml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("got %d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		_, err := Load(path, lookup("SET", canary, "EMPTY", ""))
		problems, _ := errors.AsType[Problems](err)
		if len(problems) == 0 {
			t.Fatalf("%s: got %v; want Problems", path, err)
		}
		for _, p := range problems {
			mustBeChinese(t, p)
		}
		if all := strings.Split(problems.In(language.Chinese), "\n"); len(all) != len(problems) || strings.Contains(strings.Join(all, ""), canary) {
			t.Errorf("%s: got %q; want %d lines without a secret", path, all, len(problems))
		}
	}
}

// mustBeChinese compares a mistake in both languages.
func mustBeChinese(t *testing.T, p Problem) {
	t.Helper()
	english, chinese := p.Error(), p.In(language.Chinese)
	if begin := p.Where + ": "; p.Where != environment && (!strings.HasPrefix(chinese, begin) || !strings.Contains(chinese, p.Key)) {
		t.Errorf("got %q; want the file and the key of %q", chinese, english)
	}
	for _, value := range quotedValue.FindAllString(english, -1) {
		if !strings.Contains(chinese, value) {
			t.Errorf("got %q; want %s, as in %q", chinese, value, english)
		}
	}
	if in, want := chineseLine.FindStringSubmatch(chinese), lineNumber.FindStringSubmatch(english); len(in) != len(want) || len(in) > 0 && in[1] != want[1] {
		t.Errorf("got %q; want the line of %q", chinese, english)
	}
	if text := language.In(language.Chinese, p.Text); !han.MatchString(text) || regexp.MustCompile(`\b(is|the|must|write|has|of)\b`).MatchString(quotedValue.ReplaceAllString(text, "")) {
		t.Errorf("got %q for %q; want Chinese", chinese, english)
	}
}

func TestMistakesInBothLanguages(t *testing.T) {
	for _, row := range []struct{ name, file, english, chinese string }{
		{"a key that is misspelt", "[proxy]\nlissen = \"x\"" + good,
			"proxy: unknown key `lissen`, did you mean `listen`?; line 2", "proxy: 不认识的键 `lissen`，是不是想写 `listen`？第 2 行"},
		{"a value of another type", "[proxy]\nmax_connections = \"many\"" + good,
			`proxy.max_connections: is a text; write a number without quotes (it is "many"); line 2`, `proxy.max_connections: 是文本；应写成不带引号的数字（现在是 "many"）；第 2 行`},
		{"a word that is none of a few", "[log]\nlevel = \"infoo\"" + good,
			`log.level: is not known; write "debug", "info", "warn" or "error"; did you mean "info"? (it is "infoo"); line 2`,
			`log.level: 不认识；应写成 "debug", "info", "warn" 或 "error"；是不是想写 "info"？（现在是 "infoo"）；第 2 行`},
		{"a duration without a unit", "[upstream]\ntimeout = 5" + good,
			`upstream.timeout: has no unit; write 5 seconds as "5s" (it is 5); line 2`, `upstream.timeout: 没有单位；5 秒应写成 "5s"（现在是 5）；第 2 行`},
		{"no TOML", "[proxy\n", "line 2, column 7: a table begins with [name] or [[name]]", "第 2 行第 7 列：表以 [name] 或 [[name]] 开头"},
		{"an account without a secret", "[[account]]\nname = \"shop\"\napp_id = \"wx0123456789abcdef\"\n",
			"account[1].secret: missing; write secret, secret_env or secret_file; `shop`, line 1", "account[1].secret: 缺失；请填写 secret、secret_env 或 secret_file；`shop`，第 1 行"},
		{"a file that is not there", "[[account]]\nname = \"shop\"\napp_id = \"wx0123456789abcdef\"\nsecret_file = \"/none/such.txt\"\n",
			"account[1].secret_file: reading the file: no such file or directory (it is \"/none/such.txt\"); `shop`, line 4",
			"account[1].secret_file: 读取文件：文件或目录不存在（现在是 \"/none/such.txt\"）；`shop`，第 4 行"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := write(t, "config.toml", row.file)
			_, err := Load(path, lookup())
			problems, _ := errors.AsType[Problems](err)
			if got := problems.Error(); got != path+": "+row.english {
				t.Errorf("got  %s\nwant %s", got, path+": "+row.english)
			}
			if got := problems.In(language.Chinese); got != path+": "+row.chinese {
				t.Errorf("got  %s\nwant %s", got, path+": "+row.chinese)
			}
		})
	}
}

func TestWhatAConfigurationMeansInChinese(t *testing.T) {
	cfg := mustLoad(t, "[push]\nlisten = \"127.0.0.1:8082\"\n[token]\nstore = \"file:tokens\"\n"+
		"[[client]]\nname = \"orders\"\nkey = \"0JgB7m0uyOBG7C1bV5X7e1yqYk0M2ZrA\"\nrate = \"100/s\"\n[[forward]]\nurl = \"http://127.0.0.1:9000/\"\nasync = true\n"+good)
	got := "\n" + cfg.DescribeIn(language.Chinese)
	for _, want := range []string{
		"\nproxy     监听 http://127.0.0.1:8080，供 1 个客户端使用，各有密钥\n",
		"\npush      监听 http://127.0.0.1:8082，用于无：没有账号设置 push_token；最多 1024 MiB 的推送在此等待：目录 tokens\n",
		"\nadmin     监听 http://127.0.0.1:8081，没有密钥：它不给出 token\n",
		"\ntoken     保存在内存和目录 tokens；到期前 5m 刷新，遇到 errcode 40001, 40014, 42001 时更换\n",
		"\nlog       info 及以上，格式 auto\n",
		"\nclient    orders 可以用所有账号调用所有路径，100/s\n",
		"\nforward   把所有账号的全部推送发往 http://127.0.0.1:9000/，稍后发送，每个限时 30s（async）\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	for _, remark := range cfg.Remarks() {
		mustBeChinese(t, remark)
	}
}

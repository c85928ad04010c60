package language

import "testing"

func TestIsChineseReadsTheEnvironmentAsPOSIXHasIt(t *testing.T) {
	for _, c := range []struct {
		name        string
		environment map[string]string
		want        bool
	}{
		{"nothing is set", nil, false},
		{"LANG", map[string]string{"LANG": "zh_CN.UTF-8"}, true},
		{"LANG alone, without a country", map[string]string{"LANG": "zh"}, true},
		{"traditional characters", map[string]string{"LANG": "zh_TW.UTF-8"}, true},
		{"capitals", map[string]string{"LANG": "ZH_CN"}, true},
		{"another language", map[string]string{"LANG": "en_US.UTF-8"}, false},
		{"C", map[string]string{"LANG": "C.UTF-8"}, false},
		{"LC_ALL before LANG", map[string]string{"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, false},
		{"LC_MESSAGES before LANG", map[string]string{"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, true},
		{"LC_ALL before LC_MESSAGES", map[string]string{"LC_ALL": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, true},
		{"an empty LC_ALL says nothing", map[string]string{"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := IsChinese(func(name string) string { return c.environment[name] })
			if got != c.want {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

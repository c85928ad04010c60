package words

import "testing"

func TestAKeyWithARandomPartIsNoPlaceholder(t *testing.T) {
	for _, key := range []string{
		"your-company-9f8a7b6c5d4e3f2a1b0c9d8e", "changeit-Kx9vQ2mZr8LpT4wB7nY", "MY-REPLACE-ME-PLUGIN-9f8a7b6c5d",
		"placeholder.service.4e1f0a9c7b3d", "your_team_Zk3Wq9Lx2Vb7", "keyhere_5d0c4b1e8f",
	} {
		if IsPlaceholder(key) {
			t.Errorf("%q: got a placeholder; want a key", key)
		}
	}
	for _, text := range []string{
		"replace-me-with-a-long-random-key", "your-company", "changeme12345678", "ReplaceMeWithALongRandomKey", "your-key-here-0123456789abcdef",
		"replace-with-32-random-bytes", "<9f8a7b6c5d4e3f2a>",
	} {
		if !IsPlaceholder(text) {
			t.Errorf("%q: got a key; want a placeholder", text)
		}
	}
}

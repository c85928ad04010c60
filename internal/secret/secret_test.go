package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

const canary = "canary-d41d8cd98f00b204"

func TestSecretIsRevealedOnlyByReveal(t *testing.T) {
	if got := New(canary).Reveal(); got != canary {
		t.Errorf("Reveal: got %q; want %q", got, canary)
	}
	if got := (Secret{}).Reveal(); got != "" {
		t.Errorf("Reveal of the zero value: got %q; want an empty string", got)
	}
}

func TestSecretSurvivesEveryVerb(t *testing.T) {
	type holder struct {
		Exported   Secret
		Pointer    *Secret
		unexported Secret
	}
	secret := New(canary)
	held := holder{secret, &secret, secret}
	values := map[string]any{
		"secret":  secret,
		"pointer": &secret,
		"struct":  held,
		"slice":   []Secret{secret},
		"map":     map[string]Secret{"key": secret},
		"key":     map[Secret]int{secret: 1},
		"error":   errors.Join(fmt.Errorf("wrapped: %v", secret)),
	}
	for name, value := range values {
		for _, verb := range strings.Split("v +v #v s q x X d o b c U t e g p T w", " ") {
			mustHide(t, name+" with %"+verb, fmt.Sprintf("%"+verb, value))
		}
	}
	if got := fmt.Sprint(secret); got != Mask {
		t.Errorf("Sprint: got %q; want %q", got, Mask)
	}
	if got := fmt.Sprint(held.unexported); got != Mask {
		t.Errorf("Sprint of a field: got %q; want %q", got, Mask)
	}
}

func TestSecretSurvivesEncoders(t *testing.T) {
	type holder struct {
		Secret  Secret
		Pointer *Secret
		ByName  map[string]Secret
	}
	secret := New(canary)
	held := holder{secret, &secret, map[string]Secret{"key": secret}}

	asJSON, err := json.Marshal(held)
	if err != nil {
		t.Fatalf("JSON: %v", err)
	}
	mustHide(t, "JSON", string(asJSON))

	var asTOML bytes.Buffer
	if err := toml.NewEncoder(&asTOML).Encode(held); err != nil {
		t.Fatalf("TOML: %v", err)
	}
	mustHide(t, "TOML", asTOML.String())

	asXML, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"holder"`
		Secret  Secret
	}{Secret: secret})
	if err != nil {
		t.Fatalf("XML: %v", err)
	}
	mustHide(t, "XML", string(asXML))
}

func TestSecretSurvivesLogging(t *testing.T) {
	secret := New(canary)
	nested := struct{ Key Secret }{secret}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("logging", "secret", secret, "pointer", &secret,
			"nested", nested, slog.Group("group", "secret", secret))
		mustHide(t, name, out.String())
	}
}

func TestSecretIsDecoded(t *testing.T) {
	var fromJSON struct{ Key Secret }
	if err := json.Unmarshal([]byte(`{"Key":"`+canary+`"}`), &fromJSON); err != nil {
		t.Fatalf("JSON: %v", err)
	}
	var fromTOML struct{ Key Secret }
	if err := toml.Unmarshal([]byte(`Key = "`+canary+`"`), &fromTOML); err != nil {
		t.Fatalf("TOML: %v", err)
	}
	for name, secret := range map[string]Secret{"JSON": fromJSON.Key, "TOML": fromTOML.Key} {
		if got := secret.Reveal(); got != canary {
			t.Errorf("from %s: got %q; want %q", name, got, canary)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	for _, row := range []struct {
		name   string
		secret Secret
		other  string
		want   bool
	}{
		{"the same", New(canary), canary, true},
		{"another of the same length", New("abc"), "abd", false},
		{"a prefix", New("abc"), "ab", false},
		{"an extension", New("abc"), "abcd", false},
		{"nothing", New("abc"), "", false},
		{"an empty secret and nothing", New(""), "", false},
		{"the zero value and nothing", Secret{}, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.secret.Equal(row.other); got != row.want {
				t.Errorf("got %v; want %v", got, row.want)
			}
		})
	}
}

func TestSecretEqualAllocatesNothing(t *testing.T) {
	long := strings.Repeat("k", 512)
	secret := New(long)
	if got := testing.AllocsPerRun(100, func() { secret.Equal(long) }); got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}

func TestSecretEmpty(t *testing.T) {
	for _, row := range []struct {
		name   string
		secret Secret
		want   bool
	}{
		{"zero value", Secret{}, true},
		{"empty string", New(""), true},
		{"white space", New(" "), false},
	} {
		if got := row.secret.Empty(); got != row.want {
			t.Errorf("%s: got %v; want %v", row.name, got, row.want)
		}
	}
}

// mustHide fails the test when out shows the canary, plainly or in hexadecimal.
func mustHide(t *testing.T, name, out string) {
	t.Helper()
	for _, shown := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(out, shown) {
			t.Errorf("%s: shows the secret: %s", name, out)
		}
	}
}

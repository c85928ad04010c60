package words

import (
	"slices"
	"strings"
)

// Common are keys that stand in examples or that everybody tries first, in
// lower case, with - where words are joined somehow.
var Common = strings.Fields(`
	0 00 000 0000 000000 00000000 012345 0123456789 0123456789abcdef 1 11 111 1111 111111 11111111 112233 12 121212 123
	123123 123321 1234 12345 123456 1234567 12345678 123456789 1234567890 123456a 123qwe 1q2w3e 1q2w3e4r 1qaz2wsx 520
	5201314 654321 666666 888888 987654321 a a-key a-secret a1 a123456 aa aaa aaaa aaaaaa aaaaaaaa ab abc abc123 abc1234
	abcd abcde abcdef abcdefg abcdefgh access access-token account accountkey admin admin-key admin@123 administrator
	alice alpha anonymous any any-key api api-key api-secret app app-key app-secret apple auth autumn b backend
	backoffice banana bar baseball basketball batch batman baz bearer bearer-token beta bi blog bob bot build business c
	caddy caller cart change-me changeit changethis cheese client client-1 client-a client-key
	client-secret cloud cms code company computer cookie correct-horse-battery-staple crm cron customer d data database
	debug default delta demo demo-key demo-secret deploy dev dev-key dev-secret developer development docker dragon dummy
	elastic empty envoy erp example example-key fake flower foo foobar football freedom frontend games gamma gateway
	ginger github gitlab google grafana guest haproxy harley hash hello hello-world home hr hunter2 iloveyou
	insert-key-here internal jenkins job jordan jwt kafka key key123 key2 keykey killer kubernetes letmein letmein1
	live local localhost login mall master matrix member message michael mini mini-program mongo monkey mp my-api-key
	my-client-key my-key my-password my-secret my-token mysql news nginx nil no nobody none nopass nopassword notify null
	oa oauth office official open operator orange order orders p@ss p@ssw0rd pa$$w0rd pass passphrase passw0rd
	passwd password pay payment placeholder postgres princess private prod prod-key prod-secret product production
	prometheus proxy proxy-key public push pw pwd q1w2e3r4 qazwsx qwe123 qwer1234 qwerty qwertyuiop rabbitmq ranger
	readonly redis release replace-me report root s sample sample-key secret secret-key secret-token secret1 server
	service session sha256 shadow shop shopsecret site sms soccer some some-key spring staging staging-key
	starwars stock store string stub subscribe summer sunshine super super-secret super-secret-key superman superuser
	system t temp template temporary test test-client test-key test-secret test-token test1234 tester testing testpass
	testpassword the-key the-password the-secret tmp todo token top-secret traefik true trustno1 undefined unknown user
	username value vip web wechat wechat-key weixin welcome whatever winter word worker wx wxkey wxproxy wxproxy-key
	wxproxy-secret wxproxy-token x xx xxx xxxx xxxxx xxxxxx xxxxxxxx y yes your-app-secret your-key your-password
	your-secret your-token z zzz`)

// placeholderParts are what no secret but a placeholder contains, spelt as by sketch.
var placeholderParts = []string{
	"replaceme", "replacethis", "replacewith", "tobereplaced", "changeme", "changethis", "changeit", "placeholder",
	"yourappsecret", "yoursecret", "yourkey", "yourclientkey", "youradminkey", "yourpassword", "yourtoken", "yourown",
	"puthere", "putyour", "insertyour", "inserthere", "enteryour", "filledin", "fillmein", "fillthisin",
	"secrethere", "keyhere", "passwordhere", "tokenhere", "notarealsecret", "notarealkey",
}

// IsPlaceholder reports whether a secret is what an example has in its place, or
// what a template would have filled in.
func IsPlaceholder(secret string) bool {
	lower, word := strings.ToLower(secret), sketch(secret)
	if !hasRandomPart(lower) {
		for _, part := range placeholderParts {
			if strings.Contains(word, part) {
				return true
			}
		}
		if strings.HasPrefix(lower, "your-") || strings.HasPrefix(lower, "your_") {
			return true
		}
	}
	for _, bracket := range [...][2]string{{"<", ">"}, {"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"[", "]"}} {
		if strings.HasPrefix(lower, bracket[0]) && strings.HasSuffix(lower, bracket[1]) {
			return true
		}
	}
	if name, ok := strings.CutPrefix(secret, "$"); ok && LooksLikeVariable(name) {
		return true
	}
	switch word {
	case "example", "none", "null", "nil", "undefined", "todo", "tbd", "fixme":
		return true
	}
	return len(secret) >= 3 && strings.Trim(secret, "xX*._-?#…") == ""
}

// hasRandomPart reports whether a part of a secret, in lower case, is more than words:
// letters and digits by turns, as a program makes them.
func hasRandomPart(lower string) bool {
	const shortest, turns = 8, 3
	for _, part := range strings.FieldsFunc(lower, func(r rune) bool { return !isLetter(r) && !isDigit(r) }) {
		turned := 0
		for i := 1; i < len(part); i++ {
			if isDigit(rune(part[i])) != isDigit(rune(part[i-1])) {
				turned++
			}
		}
		if len(part) >= shortest && turned >= turns {
			return true
		}
	}
	return false
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// IsTyped reports whether a key is what somebody typed to fill its place, however
// long: a few characters, the same some more times, or in the order of the alphabet.
func IsTyped(key string) bool {
	const fewest = 6
	if key == "" {
		return false
	}
	different, steps := map[byte]bool{}, 0
	for i := range len(key) {
		different[key[i]] = true
		if i > 0 && (key[i] == key[i-1]+1 || key[i] == key[i-1] || key[i] == key[i-1]-1) {
			steps++
		}
	}
	repeats := strings.Contains((key + key)[1:2*len(key)-1], key)
	return len(different) < fewest || repeats || steps > len(key)*2/3
}

// placeholderTexts are what stands in examples in the place of a key, with one of
// placeholderNouns in the place of the star.
var placeholderTexts = strings.Fields(`
	your-* your-*-here <*> <your-*> [*] [your-*] {*} {{*}} ${*} $* *-here my-* put-your-*-here put-*-here insert-*-here
	insert-your-*-here enter-your-* enter-*-here enter-your-*-here add-your-*-here paste-your-*-here paste-*-here
	replace-me replace-this replace-with-* replace-with-your-* replace-with-a-* replace-me-with-a-* replace-with-a-long-random-*
	replace-me-with-a-long-random-* replace-with-a-random-* replace-with-a-real-* replace-me-with-the-* replace-me-with-your-*
	change-this-* change-me-* change-the-* set-your-* set-* use-your-own-* your-own-* a-long-random-* long-random-*
	a-random-* some-random-* some-long-random-* random-* a-secret-* an-example-* example-* sample-* dummy-* fake-*
	*-goes-here the-*-goes-here your-*-goes-here *-placeholder placeholder-* todo-* changeme-* replaceme-*
	... … .. . - -- --- ---- * ** *** **** ***** ****** ******** ? ?? ??? <> [] {} "" '' <...> [...] <hidden> [hidden] <redacted> [redacted]
	<replace-me> <change-me> <changeme> <replaceme> <placeholder> <todo> n/a tbd fixme to-be-replaced not-a-real-key`)

// placeholderNouns are the words for what belongs in the place of the star.
var placeholderNouns = strings.Fields(`
	key secret token password string value api-key client-key admin-key secret-key private-key access-key app-secret appsecret
	client-secret auth-token access-token bearer-token passphrase credential hash key-sha256 client-key-here`)

// Placeholders returns placeholderTexts with each of placeholderNouns.
func Placeholders() (all []string) {
	for _, text := range placeholderTexts {
		all = append(all, text)
		if !strings.Contains(text, "*") {
			continue
		}
		for _, noun := range placeholderNouns {
			for _, word := range Joinings(strings.ReplaceAll(text, "*", noun)) {
				all = append(all, word, strings.ToUpper(word), strings.ToUpper(word[:1])+word[1:], word+"\n")
			}
		}
	}
	return all
}

// IsCommon reports whether a secret is one of Common.
func IsCommon(secret string) bool {
	const shortest = 4 // shorter ones stand for secrets in tests
	return len(secret) >= shortest && slices.ContainsFunc(Common, func(word string) bool {
		return slices.Contains(Joinings(word), strings.ToLower(secret))
	})
}

// IsPattern reports whether bytes of a hash or a key repeat, as when somebody
// typed them to fill its place: of 32 random bytes hardly any two are the same.
func IsPattern(random []byte) bool {
	const fewest = 9
	different := map[byte]bool{}
	for _, b := range random {
		different[b] = true
	}
	return len(different) < fewest
}

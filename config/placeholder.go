package config

import "strings"

// commonWords are keys that stand in examples or that everybody tries first, in
// lower case, with - where words are joined somehow.
var commonWords = strings.Fields(`
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

// placeholderParts are what only a placeholder has in it, as sketch has it.
var placeholderParts = []string{
	"replaceme", "replacethis", "replacewith", "tobereplaced", "changeme", "changethis", "changeit", "placeholder",
	"yourappsecret", "yoursecret", "yourkey", "yourclientkey", "youradminkey", "yourpassword", "yourtoken", "yourown",
	"puthere", "putyour", "insertyour", "inserthere", "enteryour", "filledin", "fillmein", "fillthisin",
	"secrethere", "keyhere", "passwordhere", "tokenhere", "notarealsecret", "notarealkey",
}

// isPlaceholder reports whether a secret is what an example has in its place, or
// what a template would have filled in.
func isPlaceholder(secret string) bool {
	lower, word := strings.ToLower(secret), sketch(secret)
	for _, part := range placeholderParts {
		if strings.Contains(word, part) {
			return true
		}
	}
	for _, bracket := range [...][2]string{{"your-", ""}, {"your_", ""}, {"<", ">"}, {"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"[", "]"}} {
		if strings.HasPrefix(lower, bracket[0]) && strings.HasSuffix(lower, bracket[1]) {
			return true
		}
	}
	if name, ok := strings.CutPrefix(secret, "$"); ok && looksLikeVariable(name) {
		return true
	}
	switch word {
	case "example", "none", "null", "nil", "undefined", "todo", "tbd", "fixme":
		return true
	}
	return len(secret) >= 3 && strings.Trim(secret, "xX*._-?#…") == ""
}

// isPattern reports whether the bytes of a hash or a key repeat, as in what
// somebody typed to fill its place: of 32 random bytes hardly any two are the same.
func isPattern(random []byte) bool {
	const fewest = 9
	different := map[byte]bool{}
	for _, b := range random {
		different[b] = true
	}
	return len(different) < fewest
}

package config

import "strings"

// commonWords are keys that stand in examples or that everybody tries first, in
// lower case.
var commonWords = strings.Fields(`
	0 00 000 0000 00000000 000000 1 11 111 1111 11111111 111111 12 123 1234 12345 123456 1234567 12345678 123456789
	1234567890 0123456789 0123456789abcdef 012345 123123 123321 654321 666666 888888 987654321 112233 121212 123qwe 1q2w3e
	1q2w3e4r 1qaz2wsx 5201314 520 123456a a123456 a a1 aa aaa aaaa aaaaaaaa aaaaaa ab abc abcd abcde abcdef abcdefg
	abcdefgh abc123 abc1234 access access_token access-token account accountkey admin adminkey admin-key admin_key
	administrator admin@123 alice anonymous any api apikey api-key api_key app app-key app_key appkey appsecret app-secret
	app_secret auth b backend bar baz bearer bob bot c caller caller-key changeit changeme change-me change_me
	changethis client client-key client_key clientkey client-secret client_secret clientsecret code correcthorsebatterystaple
	d debug default demo demo-key demokey dev developer development dragon dummy empty example examplekey example-key
	example_key fake foo foobar games guest hash hello helloworld hello-world hello_world home hunter2 iloveyou internal key
	key1 key-1 key2 key123 keykey letmein letmein1 local localhost login master monkey mykey my-key my_key mypassword
	my-password mysecret my-secret my_secret mytoken my-token my_token nil no nobody none nopass nopassword null office
	open operator orders orders-key orderskey p@ss p@ssw0rd pa$$w0rd pass passphrase passw0rd password passwd placeholder
	private prod production proxy proxykey proxy-key public pw pwd q1w2e3r4 qazwsx qwe123 qwer1234 qwerty qwertyuiop
	readonly redis replaceme replace-me replace_me root s sample secret secret1 secretkey secret-key secret_key secrettoken
	secret-token server service shop shop-key shopkey shopsecret some some-key somekey staging stock string stub
	super supersecret super-secret super_secret sunshine superuser system t temp temporary test test-key test_key test-secret
	test_secret test-token test_token test1234 tester testing testkey testpass testpassword testsecret testtoken tmp todo
	token true trustno1 undefined unknown user username value wechat wechat-key wechatkey weixin welcome word wx wxkey
	wxproxy wxproxy-key wxproxy_key wxproxykey wxproxy-secret wxproxy-token x xx xxx xxxx xxxxx xxxxxx xxxxxxxx y yes your-key
	yourkey your_key your-secret yoursecret z zzz test-client testclient client1 client-1 client-a`)

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

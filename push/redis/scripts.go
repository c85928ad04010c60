package redis

import (
	_ "embed" // the scripts

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed common.lua
	commonLua string
	//go:embed add.lua
	addLua string
	//go:embed take.lua
	takeLua string
	//go:embed next.lua
	nextLua string
	//go:embed uncount.lua
	uncountLua string
	//go:embed done.lua
	doneLua string
	//go:embed giveup.lua
	giveUpLua string
	//go:embed release.lua
	releaseLua string
	//go:embed renew.lua
	renewLua string
	//go:embed wake.lua
	wakeLua string
	//go:embed forget.lua
	forgetLua string
	//go:embed retry.lua
	retryLua string
)

// The scripts of the inbox.
type scripts struct{ add, take, next, uncount, done, giveUp, release, renew, wake, forget, retry *redis.Script }

func newScripts() scripts {
	script := func(source string) *redis.Script { return redis.NewScript(commonLua + source) }
	return scripts{
		add: script(addLua), take: script(takeLua), next: script(nextLua), uncount: script(uncountLua), done: script(doneLua), giveUp: script(giveUpLua),
		release: script(releaseLua), renew: script(renewLua), wake: script(wakeLua), forget: script(forgetLua), retry: script(retryLua),
	}
}

// numbersIn returns the n numbers that a script has answered; 0 for what is none.
func numbersIn(answer any, n int) []int64 {
	numbers := make([]int64, n)
	list, _ := answer.([]any)
	for i := range min(n, len(list)) {
		numbers[i], _ = list[i].(int64)
	}
	return numbers
}

// stringsIn returns the strings that a script has answered.
func stringsIn(answer any) (all []string) {
	list, _ := answer.([]any)
	for _, one := range list {
		if s, ok := one.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

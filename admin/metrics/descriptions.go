package metrics

// These are the metrics that there are. Names and labels are an interface that dashboards and
// alarms are written for.
var (
	requests = describe("requests_total",
		"Requests that were answered. Account and client are empty where a request had none that is configured.",
		"account", "client", "status")
	durations = describe("request_duration_seconds",
		"From the end of a request's header to the point where its answer can be written; what a streamed body takes from there is not in it.")
	errcodes = describe("upstream_errcodes_total",
		"Answers of WeChat's with an errcode other than 0, those to the first of two attempts included.",
		"account", "errcode")
	retries = describe("retries_total",
		"Requests whose token WeChat refused, by what became of them: sent again and accepted, refused or failed; or not sent again, "+
			"because a good token was unavailable or in_vain, because that API refuses good tokens.",
		"account", "errcode", "outcome")
	apiRequests = describe("api_requests_total",
		"Calls for an account by callers who are known, by the path of the documented API; all other paths are together as other.",
		"kind", "path")
	apiFailures = describe("api_failures_total",
		"Of the calls in wxproxy_api_requests_total those that failed, by errcode, WeChat's or wxproxy's own; http_502 and the like where there is none, other beyond 16 of one path.",
		"errcode", "kind", "path")
	apiMedian = describe("api_hour_p50_seconds",
		"Within which time half of the calls of the last hour were answered, to 10 %, measured as wxproxy_request_duration_seconds is.", "kind", "path")
	apiMost = describe("api_hour_p95_seconds", "Within which time 95 % of the calls of the last hour were answered, likewise.", "kind", "path")
	fetches = describe("token_fetches_total",
		"Questions to WeChat for a token, by reason (start, due, refused, forced, asked) and outcome (success, or the failure's class: "+
			"transient, configuration, quota, account).",
		"account", "outcome", "reason")
	denials = describe("secret_refusals_total",
		"Requests with the AppSecret, such as logins, that WeChat refused because of it or of this machine's address; of a platform, and of its accounts, all calls because of the address.",
		"account", "errcode")
	expiry = describe("token_expiry_timestamp_seconds",
		"When the account's token expires; 0 while there is none. An account that nobody has called for a day has no value.",
		"account")
	paused = describe("token_paused",
		"1 while WeCom is not asked for the account's token, since it refused the secret, or has been asked too often: only another secret, or time, ends that. WeChat's accounts have no value.",
		"account")
	wrongSecrets = describe("wecom_wrong_secrets",
		"Secrets that WeCom has refused within the last hour, for which it may ban this machine's address. Without accounts of WeCom's there is no value.")
	inFlight = describe("requests_in_flight", "Requests that are being answered.")

	connections = describe("upstream_connections", "Connections to WeChat: active, which includes those that are being made, and idle.", "state")

	storeUp = describe("store_up", "1 while the token store can be used, 0 while tokens are served and renewed without it. Memory always can.")

	storeErrors = describe("store_errors_total", "Operations of the token store that failed, those included that were not tried because the one before had failed.", "operation")

	storeDurations = describe("store_duration_seconds", "How long the token store took for an operation.", "operation")

	hostFailures = describe("upstream_failures_total",
		"Requests that the host of WeChat's gave no whole answer, by reason: no connection (unreachable), one that broke (broken), or none in time (timeout).",
		"host", "reason")

	linesLost = describe("log_lines_dropped_total", "Lines of the log that were dropped, because standard error was not read fast enough or took none.")

	build = describe("build_info", "Always 1; the labels say which version runs.", "commit", "goversion", "version")

	configHash = describe("config_hash",
		"Which configuration is in force, as a number and in hexadecimal digits: instances with the same have the same.", "hash")

	configSuccessful = describe("config_last_reload_successful", "1 if the configuration was good when it was read last, 0 if it was refused and the one before goes on.")

	configLoaded = describe("config_last_reload_success_timestamp_seconds", "When the configuration in force was read.")
	certificates = describe("certificate_expiry_timestamp_seconds",
		"When the certificate that the setting names expires: of a chain the first one that does, of several authorities the last one.", "setting")

	pushes = describe("pushes_total",
		"Messages and events that WeChat pushed, by outcome: answered with a program's reply, empty, async (it waits in the inbox), repeated, "+
			"failed, or refused, because it was not WeChat's. The account is empty for a name that is none.",
		"account", "outcome", "type")
	pushDurations = describe("push_duration_seconds", "From the header of a push to its answer. Refused ones are not in it.")
	pushRefusals  = describe("push_refusals_total", "Pushes that were refused, by the reason, as signature.", "account", "reason")
	copiesDropped = describe("push_copies_dropped_total", "Copies of pushes that were lost, because the inbox was full or of no use.", "account")
	inboxWaiting  = describe("push_inbox", "Pushes that wait to be delivered; with Redis, in all replicas together.")
	inboxFailed   = describe("push_inbox_failed", "Pushes that could not be delivered for a day, and are kept for seven.")
	inboxLost     = describe("push_inbox_lost_total", "Pushes that waited, and were lost because their records could not be read.")
	inboxBytes    = describe("push_inbox_bytes", "What the pushes in the inbox take.")
	inboxMax      = describe("push_inbox_max_bytes", "What they may take (push.inbox_max).")
	inboxOldest   = describe("push_inbox_oldest_seconds", "For how long the oldest push has been waiting; 0 while none waits.")

	platformTicket = describe("platform_ticket_timestamp_seconds",
		"When WeChat last sent the platform a component_verify_ticket, which it does every 10 minutes; 0 if there is none.", "platform")
	platformAuthorizers = describe("platform_authorizers", "Accounts that have authorized the platform, by state.", "platform", "state")
	platformEvents      = describe("platform_events_waiting", "Accounts of which events were not acted upon or not forwarded yet.", "platform")
	platformListed      = describe("platform_list_timestamp_seconds", "When WeChat's list of the platform's authorizers was last read; 0 if it never was.", "platform")

	up = describe("upstream_up", "1 while the host of WeChat's can be reached, 0 while it is left out.", "host")
)

// A description says what a metric is. Its labels are in the order of their names.
type description struct {
	name, help string
	labels     []string
}

func describe(name, help string, labels ...string) *description {
	return &description{"wxproxy_" + name, help, labels}
}

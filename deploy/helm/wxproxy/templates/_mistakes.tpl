{{/* Mistakes that would be found only when the pod starts, or never. */}}
{{- define "wxproxy.mistakes" -}}
{{- $config := include "wxproxy.config" . | fromJson -}}
{{- $toml := include "wxproxy.toml" . -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository: missing; where you pushed the image, as registry.example/wxproxy (docker build -t registry.example/wxproxy:1.0 .)" -}}
{{- end -}}
{{- if and .Values.image.tag (not (kindIs "string" .Values.image.tag)) -}}
{{- fail "image.tag: is a number, which YAML does not keep as it is written; put it in quotes, as \"1.0\"" -}}
{{- end -}}
{{- if and (not .Values.image.tag) (eq .Chart.AppVersion "0.0.0") -}}
{{- fail "image.tag: missing; the tag that you pushed, in quotes, as \"1.0\". Only the chart of a release, wxproxy_VERSION_helm.tgz, has a version to take for it" -}}
{{- end -}}
{{- if not (or $config.account $config.platform) -}}
{{- fail "config.account: missing; a list, as [{name: shop, app_id: wx0123456789abcdef, secret_file: shop-secret}]; or config.platform" -}}
{{- end -}}
{{- range regexFindAll "(?m)^(secret|key|key_old|read_key|push_token|push_aes_key|push_aes_key_old|token|aes_key|encryption_key|encryption_key_old) = |^(store|proxy) = \"[^\"]*@" $toml -1 -}}
{{- $setting := first (splitList " " .) -}}
{{- fail (printf "config: %s stands in the values, which Helm and Git keep in the clear; write %s_file with the name of a key of existingSecret" $setting $setting) -}}
{{- end -}}
{{- include "wxproxy.noSecretForAName" $toml -}}
{{- include "wxproxy.variables" (dict "toml" $toml "env" .Values.env) -}}
{{- include "wxproxy.entries" (dict "config" $config "mode" .Values.mode) -}}
{{- include "wxproxy.store" (dict "store" (toString (default dict $config.token).store) "replicas" (ternary (int .Values.replicas) 1 (eq .Values.mode "shared"))) -}}
{{- include "wxproxy.ports" (dict "config" $config "mode" .Values.mode) -}}
{{- include "wxproxy.grace" (dict "proxy" $config.proxy "mode" .Values.mode "has" (float64 .Values.terminationGracePeriodSeconds)) -}}
{{- $keys := (include "wxproxy.keys" . | fromJson).keys -}}
{{- if and $keys (not .Values.existingSecret) -}}
{{- fail (printf "existingSecret: missing; the Secret with the keys %s. Make it by: kubectl create secret generic wxproxy --from-file=%s=FILE" (join ", " $keys) (join "=FILE --from-file=" $keys)) -}}
{{- end -}}
{{- end -}}

{{/* Secrets that were pasted where a name belongs; what is said does not repeat them. */}}
{{- define "wxproxy.noSecretForAName" -}}
{{- range regexFindAll "(?m)^[a-z_0-9]+_(file|env) = \".*\"$" . -1 -}}
{{- $setting := first (splitList " " .) -}}
{{- $value := regexReplaceAll "^[^\"]*\"(/run/secrets/wxproxy/)?|\"$" . "" -}}
{{- $random := and (regexMatch "^[A-Za-z0-9+_-][A-Za-z0-9+/_-]{42}=?$" $value) (regexMatch "[A-Z]" $value) (regexMatch "[a-z]" $value) (regexMatch "[0-9]" $value) -}}
{{- if or $random (regexMatch "^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$" $value) -}}
{{- fail (printf "config: %s looks like a secret, not like a name; write the name of a key of existingSecret, as %s: shop-secret, and the secret itself there. If it has been in Git or in a release, let WeChat give you another" $setting (regexReplaceAll "_env$" $setting "_file")) -}}
{{- end -}}
{{- if contains "://" $value -}}
{{- fail (printf "config: %s holds an address; write the name of a key of existingSecret, and the address there" $setting) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Variables that config names and env lacks, and those that env should not have. */}}
{{- define "wxproxy.variables" -}}
{{- $names := list -}}
{{- range .env -}}
{{- $names = append $names .name -}}
{{- if has .name (list "WXPROXY_LISTEN" "WXPROXY_ADMIN_LISTEN" "WXPROXY_PUSH_LISTEN") -}}
{{- fail (printf "env: %s; the chart's Service and probes ask where the chart has wxproxy listen: take it away" .name) -}}
{{- end -}}
{{- if or (regexMatch "://[^/]*@" (default "" .value)) (and .value (contains (printf "_env = %s\n" (toJson .name)) (printf "%s\n" $.toml))) -}}
{{- fail (printf "env: %s has a secret in the values, which Helm and Git keep in the clear; write valueFrom: {secretKeyRef: {name: wxproxy, key: ...}}" .name) -}}
{{- end -}}
{{- end -}}
{{- range regexFindAll "(?m)^[a-z_0-9]+_env = \".+\"$" .toml -1 -}}
{{- $setting := first (splitList " " .) -}}
{{- if not (has (regexReplaceAll "^[^\"]*\"|\"$" . "") $names) -}}
{{- fail (printf "config: %s names a variable that env lacks; add it, as {name: SHOP_SECRET, valueFrom: {secretKeyRef: {name: wxproxy, key: shop-secret}}}, or write %s_file with the name of a key of existingSecret" $setting (trimSuffix "_env" $setting)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Entries that stand twice, and clients whom nobody could be. */}}
{{- define "wxproxy.entries" -}}
{{- if and (eq .mode "shared") (not .config.client) (not .config.proxy.allow_anonymous) -}}
{{- fail "config.client: missing; callers from other pods show a key: a list, as [{name: orders, key_file: orders-key, accounts: [shop]}]" -}}
{{- end -}}
{{- range $table := list "account" "client" "platform" -}}
{{- $names := list -}}
{{- range $i, $entry := index $.config $table -}}
{{- if has $entry.name $names -}}
{{- fail (printf "config.%s[%d].name: %q is there twice; each needs its own" $table $i $entry.name) -}}
{{- end -}}
{{- $names = append $names (default "" $entry.name) -}}
{{- if and (eq $table "client") (not (or $entry.key_file $entry.key_env $entry.key_sha256)) -}}
{{- fail (printf "config.client[%d]: has no key; write key_file with the name of a key of existingSecret, as key_file: orders-key, or key_sha256, as `wxproxy key orders` prints it" $i) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A store that the pods cannot have. */}}
{{- define "wxproxy.store" -}}
{{- if and (gt .replicas 1) (regexMatch "^(memory|file):" .store) -}}
{{- fail (printf "config.token.store: keeps tokens in one pod, and replicas is %d; put the URL of a Redis, as redis://USER:PASSWORD@redis:6379/0, into existingSecret as store, and take token.store away; or write replicas: 1" .replicas) -}}
{{- end -}}
{{- if and (hasPrefix "file:" .store) (not (regexMatch "^file:/tmp/[^/.]" .store)) -}}
{{- fail "config.token.store: is on the container's disk, which is read-only; write \"file:/tmp/tokens\", which lives as long as the pod, or put the URL of a Redis into existingSecret and name it by store_file" -}}
{{- end -}}
{{- end -}}

{{/* Listeners where the chart's Service, probes and policy do not look. */}}
{{- define "wxproxy.ports" -}}
{{- $ports := dict "proxy" "8080" "admin" "8081" "push" "8083" -}}
{{- range $table := ternary (list "proxy" "admin" "push") (list "admin") (eq .mode "shared") -}}
{{- $of := default dict (index $.config $table) -}}
{{- if hasKey $of "listen" -}}
{{- $hosts := ternary "(0[.]0[.]0[.]0|\\[::\\])?" "(127[.]0[.]0[.]1|localhost|0[.]0[.]0[.]0|\\[::\\])?" (eq $.mode "shared") -}}
{{- $port := index $ports $table -}}
{{- if not (regexMatch (printf "^%s:%s$" $hosts $port) (toString $of.listen)) -}}
{{- fail (printf "config.%s.listen: is %q, and what the chart makes asks port %s of %s; take it away%s" $table (toString $of.listen) $port (ternary "the pod's address" "127.0.0.1" (eq $.mode "shared")) (ternary ": the port for callers is service.port" "" (eq $table "proxy"))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* An end that comes before wxproxy has answered what is under way. */}}
{{- define "wxproxy.grace" -}}
{{- if eq .mode "shared" -}}
{{- $needs := addf (include "wxproxy.seconds" .proxy.shutdown_delay) (include "wxproxy.seconds" .proxy.drain_timeout) 3 -}}
{{- if gt $needs .has -}}
{{- fail (printf "terminationGracePeriodSeconds: is %v, and proxy.shutdown_delay, proxy.drain_timeout and 3 s are %v s; give it that much" .has $needs) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How many seconds a duration has, as 1m30s. */}}
{{- define "wxproxy.seconds" -}}
{{- $units := dict "h" 3600 "m" 60 "s" 1 "ms" 0.001 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|h|m|s)" (toString .) -1 -}}
{{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" .) (index $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

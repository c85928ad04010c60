{{/* The configuration: the values of config over what the mode needs, as JSON. */}}
{{- define "wxproxy.config" -}}
{{- $config := dict "proxy" (dict "watch" true) -}}
{{- if eq .Values.mode "shared" -}}
{{- $config = dict
  "proxy" (dict "listen" "0.0.0.0:8080" "shutdown_delay" "10s" "drain_timeout" "10s" "watch" true)
  "admin" (dict "listen" "0.0.0.0:8081" "key_file" "admin-key")
  "token" (dict "encryption_key_file" "token-key") -}}
{{- if not (hasKey (default dict .Values.config.token) "store") -}}
{{- $_ := set $config.token "store_file" "store" -}}
{{- end -}}
{{- if or .Values.config.platform .Values.config.forward -}}
{{- $_ := set $config "push" (dict "listen" "0.0.0.0:8083") -}}
{{- end -}}
{{- end -}}
{{- mustMergeOverwrite $config (deepCopy .Values.config) | toJson -}}
{{- end -}}

{{/* What config.toml says. JSON's texts, numbers and lists are TOML's, too. */}}
{{- define "wxproxy.toml" -}}
{{- $config := include "wxproxy.config" . | fromJson -}}
{{- range $name, $value := $config }}{{ if and (kindIs "slice" $value) $value (not (kindIs "map" (first $value))) }}
{{ $name }} = {{ toJson $value }}
{{- end }}{{ end }}
{{- range $name, $value := $config }}{{ if kindIs "map" $value }}
{{ include "wxproxy.table" (dict "head" (printf "[%s]" $name) "name" $name "of" $value) }}
{{- end }}{{ end }}
{{- range $name, $value := $config }}{{ if and (kindIs "slice" $value) $value (kindIs "map" (first $value)) }}{{ range $value }}
{{ include "wxproxy.table" (dict "head" (printf "[[%s]]" $name) "name" $name "of" .) }}
{{- end }}{{ end }}{{ end }}
{{- end -}}

{{/* A table with its settings, and those in it. A file without a / is a key of the Secret. */}}
{{- define "wxproxy.table" -}}
{{ .head }}
{{- range $key, $value := .of }}{{ if not (kindIs "map" $value) }}
{{- if and (hasSuffix "_file" $key) (kindIs "string" $value) (not (contains "/" (toString $value))) }}
{{- $value = printf "/run/secrets/wxproxy/%s" $value }}
{{- end }}
{{ $key }} = {{ toJson $value }}
{{- end }}{{ end }}
{{ range $key, $value := .of }}{{ if kindIs "map" $value }}
{{- $name := printf "%s.%s" $.name $key }}
{{ include "wxproxy.table" (dict "head" (printf "[%s]" $name) "name" $name "of" $value) }}
{{- end }}{{ end }}
{{- end -}}

{{/* The keys of the Secret that config.toml names, as JSON. */}}
{{- define "wxproxy.keys" -}}
{{- $keys := list -}}
{{- range regexFindAll "\"/run/secrets/wxproxy/[^\"/]+\"" (include "wxproxy.toml" .) -1 -}}
{{- $keys = append $keys (trimAll "\"" . | base) -}}
{{- end -}}
{{- dict "keys" ($keys | uniq | sortAlpha) | toJson -}}
{{- end -}}

{{/* Mistakes that would be found only when the pod starts, or never. */}}
{{- define "wxproxy.mistakes" -}}
{{- $config := include "wxproxy.config" . | fromJson -}}
{{- $toml := include "wxproxy.toml" . -}}
{{- $keys := (include "wxproxy.keys" . | fromJson).keys -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository: missing; where you pushed the image, as registry.example/wxproxy (docker build -t registry.example/wxproxy:1.0 .)" -}}
{{- end -}}
{{- if not (or $config.account $config.platform) -}}
{{- fail "config.account: missing; a list, as [{name: shop, app_id: wx0123456789abcdef, secret_file: shop-secret}]; or config.platform" -}}
{{- end -}}
{{- range regexFindAll "(?m)^(secret|key|key_old|read_key|push_token|push_aes_key|push_aes_key_old|token|aes_key|encryption_key|encryption_key_old) = |^(store|proxy) = \"[^\"]*@" $toml -1 -}}
{{- $setting := first (splitList " " .) -}}
{{- fail (printf "config: %s stands in the values, which Helm and Git keep in the clear; write %s_file with the name of a key of existingSecret" $setting $setting) -}}
{{- end -}}
{{- if and (eq .Values.mode "shared") (not $config.client) (not $config.proxy.allow_anonymous) -}}
{{- fail "config.client: missing; callers from other pods show a key: a list, as [{name: orders, key_file: orders-key, accounts: [shop]}]" -}}
{{- end -}}
{{- if and $keys (not .Values.existingSecret) -}}
{{- fail (printf "existingSecret: missing; the Secret with the keys %s. Make it by: kubectl create secret generic wxproxy --from-file=%s=FILE" (join ", " $keys) (join "=FILE --from-file=" $keys)) -}}
{{- end -}}
{{- end -}}

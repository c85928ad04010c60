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
{{- if or .Values.config.platform .Values.config.forward .Values.config.push -}}
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

{{/* The ports of the addresses in the values that wxproxy calls, as JSON. A port of a
forward is not among them if extraEgress says where forwards lead. */}}
{{- define "wxproxy.egress" -}}
{{- $config := include "wxproxy.config" . | fromJson -}}
{{- $addresses := list (default dict $config.token).store -}}
{{- range list (default dict $config.upstream) (default dict (default dict $config.upstream).wecom) -}}
{{- $addresses = concat $addresses (list .url .proxy) (default list .fallback_urls) -}}
{{- end -}}
{{- range .Values.env }}{{ $addresses = append $addresses .value }}{{ end -}}
{{- if not .Values.networkPolicy.extraEgress -}}
{{- range $config.forward }}{{ $addresses = append $addresses .url }}{{ end -}}
{{- end -}}
{{- $usual := dict "http" "80" "https" "443" "socks5" "1080" "socks5h" "1080" "redis" "6379" "rediss" "6379" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.egressPorts }}{{ $ports = append $ports (toString (int .)) }}{{ end -}}
{{- range $addresses -}}
{{- $parts := regexFind "^[a-z0-9]+://[^/?#]+" (toString .) -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $parts) | default (get $usual (first (splitList ":" $parts))) -}}
{{- if $port }}{{ $ports = append $ports $port }}{{ end -}}
{{- end -}}
{{- dict "ports" ($ports | uniq) | toJson -}}
{{- end -}}

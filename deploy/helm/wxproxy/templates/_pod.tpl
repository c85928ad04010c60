{{- define "wxproxy.name" -}}
{{- if contains "wxproxy" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-wxproxy" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "wxproxy.selector" -}}
app.kubernetes.io/name: wxproxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wxproxy.labels" -}}
{{ include "wxproxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | replace "+" "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wxproxy.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default (.Chart.AppVersion | replace "+" "-")) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
volumeMounts: # whole directories: only those follow when the ConfigMap or the Secret changes
  - {name: wxproxy-config, mountPath: /etc/wxproxy, readOnly: true}
{{- if .Values.existingSecret }}
  - {name: wxproxy-secrets, mountPath: /run/secrets/wxproxy, readOnly: true}
{{- end }}
  - {name: wxproxy-tmp, mountPath: /tmp}
{{- end -}}

{{/* The volumes of wxproxy in a pod of yours. */}}
{{- define "wxproxy.sidecarVolumes" -}}
- name: wxproxy-config
  configMap: {name: {{ include "wxproxy.name" . }}, defaultMode: 0440}
{{- if .Values.existingSecret }}
- name: wxproxy-secrets
  secret:
    secretName: {{ .Values.existingSecret }}
    defaultMode: 0440
    items:
    {{- range (include "wxproxy.keys" . | fromJson).keys }}
      - {key: {{ . }}, path: {{ . }}}
    {{- end }}
{{- end }}
- name: wxproxy-tmp # request bodies beyond 1 MiB
  emptyDir: {sizeLimit: {{ .Values.tmpSize }}}
{{- end -}}

{{/* wxproxy as an init container of a pod of yours that goes on beside its program. The
pod needs securityContext.fsGroup, as the files are its group's: 65532. */}}
{{- define "wxproxy.sidecar" -}}
{{- include "wxproxy.mistakes" . -}}
{{- if ne .Values.mode "sidecar" -}}
{{- fail "mode: is shared; wxproxy.sidecar needs mode: sidecar" -}}
{{- end -}}
- name: wxproxy
  {{- include "wxproxy.image" . | nindent 2 }}
  restartPolicy: Always # Kubernetes 1.29: started before the program, ended after it
  env:
    {{- if not (contains "\"name\":\"GOMAXPROCS\"" (toJson .Values.env)) }}
    - {name: GOMAXPROCS, value: "1"} # one thread answers: docs/performance.md
    {{- end }}
    {{- with .Values.env }}{{ toYaml . | nindent 4 }}{{ end }}
  # Inside the pod, because nothing here listens for the kubelet. Not /readyz: a program must
  # not be stopped because WeChat gives no token just now.
  startupProbe:
    exec:
      command: [/wxproxy, health, -url, "http://127.0.0.1:8081/healthz"]
    periodSeconds: 1
    timeoutSeconds: 6
    failureThreshold: 30
  livenessProbe:
    exec:
      command: [/wxproxy, health, -url, "http://127.0.0.1:8081/healthz"]
    periodSeconds: 20
    timeoutSeconds: 6
    failureThreshold: 3
  resources:
    {{- .Values.resources | default (dict "requests" (dict "cpu" "50m" "memory" "64Mi") "limits" (dict "memory" "256Mi")) | toYaml | nindent 4 }}
{{- end -}}

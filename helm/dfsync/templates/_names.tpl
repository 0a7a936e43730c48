{{- define "dfsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for the name of a pod, its service and what is appended to be DNS labels. */}}
{{- define "dfsync.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else if contains (include "dfsync.name" .) .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "dfsync.name" .) | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "dfsync.peers.name" -}}{{ include "dfsync.fullname" . }}-peers{{- end -}}

{{- define "dfsync.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dfsync.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The name that a StatefulSet's pods begin with. */}}
{{- define "dfsync.podPrefix" -}}
{{- if eq .Values.kind "sidecar" -}}
{{- default .Release.Name .Values.sidecar.statefulSetName -}}
{{- else -}}
{{- include "dfsync.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "dfsync.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: dfsync
{{- if ne .Values.kind "sidecar" }}
{{ include "dfsync.selectorLabels" . }}
{{- else }}
app.kubernetes.io/name: {{ include "dfsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* They are part of a workload that cannot be changed: what is in here stays. */}}
{{- define "dfsync.selectorLabels" -}}
{{- if eq .Values.kind "sidecar" -}}
{{ include "dfsync.sidecar.labels" . }}
{{- else -}}
app.kubernetes.io/name: {{ include "dfsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
{{- end -}}

{{- define "dfsync.image" -}}
{{- $name := .Values.image.repository -}}
{{- if .Values.image.registry -}}{{- $name = printf "%s/%s" .Values.image.registry $name -}}{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Name of the volume that is :SYNC, in the pod. */}}
{{- define "dfsync.volumeName" -}}
{{- ternary .Values.volume.name "sync" (eq .Values.kind "sidecar") -}}
{{- end -}}

{{/* Which server of the description a pod is. */}}
{{- define "dfsync.identity" -}}
- name: DFSYNC_SERVER
{{- if eq .Values.kind "deployment" }}
  value: {{ include "dfsync.fullname" . | quote }}
{{- else }}
  valueFrom:
    fieldRef:
      fieldPath: {{ ternary "spec.nodeName" "metadata.name" (eq .Values.kind "daemonset") }}
{{- end }}
{{- end -}}

{{- define "dfsync.requiresVolume" -}}
{{- $isLater := and .Release.IsUpgrade (eq .Values.kind "daemonset") -}}
{{- if or (eq .Values.volume.require "always") (and (eq .Values.volume.require "auto") $isLater) -}}true{{- end -}}
{{- end -}}

{{- define "dfsync.probe" -}}
{{- toYaml (omit .probe "path") }}
httpGet:
  path: {{ .path }}
  port: dfsync-ops
  scheme: {{ ternary "HTTPS" "HTTP" (not (empty .root.Values.opsTls.existingSecret)) }}
{{- end -}}

{{/* Where the instance answers operators within its pod. */}}
{{- define "dfsync.localUrl" -}}
http{{ if .Values.opsTls.existingSecret }}s{{ end }}://127.0.0.1:{{ .Values.ports.ops }}
{{- end -}}

{{/* What commands within the pod know the instance by: its certificate hardly names 127.0.0.1. */}}
{{- define "dfsync.opsCertificate" -}}
{{- with .Values.opsTls }}{{ if .existingSecret }}
- name: DFSYNC_OPS_TLS_CERT
  value: "/etc/dfsync/ops-tls/{{ .certKey }}"
{{- end }}{{ end }}
{{- end -}}

{{/* The one container: of the chart's own pods, and of those that have it as a sidecar. */}}
{{- define "dfsync.container" -}}
name: dfsync
image: {{ include "dfsync.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - run
  - "--config=/etc/dfsync/network/{{ .Values.network.key }}"
  - "--root={{ .Values.volume.mountPath }}"
  - "--listen={{ .Values.listenHost }}:{{ .Values.ports.peers }}"
  - "--ops-listen={{ .Values.listenHost }}:{{ .Values.ports.ops }}"
  - "--log-level={{ .Values.log.level }}"
  - "--log-format={{ .Values.log.format }}"
{{- with .Values.token }}{{ if .existingSecret }}
  - "--token-file=/etc/dfsync/token/{{ .key }}"
{{- end }}{{ end }}
{{- with .Values.readToken }}{{ if .existingSecret }}
  - "--read-token-file=/etc/dfsync/read-token/{{ .key }}"
{{- end }}{{ end }}
{{- with .Values.tls }}{{ if .enabled }}
  - "--tls-cert=/etc/dfsync/tls/{{ .certKey }}"
  - "--tls-key=/etc/dfsync/tls/{{ .keyKey }}"
  - "--tls-ca=/etc/dfsync/tls/{{ .caKey }}"
{{- end }}{{ end }}
{{- if .Values.insecure }}
  - --insecure
{{- end }}
{{- if include "dfsync.requiresVolume" . }}
  - --require-volume
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . | indent 2 }}
{{- end }}
env:
{{ include "dfsync.identity" . | indent 2 }}
{{- /* No arguments: commands that are executed in the container need them, too. */}}
{{- with .Values.adminToken }}{{ if .existingSecret }}
  - name: DFSYNC_ADMIN_TOKEN_FILE
    value: "/etc/dfsync/admin-token/{{ .key }}"
{{- end }}{{ end }}
{{- with include "dfsync.opsCertificate" . | trim }}{{ . | nindent 2 }}{{ end }}
{{- with .Values.opsTls }}{{ if .existingSecret }}
  - name: DFSYNC_OPS_TLS_KEY
    value: "/etc/dfsync/ops-tls/{{ .keyKey }}"
{{- end }}{{ end }}
{{- with .Values.extraEnv }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
{{ toYaml . | indent 2 }}
{{- end }}
ports:
  - name: dfsync-peers
    containerPort: {{ .Values.ports.peers }}
{{- if and (eq .Values.kind "daemonset") (or .Values.hostPort .Values.hostNetwork) }}
    hostPort: {{ .Values.ports.peers }}
{{- end }}
  - name: dfsync-ops
    containerPort: {{ .Values.ports.ops }}
{{- if and (eq .Values.kind "daemonset") .Values.hostNetwork }}
    hostPort: {{ .Values.ports.ops }}
{{- end }}
startupProbe:
{{ include "dfsync.probe" (dict "root" . "probe" .Values.probes.startup "path" "/startupz") | indent 2 }}
livenessProbe:
{{ include "dfsync.probe" (dict "root" . "probe" .Values.probes.liveness "path" "/livez") | indent 2 }}
readinessProbe:
{{ include "dfsync.probe" (dict "root" . "probe" .Values.probes.readiness "path" "/readyz") | indent 2 }}
{{- if .Values.preStop.enabled }}
lifecycle:
  preStop:
    exec:
      command: [dfsync, wait, --timeout, {{ .Values.preStop.timeoutSeconds }}s, --url, {{ include "dfsync.localUrl" . | quote }}]
{{- end }}
resources:
{{ toYaml .Values.resources | indent 2 }}
securityContext:
{{ toYaml .Values.securityContext | indent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - name: {{ include "dfsync.volumeName" . | quote }}
    mountPath: {{ .Values.volume.mountPath | quote }}
{{- if eq .Values.kind "daemonset" }}
    mountPropagation: {{ .Values.volume.mountPropagation }}
{{- end }}
  - name: dfsync-network
    mountPath: /etc/dfsync/network
    readOnly: true
  - name: dfsync-tmp
    mountPath: /tmp
{{- range $name, $mount := include "dfsync.secrets" . | fromJson }}
  - name: dfsync-{{ $name }}
    mountPath: /etc/dfsync/{{ $name }}
    readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- end -}}

{{/* Secrets by the directory that they are mounted at, as a JSON object. */}}
{{- define "dfsync.secrets" -}}
{{- $secrets := dict -}}
{{- with .Values.token.existingSecret }}{{ $_ := set $secrets "token" . }}{{ end -}}
{{- with .Values.readToken.existingSecret }}{{ $_ := set $secrets "read-token" . }}{{ end -}}
{{- with .Values.adminToken.existingSecret }}{{ $_ := set $secrets "admin-token" . }}{{ end -}}
{{- if .Values.tls.enabled }}{{ $_ := set $secrets "tls" (include "dfsync.tlsSecret" .) }}{{ end -}}
{{- with .Values.opsTls.existingSecret }}{{ $_ := set $secrets "ops-tls" . }}{{ end -}}
{{- toJson $secrets -}}
{{- end -}}

{{- define "dfsync.tlsSecret" -}}
{{- default (printf "%s-tls" (include "dfsync.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{/* The volumes that the container mounts, but for :SYNC. No subPath anywhere: what is mounted by one is never renewed. */}}
{{- define "dfsync.volumes" -}}
- name: dfsync-network
{{- if .Values.network.existingSecret }}
  secret:
    secretName: {{ .Values.network.existingSecret | quote }}
    defaultMode: 288 # 0440, which YAML 1.1 and 1.2 do not agree on
{{- else }}
  configMap:
    name: {{ default (printf "%s-network" (include "dfsync.fullname" .)) .Values.network.existingConfigMap | quote }}
{{- end }}
- name: dfsync-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- range $name, $secret := include "dfsync.secrets" . | fromJson }}
- name: dfsync-{{ $name }}
  secret:
    secretName: {{ $secret | quote }}
    # 0440: dfsync refuses what everybody may read; the group is fsGroup.
    defaultMode: 288
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

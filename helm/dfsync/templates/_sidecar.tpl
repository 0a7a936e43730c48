{{/*
For charts that have this one as a dependency, with `kind: sidecar`. All take its scope: `.Subcharts.dfsync`.

  dfsync.sidecar            the container; in initContainers where sidecar.native is true, else in containers
  dfsync.sidecar.wait       an init container that waits until the volume is in sync; after a native sidecar
  dfsync.sidecar.volumes    volumes of the pod, but for the one that is :SYNC
  dfsync.sidecar.labels     labels of the pod, by which services and monitors find it
  dfsync.peers.name         the serviceName of the StatefulSet
*/}}
{{- define "dfsync.sidecar" -}}
{{ include "dfsync.container" . }}
{{- if .Values.sidecar.native }}
restartPolicy: Always
{{- end }}
{{- end -}}

{{- define "dfsync.sidecar.wait" -}}
{{- if not .Values.sidecar.native -}}
{{- fail "dfsync: dfsync.sidecar.wait needs sidecar.native: true; init containers run before a plain sidecar starts, so it would wait for ever" -}}
{{- end -}}
name: dfsync-wait
image: {{ include "dfsync.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [wait, --timeout, {{ .Values.sidecar.waitTimeout }}, --url, {{ include "dfsync.localUrl" . | quote }}]
{{- if .Values.opsTls.existingSecret }}
env:
{{ include "dfsync.identity" . | indent 2 }}
{{- with include "dfsync.opsCertificate" . | trim }}{{ . | nindent 2 }}{{ end }}
volumeMounts:
  - name: dfsync-ops-tls
    mountPath: /etc/dfsync/ops-tls
    readOnly: true
{{- end }}
resources:
{{ toYaml .Values.resources | indent 2 }}
securityContext:
{{ toYaml .Values.securityContext | indent 2 }}
{{- end -}}

{{- define "dfsync.sidecar.volumes" -}}
{{ include "dfsync.volumes" . }}
{{- end -}}

{{- define "dfsync.sidecar.labels" -}}
dfsync/sidecar-of: {{ include "dfsync.fullname" . }}
{{- end -}}

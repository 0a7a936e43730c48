{{/* The pod of every kind. */}}
{{- define "dfsync.pod" -}}
metadata:
  labels:
{{ include "dfsync.labels" . | indent 4 }}
{{- with .Values.podLabels }}
{{ toYaml . | indent 4 }}
{{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: dfsync
{{- with .Values.podAnnotations }}
{{ toYaml . | indent 4 }}
{{- end }}
spec:
  serviceAccountName: {{ include "dfsync.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
{{ toYaml .Values.podSecurityContext | indent 4 }}
{{- if and (eq .Values.kind "daemonset") .Values.hostNetwork }}
  hostNetwork: true
  dnsPolicy: {{ default "ClusterFirstWithHostNet" .Values.dnsPolicy }}
{{- else if .Values.dnsPolicy }}
  dnsPolicy: {{ .Values.dnsPolicy }}
{{- end }}
{{- range $field := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" "runtimeClassName" "dnsConfig" "hostAliases" }}
{{- with get $.Values $field }}
  {{ $field }}:
{{- if kindIs "string" . }} {{ . | quote }}{{ else }}
{{ toYaml . | indent 4 }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraInitContainers }}
  initContainers:
{{ toYaml . | indent 4 }}
{{- end }}
  containers:
    -
{{ include "dfsync.container" . | indent 6 }}
{{- with .Values.extraContainers }}
{{ toYaml . | indent 4 }}
{{- end }}
  volumes:
{{- if eq .Values.kind "daemonset" }}
    - name: sync
      hostPath:
        path: {{ .Values.volume.hostPath | quote }}
        type: {{ .Values.volume.hostPathType }}
{{- else if eq .Values.kind "deployment" }}
    - name: sync
      persistentVolumeClaim:
        claimName: {{ .Values.volume.existingClaim | quote }}
{{- end }}
{{ include "dfsync.volumes" . | indent 4 }}
{{- end -}}

{{/* Metadata of every object but pods. */}}
{{- define "dfsync.metadata" -}}
namespace: {{ .Release.Namespace | quote }}
labels:
{{ include "dfsync.labels" . | indent 2 }}
{{- end -}}

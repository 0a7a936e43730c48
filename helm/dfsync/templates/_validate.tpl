{{/* Every mistake in the values at once, each with what to do. Rules of the description are those of `dfsync check-config`. */}}
{{- define "dfsync.validate" -}}
{{- $all := concat (include "dfsync.problems.kind" . | fromJsonArray) (include "dfsync.problems.security" . | fromJsonArray) (include "dfsync.problems.objects" . | fromJsonArray) -}}
{{- if include "dfsync.network.isOurs" . -}}
{{- $all = concat $all (include "dfsync.problems.network" . | fromJsonArray) -}}
{{- end -}}
{{- if $all -}}
{{- fail (printf "\n\ndfsync: these values cannot work:\n  - %s\n" (join "\n  - " $all)) -}}
{{- end -}}
{{- end -}}

{{- define "dfsync.problems.kind" -}}
{{- $problems := list -}}
{{- $v := .Values -}}
{{- if and (eq $v.kind "daemonset") (not $v.volume.hostPath) -}}
{{- $problems = append $problems "kind is daemonset, but volume.hostPath is empty: say which directory of the nodes is :SYNC" -}}
{{- end -}}
{{- if and $v.volume.hostPath (not (hasPrefix "/" $v.volume.hostPath)) -}}
{{- $problems = append $problems (printf "volume.hostPath %q is not absolute: begin it with /" $v.volume.hostPath) -}}
{{- end -}}
{{- if and $v.volume.hostPath (ne $v.kind "daemonset") -}}
{{- $problems = append $problems (printf "volume.hostPath is for kind daemonset, and kind is %s: remove one of the two" $v.kind) -}}
{{- end -}}
{{- if and (eq $v.kind "deployment") (not $v.volume.existingClaim) -}}
{{- $problems = append $problems "kind is deployment, but volume.existingClaim is empty: name the claim that is :SYNC, or take kind statefulset, which makes claims" -}}
{{- end -}}
{{- if and $v.volume.existingClaim (ne $v.kind "deployment") -}}
{{- $problems = append $problems (printf "volume.existingClaim is for kind deployment, and kind is %s: remove one of the two" $v.kind) -}}
{{- end -}}
{{- if and $v.preStop.enabled (le (int $v.terminationGracePeriodSeconds) (add (int $v.preStop.timeoutSeconds) 10)) -}}
{{- $problems = append $problems (printf "terminationGracePeriodSeconds is %d, and must be more than preStop.timeoutSeconds and the ten seconds of a stop: raise it above %d" (int $v.terminationGracePeriodSeconds) (add (int $v.preStop.timeoutSeconds) 10)) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "dfsync.problems.security" -}}
{{- $problems := list -}}
{{- $v := .Values -}}
{{- $tls := $v.tls -}}
{{- if and $tls.enabled (not $tls.existingSecret) (not $tls.certManager.enabled) -}}
{{- $problems = append $problems "tls.enabled, but there is no certificate: name a Secret in tls.existingSecret, or set tls.certManager.enabled" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.enabled) -}}
{{- $problems = append $problems "tls.certManager.enabled, but tls.enabled is false: the certificate would not be used; set tls.enabled" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not $tls.certManager.issuerRef.name) -}}
{{- $problems = append $problems "tls.certManager.enabled, but tls.certManager.issuerRef has no name: say which Issuer or ClusterIssuer signs" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (not (include "dfsync.network.isOurs" .)) -}}
{{- $problems = append $problems "tls.certManager.enabled, but the network description is an existing one, so the chart does not know whom the certificate must name: make the Certificate yourself and name its Secret in tls.existingSecret" -}}
{{- end -}}
{{- if and $tls.certManager.enabled (contains "$(" (print $tls.certKey $tls.keyKey)) -}}
{{- $problems = append $problems "tls.certManager makes one certificate of the release, with the keys tls.crt and tls.key: take the variables out of tls.certKey and tls.keyKey" -}}
{{- end -}}
{{- if not (or $tls.enabled $v.token.existingSecret $v.insecure) -}}
{{- $problems = append $problems "anybody who reaches the peers' port could read every file: name a Secret in token.existingSecret (kubectl create secret generic dfsync-token --from-literal=token=$(openssl rand -hex 32)), or set tls.enabled, or, where a network policy or a mesh keeps others out, insecure" -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

{{- define "dfsync.problems.objects" -}}
{{- $problems := list -}}
{{- $v := .Values -}}
{{- if and $v.network.existingConfigMap $v.network.existingSecret -}}
{{- $problems = append $problems "network.existingConfigMap and network.existingSecret are both set: keep one" -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled $v.metrics.podMonitor.enabled -}}
{{- $problems = append $problems "metrics.serviceMonitor and metrics.podMonitor are both enabled, so everything would be scraped twice: keep one" -}}
{{- end -}}
{{- if and $v.metrics.serviceMonitor.enabled (not $v.service.ops.enabled) -}}
{{- $problems = append $problems "metrics.serviceMonitor.enabled needs service.ops.enabled: enable it, or take metrics.podMonitor" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (eq $v.kind "sidecar") -}}
{{- $problems = append $problems "networkPolicy.enabled with kind sidecar would cut off the application in the same pod: disable it, and allow dfsync's ports in the application's policy" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled $v.hostNetwork -}}
{{- $problems = append $problems "networkPolicy.enabled with hostNetwork has no effect on pods in the node's network: disable one of the two" -}}
{{- end -}}
{{- if and $v.podDisruptionBudget.enabled (has $v.kind (list "daemonset" "sidecar")) -}}
{{- $problems = append $problems (printf "podDisruptionBudget.enabled with kind %s: a drain leaves the pods of a DaemonSet alone, and those with a sidecar are the application's; disable it" $v.kind) -}}
{{- end -}}
{{- with $v.service.gateway.type -}}
{{- if eq $v.kind "daemonset" -}}
{{- $problems = append $problems "service.gateway.type is set, but kind is daemonset: gateways are reached at their nodes (hostPort); leave it empty and give external_address in network.sites" -}}
{{- end -}}
{{- if not $v.network.gateways -}}
{{- $problems = append $problems "service.gateway.type is set, but network.gateways is empty: list the ordinals of the gateways" -}}
{{- end -}}
{{- end -}}
{{- range $v.network.gateways -}}
{{- if and (ne $v.kind "deployment") (ge (int .) (int $v.replicas)) -}}
{{- $problems = append $problems (printf "network.gateways has ordinal %d, but replicas is %d: the last pod has ordinal %d" (int .) (int $v.replicas) (sub (int $v.replicas) 1)) -}}
{{- end -}}
{{- end -}}
{{- if gt (len $v.network.externalAddresses) (len $v.network.gateways) -}}
{{- $problems = append $problems (printf "network.externalAddresses has %d addresses for %d gateways: one each, in the order of network.gateways" (len $v.network.externalAddresses) (len $v.network.gateways)) -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

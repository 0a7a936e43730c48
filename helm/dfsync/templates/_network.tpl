{{/* Whether the chart writes the network description: "true" or empty. */}}
{{- define "dfsync.network.isOurs" -}}
{{- if not (or .Values.network.existingConfigMap .Values.network.existingSecret) -}}true{{- end -}}
{{- end -}}

{{/* The servers that the pods of this release are, as a JSON list. */}}
{{- define "dfsync.network.pods" -}}
{{- $network := .Values.network -}}
{{- $count := ternary 1 (int .Values.replicas) (eq .Values.kind "deployment") -}}
{{- $servers := list -}}
{{- range $ordinal := until $count -}}
{{- $peers := include "dfsync.peers.name" $ -}}
{{- $name := include "dfsync.fullname" $ -}}
{{- $host := $peers -}}
{{- if ne $.Values.kind "deployment" -}}
{{- $name = printf "%s-%d" (include "dfsync.podPrefix" $) $ordinal -}}
{{- $host = printf "%s.%s" $name $peers -}}
{{- end -}}
{{- $roleid := add (int $network.roleidBase) $ordinal -}}
{{- $role := dict "name" (printf "dfsync%d" $roleid) "roletype" "dfsync" "iface" "eth0" "roleid" $roleid "separate" true "is_cross_site" false -}}
{{- with $network.ext -}}{{- $_ := set $role "ext" . -}}{{- end -}}
{{- $server := dict "name" $name "address" (printf "%s.%s.svc.%s:%d" $host $.Release.Namespace $.Values.clusterDomain (int $.Values.ports.peers)) "roles" (list $role) -}}
{{- range $at, $gateway := $network.gateways -}}
{{- if eq (int $gateway) $ordinal -}}
{{- $_ := set $role "is_cross_site" true -}}
{{- if lt $at (len $network.externalAddresses) -}}
{{- $_ := set $server "external_address" (index $network.externalAddresses $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $servers = append $servers $server -}}
{{- end -}}
{{- toJson $servers -}}
{{- end -}}

{{/* The network description, as JSON. */}}
{{- define "dfsync.network" -}}
{{- $network := .Values.network -}}
{{- $sites := $network.sites -}}
{{- $isListed := false -}}
{{- range $sites -}}{{- if eq (toString .name) $network.site -}}{{- $isListed = true -}}{{- end -}}{{- end -}}
{{- if not $isListed -}}
{{- $sites = prepend $sites (dict "name" $network.site "servers" (fromJsonArray (include "dfsync.network.pods" .))) -}}
{{- end -}}
{{- dict "sites" $sites "domains" $network.domains "options" $network.options | toPrettyJson -}}
{{- end -}}

{{/* The servers of this release's site, as a JSON list. */}}
{{- define "dfsync.network.own" -}}
{{- $own := list -}}
{{- $site := .Values.network.site -}}
{{- range (fromJson (include "dfsync.network" .)).sites -}}
{{- if eq (toString .name) $site -}}{{- $own = .servers -}}{{- end -}}
{{- end -}}
{{- toJson $own -}}
{{- end -}}

{{/* Directory of a domain that this site serves, for tests: the first one, or common. */}}
{{- define "dfsync.network.directory" -}}
{{- $found := "common" -}}
{{- range reverse .Values.network.domains -}}
{{- if has $.Values.network.site .sites -}}{{- $found = default .name .directory -}}{{- end -}}
{{- end -}}
{{- $found -}}
{{- end -}}

{{- define "dfsync.problems.network" -}}
{{- $problems := list -}}
{{- $v := .Values -}}
{{- $sites := (include "dfsync.network" . | fromJson).sites -}}
{{- $isListed := false -}}
{{- range $v.network.sites -}}{{- if eq (toString .name) $v.network.site -}}{{- $isListed = true -}}{{- end -}}{{- end -}}
{{- if and (eq $v.kind "daemonset") (not $isListed) -}}
{{- $problems = append $problems (printf "kind is daemonset, but network.sites does not list site %q: list it with a server for each node, whose name is the node's" $v.network.site) -}}
{{- end -}}
{{- $siteNames := dict -}}
{{- $serverNames := dict -}}
{{- $roleids := dict -}}
{{- $outside := dict -}}
{{- range $site := $sites -}}
{{- $name := toString $site.name -}}
{{- if hasKey $siteNames $name -}}
{{- $problems = append $problems (printf "network.sites lists site %q twice: every site needs its own name" $name) -}}
{{- end -}}
{{- $_ := set $siteNames $name true -}}
{{- if not $site.servers -}}
{{- $problems = append $problems (printf "site %q lists no server: add its servers, or remove it" $name) -}}
{{- end -}}
{{- $hasGateway := false -}}
{{- $inside := dict -}}
{{- range $server := $site.servers -}}
{{- $who := printf "server %q of site %q" (toString $server.name) $name -}}
{{- if not $server.name -}}
{{- $problems = append $problems (printf "site %q has a server without a name: name it" $name) -}}
{{- end -}}
{{- if hasKey $serverNames (toString $server.name) -}}
{{- $problems = append $problems (printf "%s has the name of another server: every server needs its own" $who) -}}
{{- end -}}
{{- $_ := set $serverNames (toString $server.name) true -}}
{{- if not $server.address -}}
{{- $problems = append $problems (printf "%s has no address: say how the other servers of its site reach it, host or host:port" $who) -}}
{{- end -}}
{{- $enabled := list -}}
{{- $seen := 0 -}}
{{- range $role := $server.roles -}}
{{- if eq (toString $role.roletype) "dfsync" -}}
{{- $seen = add $seen 1 -}}
{{- range $field := list "name" "iface" "roleid" "separate" -}}
{{- if not (hasKey $role $field) -}}
{{- $problems = append $problems (printf "%s has a dfsync role without %s: add it" $who $field) -}}
{{- end -}}
{{- end -}}
{{- if ne (toString $role.enabled) "false" -}}
{{- $enabled = append $enabled $role -}}
{{- $roleid := toString $role.roleid -}}
{{- if hasKey $roleids $roleid -}}
{{- $problems = append $problems (printf "roleid %s is that of %s and of %s: it must be unique in the whole system; give one of them another (network.roleidBase for pods)" $roleid (get $roleids $roleid) $who) -}}
{{- else -}}
{{- $_ := set $roleids $roleid $who -}}
{{- end -}}
{{- if eq (toString $role.is_cross_site) "true" -}}
{{- $hasGateway = true -}}
{{- $external := toString (default $server.address $server.external_address) -}}
{{- if and (hasKey $outside $external) (gt (len $sites) 1) -}}
{{- $problems = append $problems (printf "%s and %s are gateways at the same address %s: every gateway needs its own, also behind a load balancer" (get $outside $external) $who $external) -}}
{{- end -}}
{{- $_ := set $outside $external $who -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq (int $seen) 0 -}}
{{- $problems = append $problems (printf "%s has no role of roletype dfsync: add one (it may be disabled), or remove the server" $who) -}}
{{- end -}}
{{- if gt (len $enabled) 1 -}}
{{- $problems = append $problems (printf "%s has %d enabled dfsync roles: disable all but one (one :SYNC, one dfsync)" $who (len $enabled)) -}}
{{- end -}}
{{- if and $enabled (hasKey $inside (toString $server.address)) -}}
{{- $problems = append $problems (printf "%s has the address of another server of its site: every server needs its own host:port" $who) -}}
{{- end -}}
{{- if $enabled -}}{{- $_ := set $inside (toString $server.address) true -}}{{- end -}}
{{- end -}}
{{- if and (gt (len $sites) 1) (not $hasGateway) -}}
{{- $problems = append $problems (printf "site %q has no gateway, and there is more than one site: set is_cross_site: true on one of its enabled dfsync roles (network.gateways for pods)" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $isListed (ne $v.kind "daemonset") -}}
{{- $own := dict -}}
{{- range include "dfsync.network.own" . | fromJsonArray -}}{{- $_ := set $own (toString .name) true -}}{{- end -}}
{{- range include "dfsync.network.pods" . | fromJsonArray -}}
{{- if not (hasKey $own .name) -}}
{{- $problems = append $problems (printf "network.sites lists site %q without the pod %q, which would do nothing: add a server of this name, or leave the site out" $v.network.site .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $domains := dict -}}
{{- $directories := dict -}}
{{- range $domain := $v.network.domains -}}
{{- $name := toString $domain.name -}}
{{- $directory := toString (default $name $domain.directory) -}}
{{- if eq $name "common" -}}
{{- $problems = append $problems "network.domains lists common, which exists on every site without that: remove it" -}}
{{- else if eq $directory "common" -}}
{{- $problems = append $problems (printf "domain %q has the directory common, which is that of every site: choose another one" $name) -}}
{{- end -}}
{{- if or (contains "/" $directory) (has $directory (list "." ".." ".dfsync" "lost+found")) -}}
{{- $problems = append $problems (printf "domain %q has the directory %q: it must be one first-level directory of :SYNC" $name $directory) -}}
{{- end -}}
{{- if hasKey $domains $name -}}
{{- $problems = append $problems (printf "network.domains lists %q twice: every domain needs its own name" $name) -}}
{{- end -}}
{{- $_ := set $domains $name true -}}
{{- if hasKey $directories $directory -}}
{{- $problems = append $problems (printf "domains %q and %q are both on the directory %q: every domain needs its own" (get $directories $directory) $name $directory) -}}
{{- else -}}
{{- $_ := set $directories $directory $name -}}
{{- end -}}
{{- range $domain.sites -}}
{{- if not (hasKey $siteNames (toString .)) -}}
{{- $problems = append $problems (printf "domain %q is mapped to site %q, which there is not: known are %s" $name (toString .) (keys $siteNames | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $problems -}}
{{- end -}}

# The Node that package.json pins; override NODE_IMAGE with a mirror, or with the same tag and its digest.
ARG NODE_IMAGE=docker.io/library/node:26.10.0-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No scripts: the only one of a dependency fetches a Node, which the image is.
RUN npm ci --ignore-scripts --no-fund --no-audit
COPY tsconfig.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-fund --no-audit

FROM ${NODE_IMAGE}
# npm is of no use in there, and most of what scanners report.
RUN apt-get update \
 && apt-get install -y --no-install-recommends inotify-tools tini \
 && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
           /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && install -d -m 0755 /etc/dfsync /licenses \
 && install -d -o 65532 -g 0 -m 2775 /sync \
 && ln -s /app/src/bin.js /usr/local/bin/dfsync
COPY LICENSE /licenses/
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/src/bin.js /app/src/bin.js
COPY --from=build /app/dist /app/dist

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=https://github.com/dfsync/dfsync
LABEL org.opencontainers.image.title="dfsync" \
      org.opencontainers.image.description="Keeps a directory tree equal on all servers of a system" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

# HOME: an arbitrary user has no entry in passwd. MALLOC_…: glibc's arenas cost memory for every thread that scans.
ENV NODE_ENV=production \
    HOME=/tmp \
    MALLOC_ARENA_MAX=1 \
    MALLOC_MMAP_THRESHOLD_=131072 \
    DFSYNC_ROOT=/sync \
    DFSYNC_CONFIG=/etc/dfsync/network.json
# A number: Kubernetes cannot tell of a name that it is not root.
USER 65532:65532
EXPOSE 7420 9420
# tini reaps what the helpers leave behind and passes signals on; -s does so too where a pod shares its process namespace.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/usr/local/bin/dfsync"]
CMD ["run"]
HEALTHCHECK --start-period=60s CMD ["/usr/local/bin/dfsync", "healthcheck"]

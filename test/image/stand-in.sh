#!/bin/sh
# Makes an image like docker.io's node slim out of Debian's packages and a Node binary, for machines that reach no image registry.
#
#   stand-in.sh ARCHIVE NODE_BINARY IMAGE     keeps it in ARCHIVE (oci-archive), so that it is made once
#
# Needs root, buildah, debootstrap and npm. A certificate authority that this machine trusts is trusted in there too.
set -eu
archive=$1 node=$2 image=$3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$(dirname "$archive")"

debootstrap --variant=minbase --include=ca-certificates,libatomic1 bookworm "$root" >"$archive.log" 2>&1 \
  || { tail -5 "$archive.log" >&2; exit 1; }
install -m 755 "$node" "$root/usr/local/bin/node"
npm install --silent -g --prefix "$root/usr/local" npm@11
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/usr/local/etc"
echo cafile=/etc/ssl/certs/ca-certificates.crt >"$root/usr/local/etc/npmrc"
chroot "$root" sh -c 'groupadd -g 1000 node && useradd -u 1000 -g 1000 -m -s /bin/bash node && apt-get clean && rm -rf /var/lib/apt/lists/*'

container=$(buildah from scratch)
buildah copy -q "$container" "$root" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$container"
buildah commit -q --rm "$container" "$image" >/dev/null
buildah push -q "$image" "oci-archive:$archive.new:$image"
mv "$archive.new" "$archive"

#!/usr/bin/env bash
# docker's plugins `compose` and `buildx` in $cache/docker-plugins, from Debian's packages of the release in the making,
# unpacked and not installed: Debian 12 has neither. The release moves, so no version is asked for; which ones came is
# said, and written into docker-plugins/versions.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
plugins=$cache/docker-plugins

present() { [[ -x $plugins/docker-compose && -x $plugins/docker-buildx ]]; }
begin 'docker compose and buildx' "put docker's plugins docker-compose (2.20 or newer) and docker-buildx as programs of \
these names into $plugins"

unpack_from_suite "$DEBIAN_NEXT" docker-compose docker-buildx
# Go programs: nothing of theirs is linked but libc, and no newer one than Debian 12 has.
mkdir "$work/plugins"
for plugin in compose buildx; do
  cp "$work/root/usr/libexec/docker/cli-plugins/docker-$plugin" "$work/plugins/docker-$plugin"
  metadata=$("$work/plugins/docker-$plugin" docker-cli-plugin-metadata)
  sed -n "s/.*\"Version\": *\"\([^\"]*\)\".*/$plugin \1/p" <<<"$metadata" | head -n 1 >>"$work/plugins/versions"
done
versions=$(paste -s -d , "$work/plugins/versions" | sed 's/,/, /g')
rm -rf "$plugins"
mv -T "$work/plugins" "$plugins"
rm -rf "$work"
say "unpacked $versions in $SECONDS s"

#!/usr/bin/env bash
# debian.sh PACKAGE…: system packages, by apt-get. What is there is left as it is, whoever installed it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
export DEBIAN_FRONTEND=noninteractive

# The program that a package is wanted for, or another file of it, as a pattern: that counts, not the package, so that other
# distributions can do too.
program() {
  case $1 in
    apache2-utils) echo htpasswd ;;
    docker.io) echo dockerd ;;
    ldap-utils) echo ldapadd ;;
    mariadb-server) echo mariadbd ;;
    postgresql) echo pg_ctlcluster ;; # the server's own programs are on no PATH
    samba-ad-provision) echo '/usr/share/samba/setup/provision.ldif' ;;
    samba-dsdb-modules) echo '/usr/lib/*/samba/ldb/samldb.so' ;;
    samba-vfs-modules) echo '/usr/lib/*/samba/vfs/acl_xattr.so' ;;
    *) echo "$1" ;;
  esac
}

is_there() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Which of the packages are missing; those that dpkg left half installed count as missing.
missing() {
  local package half=
  if command -v dpkg-query >/dev/null; then
    half=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
      sed -nE '/ (installed|not-installed|config-files)$/d; s/ .*//p') || true
  fi
  for package in "$@"; do
    if ! is_there "$(program "$package")" || grep -qxF "$package" <<<"$half"; then echo "$package"; fi
  done
}

present() {
  mapfile -t packages < <(missing "${wanted[@]}")
  ((${#packages[@]} == 0))
}

wanted=("$@")
# One lock for all calls, whatever they ask for: dpkg takes one at a time.
begin 'system packages' "as root: apt-get install --no-install-recommends ${*}; \
on another distribution, put these programs on the PATH by its own means"

command -v apt-get >/dev/null || refuse "there is no \`apt-get\` to install ${packages[*]} with"
as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || refuse "only root can install ${packages[*]}"
  as_root=(sudo -n --preserve-env=DEBIAN_FRONTEND)
fi

# A registry, a Docker engine and databases must not start as services of the machine: tests start their own.
# `policy-rc.d` is how Debian is told; a machine that has one keeps it.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$work/policy-rc.d"
  run "${as_root[@]}" install -m 755 "$work/policy-rc.d" "$policy"
fi

if dpkg --audit | grep -q .; then run "${as_root[@]}" dpkg --configure -a; fi
# A list that cannot be had (a third party's, say) is no fault yet: the packages may come from the others.
"${as_root[@]}" apt-get update -q || echo 'some package lists could not be fetched'
run "${as_root[@]}" apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"
hash -r
# Nor when the machine starts the next time.
if [[ -d /run/systemd/system ]]; then
  for package in "${packages[@]}"; do
    case $package in
      mariadb-server) run "${as_root[@]}" systemctl disable mariadb.service ;;
      samba) run "${as_root[@]}" systemctl disable smbd.service nmbd.service samba-ad-dc.service ;;
      postgresql) run "${as_root[@]}" systemctl disable postgresql.service ;;
    esac
  done
fi

mapfile -t absent < <(missing "${packages[@]}")
((${#absent[@]} == 0)) || refuse "installed, yet their programs are not on the PATH: ${absent[*]}"

versions=
for package in "${packages[@]}"; do
  # `1:2.8.2+ds1-1+b10` is 2.8.2.
  version=$(dpkg-query -W -f '${source:Upstream-Version}' "$package" | sed -E 's/[+~].*//')
  pin=DEBIAN_$(tr 'a-z.+-' 'A-Z___' <<<"$package")
  expected=${!pin:-}
  versions+=", $package $version"
  if [[ -n $expected && $version != "$expected" ]]; then versions+=" (the tests were written against $expected)"; fi
done
rm -rf "$work"
say "installed ${versions#, } in $SECONDS s"

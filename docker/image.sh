#!/bin/sh
# image.sh PROGRAM FOLDER: lays out what the image of registry-auth has beside busybox: the program, which is linked with
# what this machine has, the CA roots of this machine, and docker_auth's path.
set -eu
program=$1 image=$2
roots=/etc/ssl/certs/ca-certificates.crt
[ -f "$roots" ] || { echo "error: there is no $roots; install ca-certificates" >&2; exit 1; }

rm -rf "$image"
mkdir -p "$image/usr/local/bin" "$image/usr/lib" "$image/etc/ssl/certs" "$image/docker_auth"
cp "$program" "$image/usr/local/bin/registry-auth"
# Nobody debugs it in there; what `make program` leaves has no such symbols, a build for tests has 180 MB of them.
strip "$image/usr/local/bin/registry-auth"
# The one library of a Rust program that is not the C library's.
for library in $(ldd "$program" | sed -n 's/.* => \(.*\/libgcc_s\.so\.1\) .*/\1/p'); do
  cp -L "$library" "$image/usr/lib/"
done
cp -L "$roots" "$image/etc/ssl/certs/"
ln -s /usr/local/bin/registry-auth "$image/docker_auth/auth_server"
# Whatever the umask of whoever runs this.
chmod -R u=rwX,go=rX "$image"

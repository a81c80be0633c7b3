#!/bin/sh
# Puts sample accounts and a rule into the database at the first start, and has registry-auth ask it.
# The passwords are told in the README: only for trying it.
set -eu
config=/config/backends/mongo.yml

# `list` ends with 1 where there is nothing, and with 2 where it could not ask: the server is still starting.
tries=30
while :; do
  found=0
  registry-auth users list "$config" || found=$?
  [ "$found" -gt 1 ] && [ "$tries" -gt 0 ] || break
  tries=$((tries - 1))
  sleep 1
done
case $found in
  0) ;;
  1)
    registry-auth acl list "$config" || registry-auth acl import "$config" /mongo/rules.yml
    printf lovelace | registry-auth users add "$config" ada --label teams=devs
    printf hopper | registry-auth users add "$config" grace
    ;;
  *) exit "$found" ;;
esac
ln -sf /config/backends/mongo.yml /backends/mongo.yml

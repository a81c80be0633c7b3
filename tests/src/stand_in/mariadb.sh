#!/bin/sh
# Of what starts the public image, that which docker-compose.yml uses: at the first start a database, what lies in
# /docker-entrypoint-initdb.d, and a password of root that nobody knows.
set -eu
if [ ! -d /var/lib/mysql/mysql ]; then
  mariadb-install-db --auth-root-authentication-method=normal --skip-test-db --force
  mariadbd --skip-networking & server=$!
  until mariadb -u root -e 'SELECT 1' >/dev/null 2>&1; do kill -0 "$server"; sleep 0.1; done
  mariadb -u root -e "CREATE DATABASE $MARIADB_DATABASE"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    mariadb -u root "$MARIADB_DATABASE" <"$file"
  done
  [ "$MARIADB_RANDOM_ROOT_PASSWORD" = 1 ]
  mariadb -u root -e "ALTER USER root@localhost IDENTIFIED BY '$(head -c 16 /dev/urandom | md5sum | head -c 32)'"
  kill "$server"
  wait "$server"
fi
exec "$@"
